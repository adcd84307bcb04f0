# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hardware of a machine, as QEMU's command line."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Sequence

BIOS = "bios"
UEFI_PXE = "uefi-pxe"
UEFI_HTTP = "uefi-http"
FIRMWARES = (BIOS, UEFI_PXE, UEFI_HTTP)
OVMF_CODE = pathlib.Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARIABLES = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
TCG = "tcg"
KVM = "kvm"
ACCELERATION = {
    TCG: ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"],
    KVM: ["-accel", "kvm", "-cpu", "host"],
}
# OVMF would try PXE, and IPv6, first; each costs half a minute before it boots by HTTP.
NO_IPV6 = ("IPv6PXESupport", "IPv6Support")
HTTP_ONLY = ("IPv4PXESupport", *NO_IPV6)
CARDS = ("nic", "nic2")


@dataclass(frozen=True)
class Hardware:
    """A machine; memory in MiB, its disk in GiB."""

    mac: str
    firmware: str = BIOS
    memory: int = 1536
    processors: int = 2
    disk: int = 4
    second_mac: str = ""
    """The MAC of a second network card; "" without one."""
    ipv6: bool = True
    """Whether OVMF tries IPv6 on each card, which costs half a minute without an answer."""

    @property
    def macs(self) -> tuple[str, ...]:
        """The MACs of its network cards."""
        return (self.mac, self.second_mac) if self.second_mac else (self.mac,)


def command_line(
    hardware: Hardware, folder: pathlib.Path, taps: Sequence[str], accelerator: str
) -> list[str]:
    """Return QEMU's command line; it stops before the first instruction.

    The boot order is then set over the monitor.

    taps  one for each network card
    """
    if hardware.firmware not in FIRMWARES:
        raise ValueError(
            f"unknown firmware {hardware.firmware!r}: use one of {', '.join(FIRMWARES)}"
        )
    return [
        "qemu-system-x86_64", "-S", "-machine", "q35", *ACCELERATION[accelerator],
        "-m", str(hardware.memory), "-smp", str(hardware.processors), "-display", "none",
        "-daemonize",
        "-pidfile", str(folder / "pid"), "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
        "-chardev", f"file,id=serial,path={folder}/console,append=on", "-serial", "chardev:serial",
        *_cards(hardware, taps),
        # A test's disk need not survive a crash of the host, so flushes do not wait.
        "-drive", f"if=none,id=drive,format=raw,cache=unsafe,discard=unmap,file={folder}/disk",
        "-device", "virtio-blk-pci,id=disk,drive=drive",
        "-device", "virtio-rng-pci",
        *_firmware(hardware, folder),
    ]  # fmt: skip


def _cards(hardware: Hardware, taps: Sequence[str]) -> list[str]:
    rom = "" if hardware.firmware == BIOS else ",romfile="
    words: list[str] = []
    for name, mac, tap in zip(CARDS, hardware.macs, taps):
        words += ["-netdev", f"tap,id={name}-net,ifname={tap},script=no,downscript=no"]
        words += ["-device", f"virtio-net-pci,id={name},netdev={name}-net,mac={mac}{rom}"]
    return words


def _firmware(hardware: Hardware, folder: pathlib.Path) -> list[str]:
    if hardware.firmware == BIOS:
        # SeaBIOS, and QEMU's own option ROM, which is iPXE.
        return []
    flash = [
        "-drive",
        f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}",
        "-drive",
        f"if=pflash,format=raw,file={folder}/variables",
    ]
    disabled = HTTP_ONLY if hardware.firmware == UEFI_HTTP else () if hardware.ipv6 else NO_IPV6
    for name in disabled:
        flash += ["-fw_cfg", f"name=opt/org.tianocore/{name},string=n"]
    return flash
