# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot scripts of nodes, with firmware and layouts that no machine of the lab has.

They run in a scratch root.  The programs for firmware and boot loader return what such a machine
would; all other programs are real.
"""

from __future__ import annotations

import pathlib
from typing import Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install.power.ssh_boot import SCRIPTS
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support import scratch

ANSWER = """\
#!ipxe
kernel http://10.1.1.1/pxeboot/vmlinuz initrd=initrd.img inst.ks=http://10.1.1.1/ks ip=dhcp
initrd --name initrd.img http://10.1.1.1/pxeboot/initrd.img
boot
"""
CURL = f"""\
case $* in
  *--output*) while [ "$1" != --output ]; do shift; done; echo "$3" >"$2" ;;
  *) cat <<'ANSWER'
{ANSWER}ANSWER
esac
"""
RED_HAT = r"Boot0003* Red Hat Enterprise Linux	HD(1,GPT,aa)/File(\EFI\redhat\shimx64.efi)"
OTHER_CARD = (
    "Boot0000* PXE Device 1: Integrated NIC 1 Port 2 Partition 1"
    "	VenHw(1)/MAC(b8599f000002,0)/IPv4(0.0.0.0,0,0)"
)
CARD_V6 = (
    "Boot0001* UEFI PXEv6 (MAC:B8599F000001)"
    "	PciRoot(0x0)/MAC(b8599f000001,1)/IPv6([::]:<->[::]:,0,0)"
)
CARD_V4 = (
    "Boot0002* UEFI PXEv4 (MAC:B8599F000001)	PciRoot(0x0)/MAC(b8599f000001,1)/IPv4(0.0.0.0,0,0)"
)


def run(
    folder: pathlib.Path, method: str, programs: Mapping[str, str], files: Mapping[str, str]
) -> ProgramResult:
    """Run the script of a boot method on such a machine."""
    root = scratch.make(folder)
    bin_ = root / scratch.LAYER / "upper/local/sbin"
    bin_.mkdir(parents=True)
    for name, text in {"systemctl": "exit 0", **programs}.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{text}\n")
        (bin_ / name).chmod(0o755)
    for path, text in {"etc/rocks/frontend": "http://10.1.1.1\n", **files}.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return scratch.run(root, SCRIPTS[method])


@pytest.mark.parametrize(
    ("entries", "selected"),
    [
        pytest.param(
            (OTHER_CARD, CARD_V6, CARD_V4, RED_HAT),
            "0002",
            id="the card that reaches the frontend, by IPv4",
        ),
        pytest.param((CARD_V6, OTHER_CARD, RED_HAT), "0000", id="else another card by IPv4"),
        pytest.param((RED_HAT, CARD_V6), "0001", id="else IPv6"),
    ],
)
def test_bootnext_selects_the_entry_of_the_card_that_reaches_the_frontend(
    tmp_path: pathlib.Path, entries: tuple[str, ...], selected: str
) -> None:
    listed = "\n".join(["BootCurrent: 0003", "BootOrder: 0003,0001,0000,0002", *entries])
    programs = {
        "efibootmgr": f'[ $1 = -v ] || {{ echo "$@" >/call; exit; }}\n'
        f"cat <<'LIST'\n{listed}\nLIST",
        "ip": "echo '10.1.1.1 dev eno1 src 10.1.255.254 uid 0 cache'",
    }
    files = {"sys/firmware/efi/systab": "", "sys/class/net/eno1/address": "b8:59:9f:00:00:01\n"}
    result = run(tmp_path, "bootnext", programs, files)
    assert (result.status, result.stderr) == (0, "")
    assert (tmp_path / "call").read_text() == f"--quiet --bootnext {selected}\n"


def test_bootnext_changes_nothing_without_an_entry_for_the_network(tmp_path: pathlib.Path) -> None:
    programs = {"efibootmgr": f"[ $1 = -v ] || touch /call\necho '{RED_HAT}'", "ip": "exit 1"}
    result = run(tmp_path, "bootnext", programs, {"sys/firmware/efi/systab": ""})
    assert result.status == 1
    assert "no boot entry for the network" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "call").exists()


@pytest.mark.parametrize(
    ("boot", "efi", "version", "path", "command"),
    [
        pytest.param("/", False, "9.4", "/boot/rocks", "linux", id="boot on root"),
        pytest.param("/boot", False, "9.4", "/rocks", "linux", id="boot apart"),
        pytest.param("/", True, "8.10", "/boot/rocks", "linuxefi", id="UEFI of release 8"),
        pytest.param("/", True, "9.4", "/boot/rocks", "linux", id="UEFI of release 9"),
    ],
)
def test_the_grub_entry_contains_the_path_of_the_installer_on_its_file_system(
    tmp_path: pathlib.Path, boot: str, efi: bool, version: str, path: str, command: str
) -> None:
    programs = {
        "curl": CURL,
        "findmnt": f'[ "$3" = UUID ] && echo 1234-abcd || echo {boot}',
        "grub2-reboot": 'echo "$@" >/call',
    }
    files = {"etc/os-release": f'ID="rhel"\nVERSION_ID="{version}"\n', "boot/grub2/grubenv": ""}
    configuration = tmp_path / "boot/grub2/custom.cfg"
    if efi:
        files["sys/firmware/efi/systab"] = ""
    if efi and version.startswith("8"):  # there GRUB's files are on the ESP
        del files["boot/grub2/grubenv"]
        files["boot/efi/EFI/redhat/grubenv"] = ""
        (tmp_path / "boot/grub2").mkdir(parents=True)
        (tmp_path / "boot/grub2/grubenv").symlink_to("../efi/EFI/redhat/grubenv")
        configuration = tmp_path / "boot/efi/EFI/redhat/custom.cfg"
    result = run(tmp_path, "grub", programs, files)
    assert (result.status, result.stderr) == (0, "")
    assert configuration.read_text().split("\n")[1:4] == [
        "    search --no-floppy --fs-uuid --set=root 1234-abcd",
        f"    {command} {path}/vmlinuz inst.ks=http://10.1.1.1/ks ip=dhcp",
        f"    {command.replace('linux', 'initrd')} {path}/initrd.img",
    ]
    assert (tmp_path / "boot/rocks/vmlinuz").read_text() == "http://10.1.1.1/pxeboot/vmlinuz\n"
    assert (tmp_path / "call").read_text() == "rocks-install\n"
