# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hardware of a machine, as QEMU's command line."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Optional, Sequence

BIOS = "bios"
UEFI_PXE = "uefi-pxe"
UEFI_HTTP = "uefi-http"
UEFI_SECURE = "uefi-secure"
"""UEFI with PXE and Secure Boot; its flash must have the vendors' keys."""
FIRMWARES = (BIOS, UEFI_PXE, UEFI_HTTP, UEFI_SECURE)
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
# The interfaces of Enterprise Linux are named by these slots: enp0s2 and enp0s3.
FIRST_CARD_SLOT = 2


@dataclass(frozen=True)
class Flash:
    """The files of a UEFI firmware: its code, and the template of a machine's variables."""

    code: pathlib.Path
    variables: pathlib.Path
    format: str = "raw"
    needs_smm: bool = False


OVMF = Flash(OVMF_CODE, OVMF_VARIABLES)


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
    flash: Flash = OVMF
    medium: Optional[pathlib.Path] = None
    """The image in its first drive, the device ``medium``."""
    answers: Optional[pathlib.Path] = None
    """The image in its second drive, from which it does not start."""
    tpm: bool = False

    @property
    def macs(self) -> tuple[str, ...]:
        """The MACs of its network cards."""
        return (self.mac, self.second_mac) if self.second_mac else (self.mac,)


def command_line(
    hardware: Hardware, folder: pathlib.Path, links: Sequence[str], accelerator: str
) -> list[str]:
    """Return QEMU's command line; it stops before the first instruction.

    The boot order is then set over the monitor.

    links  the network of each card, as in QEMU's option ``-netdev`` but without an ``id``
    """
    if hardware.firmware not in FIRMWARES:
        raise ValueError(
            f"unknown firmware {hardware.firmware!r}: use one of {', '.join(FIRMWARES)}"
        )
    smm = ",smm=on" if hardware.firmware != BIOS and hardware.flash.needs_smm else ""
    return [
        "qemu-system-x86_64", "-S", "-machine", f"q35{smm}", *ACCELERATION[accelerator],
        "-m", str(hardware.memory), "-smp", str(hardware.processors), "-display", "none",
        "-daemonize",
        "-pidfile", str(folder / "pid"), "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
        "-chardev", f"file,id=serial,path={folder}/console,append=on", "-serial", "chardev:serial",
        *_cards(hardware, links),
        # A test's disk need not survive a crash of the host, so flushes do not wait.
        "-drive", f"if=none,id=drive,format=raw,cache=unsafe,discard=unmap,file={folder}/disk",
        "-device", "virtio-blk-pci,id=disk,drive=drive",
        "-device", "virtio-rng-pci",
        *_optical_drives(hardware),
        *_tpm(hardware, folder),
        *_firmware(hardware, folder),
    ]  # fmt: skip


def tpm_command(folder: pathlib.Path) -> list[str]:
    """Return the command that starts the TPM of a machine; it ends with the machine."""
    return [
        "swtpm", "socket", "--tpm2", "--daemon", "--terminate",
        "--tpmstate", f"dir={folder}/tpm-state", "--ctrl", f"type=unixio,path={folder}/tpm",
    ]  # fmt: skip


def _cards(hardware: Hardware, links: Sequence[str]) -> list[str]:
    rom = "" if hardware.firmware == BIOS else ",romfile="
    words: list[str] = []
    cards = zip(CARDS, hardware.macs, links)
    for slot, (name, mac, link) in enumerate(cards, FIRST_CARD_SLOT):
        kind, comma, options = link.partition(",")
        words += ["-netdev", f"{kind},id={name}-net{comma}{options}"]
        card = f"virtio-net-pci,id={name},netdev={name}-net,mac={mac},addr={slot:#x}{rom}"
        words += ["-device", card]
    return words


def _optical_drives(hardware: Hardware) -> list[str]:
    images = {"medium": hardware.medium, "answers": hardware.answers}
    words = ["-device", "virtio-scsi-pci,id=scsi"] if any(images.values()) else []
    for name, image in images.items():
        if image:
            drive = f"if=none,id={name}-image,format=raw,media=cdrom,readonly=on,file={image}"
            words += ["-drive", drive, "-device", f"scsi-cd,id={name},drive={name}-image"]
    return words


def _tpm(hardware: Hardware, folder: pathlib.Path) -> list[str]:
    if not hardware.tpm:
        return []
    return [
        "-chardev", f"socket,id=tpm-socket,path={folder}/tpm",
        "-tpmdev", "emulator,id=tpm,chardev=tpm-socket", "-device", "tpm-crb,tpmdev=tpm",
    ]  # fmt: skip


def _firmware(hardware: Hardware, folder: pathlib.Path) -> list[str]:
    if hardware.firmware == BIOS:
        # SeaBIOS, and QEMU's own option ROM, which is iPXE.
        return []
    form = hardware.flash.format
    words = [
        "-drive",
        f"if=pflash,unit=0,format={form},readonly=on,file={hardware.flash.code}",
        "-drive",
        f"if=pflash,unit=1,format={form},file={folder}/variables",
    ]
    if hardware.flash.needs_smm:
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    disabled = HTTP_ONLY if hardware.firmware == UEFI_HTTP else () if hardware.ipv6 else NO_IPV6
    for name in disabled:
        words += ["-fw_cfg", f"name=opt/org.tianocore/{name},string=n"]
    return words
