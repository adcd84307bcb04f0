# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node whose firmware tries the wrong one of two network cards first.

It installs by either card, and else boots its disk. DHCP is the product's report for dnsmasq. A
BIOS has iPXE; UEFI loads iPXE or GRUB over TFTP. Debian's GRUB cannot report a failure, after which
UEFI shows a menu instead of its next entry; so the tests of a local boot use iPXE.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from typing import Any, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from lab.boot_stage import NODE, Dhcp, Stage, efi_program, enter, stage
from lab.machine.hardware import BIOS, UEFI_PXE, Hardware
from lab.machine.machine import Machine, machine
from support.namespaces import BRIDGE, Network
from support.reporting import serving

FIRST_MAC = "52:54:00:00:00:01"
FIRST = "10.1.255.254"
SECOND_MAC = "52:54:00:00:00:02"
SECOND = "10.1.255.253"
MACS = {FIRST: FIRST_MAC, SECOND: SECOND_MAC}
STORAGE = "172.16.255.253"
STORAGE_FRONTEND = "172.16.0.1/16"
SECONDS = 400.0
EARLY = "configfile (http,10.1.1.1)/boot/x86_64/grub.cfg\n"  # as in the role, for GRUB over TFTP
IPXE_EFI = pathlib.Path("/usr/lib/ipxe/ipxe.efi")
DISK = "this is the local disk"
DISK_EFI = f"""\
serial
terminal_output serial
echo "{DISK}"
sleep 3600
"""
DISK_SIGNATURE = b"\x55\xaa"
ESP_OFFSET_MIB = 1


def dhcp(second: str, loader: str) -> Dhcp:
    """Return dnsmasq on the product's report, with TFTP, for a node with this second card."""

    @contextlib.contextmanager
    def serve(net: Network, place: pathlib.Path, database: Database) -> Iterator[None]:
        put_network(database, "private", subnet="10.1.0.0/16", zone="cluster")
        put_network(database, "storage", subnet="172.16.0.0/16", boot=False)
        enter(database, FIRST_MAC, FIRST)
        put_interface(database, NODE, "eth1", mac=SECOND_MAC, ip=second)
        net.server.ip("address", "add", STORAGE_FRONTEND, "dev", BRIDGE)
        shutil.copy(IPXE_EFI, place / "boot" / "x86_64")
        (place / "dhcp").mkdir()
        options: dict[str, Any] = {"tftp": str(place / "boot"), "loader": loader}
        with serving("dnsmasq", net, place / "dhcp", database, **options):
            yield

    return serve


def bootable_disk(node: Machine, scratch: pathlib.Path) -> None:
    """Write a disk that prints DISK on the serial port, by BIOS and by UEFI, and stops."""
    disk = node.folder / "disk"
    process.run(
        ["sfdisk", str(disk)], timeout=30, stdin="label: gpt\nstart=1MiB, size=60MiB, type=U\n"
    )
    efi_program(scratch / "disk.efi", scratch, DISK_EFI)
    partition = f"{disk}@@{ESP_OFFSET_MIB}M"
    process.run(
        ["mformat", "-i", partition, "-T", str(60 * 2048), "-h", "16", "-s", "63", "::"], timeout=30
    )
    process.run(["mmd", "-i", partition, "::/EFI", "::/EFI/BOOT"], timeout=30)
    process.run(
        ["mcopy", "-i", partition, str(scratch / "disk.efi"), "::/EFI/BOOT/BOOTX64.EFI"], timeout=30
    )
    with disk.open("r+b") as file:
        file.write(boot_sector(DISK))
        file.seek(510)
        file.write(DISK_SIGNATURE)


def boot_sector(text: str) -> bytes:
    """Return code that a BIOS loads at 0x7c00: it prints the text on the first serial port."""
    code = bytes.fromhex(
        "31c0 8ed8"  # xor ax, ax; mov ds, ax
        "be167c"  # mov si, the text
        "baf803 fc"  # mov dx, 0x3f8; cld
        "ac 84c0 7403"  # next: lodsb; test al, al; jz stop
        "ee ebf8"  # out dx, al; jmp next
        "f4 ebfd"  # stop: hlt; jmp stop
    )
    assert len(code) == 0x16
    return code + text.encode() + b"\r\n\0"


def wait_for_disk_boots(node: Machine, times: int) -> None:
    node.wait(
        lambda: node.console_text().count(DISK) >= times, SECONDS, f"the disk to boot ({times})"
    )


@contextlib.contextmanager
def two_cards(
    net: Network, folder: pathlib.Path, firmware: str, second: str, loader: str = "ipxe"
) -> Iterator[tuple[Stage, Machine]]:
    """Provide a known node that tries its second card, then its first one, then its disk.

    second  the address of the second card
    """
    hardware = Hardware(FIRST_MAC, firmware=firmware, second_mac=SECOND_MAC, ipv6=False)
    order = ("second-network", "network", "disk")
    place = folder / "node"
    server = dhcp(second, loader)
    with stage(net, EARLY, server) as boot_stage, machine(net, place, hardware, order) as node:
        bootable_disk(node, folder)
        yield boot_stage, node


@pytest.mark.parametrize("firmware", [BIOS, UEFI_PXE])
def test_a_node_installs_by_the_card_that_its_firmware_tries_first_and_else_boots_its_disk(
    net: Network, folder: pathlib.Path, firmware: str
) -> None:
    with two_cards(net, folder, firmware, SECOND) as (boot_stage, node):
        node.power_on()
        wait_for_disk_boots(node, 1)
        assert set(boot_stage.boot_decisions()) == {"local"}
        assert set(boot_stage.addresses("boot")) == {SECOND, FIRST}

        order = boot_stage.order()
        node.power_cycle()
        node.wait(lambda: len(boot_stage.addresses("kickstart")) == 1, SECONDS, "the kickstart")
        # A BIOS boots by its first entry; UEFI's iPXE can start with another card than it was
        # loaded by.
        (address,) = boot_stage.addresses("kickstart")
        assert address == boot_stage.addresses("boot")[-1]
        assert address == SECOND or firmware != BIOS
        assert f"BOOTIF=01-{MACS[address].replace(':', '-')}" in node.console_text()

        boot_stage.start_installer(order)
        node.power_cycle()
        wait_for_disk_boots(node, 2)
        assert boot_stage.state(order) == "failed"


@pytest.mark.parametrize("firmware", [BIOS, UEFI_PXE])
def test_a_card_on_a_storage_network_is_skipped(
    net: Network, folder: pathlib.Path, firmware: str
) -> None:
    with two_cards(net, folder, firmware, STORAGE) as (boot_stage, node):
        node.power_on()
        wait_for_disk_boots(node, 1)
        assert set(boot_stage.addresses("boot")) == {FIRST}

        boot_stage.order()
        node.power_cycle()
        node.wait(lambda: len(boot_stage.addresses("kickstart")) == 1, SECONDS, "the kickstart")
        assert boot_stage.addresses("kickstart") == [FIRST]


def test_grub_starts_the_installer_on_the_card_that_it_was_loaded_by(
    net: Network, folder: pathlib.Path
) -> None:
    with two_cards(net, folder, UEFI_PXE, SECOND, "grub") as (boot_stage, node):
        boot_stage.order()
        node.power_on()
        node.wait(lambda: len(boot_stage.addresses("kickstart")) == 1, SECONDS, "the kickstart")
        assert boot_stage.addresses("boot") == boot_stage.addresses("kickstart") == [SECOND]
