# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The story on UEFI: HTTP boot of iPXE, a GPT with an ESP, and dhcpd in place of Kea."""

from __future__ import annotations

import pathlib
from dataclasses import replace

from lab.distribution.sources import LOCAL
from lab.evidence import Laps
from lab.machine.hardware import UEFI_HTTP, Hardware
from lab.machine.machine import machine
from lab.story.frontend import frontend
from lab.story.steps import Story
from support.namespaces import Network

NODE = Hardware("52:54:00:00:00:01", firmware=UEFI_HTTP)
# The stand-in's signed GRUB is Debian's, which does not continue over HTTP.
SITE = {"frontend_dhcp": "dhcpd", "frontend_boot_loader": "ipxe"}
NEWER = replace(LOCAL, version="1.1")


def test_an_unknown_uefi_machine_becomes_a_compute_node_works_and_is_reinstalled(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with (
        frontend(net, folder / "frontend", SITE) as fe,
        machine(net, folder / "node", NODE) as node,
    ):
        laps.lap("the frontend has converged and published a distribution")
        story = Story(fe, node, laps)
        story.integrate()
        story.check(LOCAL.version)
        assert story.ssh("blkid -p -s PTTYPE -o value /dev/vda") == "gpt\n"
        assert story.ssh("findmnt --noheadings --output FSTYPE /boot/efi") == "vfat\n"

        story.mark()
        fe.add_package(NEWER)
        assert "1 upgraded" in fe.publish()
        story.reinstall()
        story.check(NEWER.version)
        story.check_marks()
