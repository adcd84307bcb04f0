# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab works without the product: a machine from its power button to a login."""

from __future__ import annotations

import pathlib
from dataclasses import replace

import pytest

from lab import cache, plain
from lab.evidence import Laps
from lab.image.tree import tree
from lab.machine.hardware import BIOS, UEFI_HTTP, UEFI_PXE, Hardware
from lab.machine.machine import Machine, machine
from lab.plain import Frontend, frontend
from lab.ssh import Key, new_key
from support.namespaces import Network

NODE = Hardware("52:54:00:00:00:01")
ADDRESS = "10.1.255.254"
HOSTS = {NODE.mac: f"{ADDRESS},compute-0-0"}
KICKSTART = (cache.LAB / "kickstarts/machine.cfg").read_text()
INSTALL_SECONDS = 900.0
STATE = "/state/partition1/kept"


def install(node: Machine, fe: Frontend, laps: Laps) -> None:
    """Wait until the installed system has reported, after power-on or a reboot."""
    before = len(fe.requests(ADDRESS, "/event/up"))
    for what in ("/ks/", "/tree/repodata/repomd.xml", "/event/installed", "/event/up"):
        earlier = before if what == "/event/up" else len(fe.requests(ADDRESS, what))

        def is_requested(path: str = what, count: int = earlier) -> bool:
            return len(fe.requests(ADDRESS, path)) > count

        node.wait(is_requested, INSTALL_SECONDS, f"{what} to be requested")
        laps.lap(what, node.cpu_seconds())


def check_login(net: Network, key: Key) -> None:
    """The rules for an installed machine: a login by key, and no unit that failed."""
    assert (
        key.run(net.server, ADDRESS, "systemctl", "is-system-running", "--wait").strip()
        == "running"
    )
    assert key.run(net.server, ADDRESS, "systemctl", "--failed", "--no-legend", "--plain") == ""
    assert key.run(net.server, ADDRESS, "hostname").strip() == "compute-0-0"


def test_a_bios_machine_installs_boots_and_keeps_a_partition_when_it_is_reinstalled(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], laps: Laps
) -> None:
    key = new_key(folder)
    kickstart = KICKSTART.replace("@KEY@", key.public)
    with (
        frontend(net, folder / "frontend", HOSTS, web_content) as fe,
        machine(net, folder / "node", NODE) as node,
    ):
        fe.reinstall(ADDRESS, kickstart)
        laps.restart()
        node.power_on()
        install(node, fe, laps)
        check_login(net, key)
        assert "X-RHN-Provisioning-MAC-0" in fe.requests(ADDRESS, "/ks/")[0].headers
        curl = key.run(net.server, ADDRESS, "rpm", "-q", "curl")
        assert curl.strip().endswith(".1.x86_64"), "the newer version is in the updates"

        key.run(net.server, ADDRESS, f"echo state >{STATE}; echo soft >/root/gone; sync")
        fe.reinstall(ADDRESS, kickstart)
        laps.restart()
        key.run(net.server, ADDRESS, "systemd-run --on-active=1 systemctl reboot")
        install(node, fe, laps)
        check_login(net, key)
        assert (
            key.run(net.server, ADDRESS, f"cat {STATE}; test -e /root/gone || echo clean")
            == "state\nclean\n"
        )


def test_a_uefi_machine_boots_by_http_and_installs_on_gpt(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], laps: Laps
) -> None:
    key = new_key(folder)
    hardware = replace(NODE, firmware=UEFI_HTTP)
    release_10 = {**web_content, "tree": tree("10.0")}
    with (
        frontend(net, folder / "frontend", HOSTS, release_10) as fe,
        machine(net, folder / "node", hardware) as node,
    ):
        fe.reinstall(ADDRESS, KICKSTART.replace("@KEY@", key.public))
        laps.restart()
        node.power_on()
        install(node, fe, laps)
        check_login(net, key)
        assert fe.requests(ADDRESS, "/ipxe.efi")[0].headers["User-Agent"] == "UefiHttpBoot/1.0"
        assert (
            key.run(net.server, ADDRESS, "cat /etc/redhat-release").strip()
            == "Lab Enterprise Linux 10.0"
        )
        assert key.run(net.server, ADDRESS, "blkid -p -s PTTYPE -o value /dev/vda").strip() == "gpt"
        assert "lab" in key.run(net.server, ADDRESS, "efibootmgr")
        assert "/boot/efi" in key.run(
            net.server, ADDRESS, "findmnt --noheadings --output TARGET /boot/efi"
        )


def test_a_uefi_machine_boots_by_pxe_into_the_installer(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], laps: Laps
) -> None:
    hardware = replace(NODE, firmware=UEFI_PXE)
    with (
        frontend(net, folder / "frontend", HOSTS, web_content) as fe,
        machine(net, folder / "node", hardware) as node,
    ):
        fe.reinstall(ADDRESS, KICKSTART)
        laps.restart()
        node.power_on()
        node.wait(
            lambda: bool(fe.requests(ADDRESS, "/ks/")),
            INSTALL_SECONDS,
            "the kickstart to be requested",
        )
        laps.lap("/ks/", node.cpu_seconds())


@pytest.mark.parametrize("firmware", [BIOS])
def test_stage_1_requests_a_lease_until_the_frontend_is_back(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], firmware: str
) -> None:
    hardware = replace(NODE, firmware=firmware)
    with (
        frontend(net, folder / "frontend", HOSTS, web_content) as fe,
        machine(net, folder / "node", hardware) as node,
    ):
        fe.reinstall(ADDRESS, KICKSTART)
        node.power_on()
        node.wait(
            lambda: bool(fe.requests(ADDRESS, "/tree/images/pxeboot/initrd.img")),
            INSTALL_SECONDS,
            "the initrd to be requested",
        )
        fe.dhcp.stop()
        node.wait_for_console("asking for a lease", INSTALL_SECONDS)
        with plain.dhcp(net, folder / "frontend", HOSTS):
            node.wait(
                lambda: bool(fe.requests(ADDRESS, "/ks/")),
                INSTALL_SECONDS,
                "the kickstart to be requested",
            )
