# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine is made of, as QEMU's command line."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

BIOS, UEFI_PXE, UEFI_HTTP = "bios", "uefi-pxe", "uefi-http"
FIRMWARES = (BIOS, UEFI_PXE, UEFI_HTTP)
OVMF_CODE = pathlib.Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARIABLES = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
TCG, KVM = "tcg", "kvm"
ACCELERATION = {
    TCG: ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max"],
    KVM: ["-accel", "kvm", "-cpu", "host"],
}
# OVMF would try PXE, and IPv6, first; each costs half a minute before it boots by HTTP.
HTTP_ONLY = ("IPv4PXESupport", "IPv6PXESupport", "IPv6Support")


@dataclass(frozen=True)
class Hardware:
    """A machine; memory in MiB, its disk in GiB."""

    mac: str
    firmware: str = BIOS
    memory: int = 1536
    processors: int = 2
    disk: int = 4


def command_line(hardware: Hardware, folder: pathlib.Path, tap: str, accelerator: str) -> list[str]:
    """QEMU for this machine, stopped before its first instruction; the boot order is set over the monitor."""
    if hardware.firmware not in FIRMWARES:
        raise ValueError(
            f"there is no firmware {hardware.firmware!r}: there is {', '.join(FIRMWARES)}"
        )
    return [
        "qemu-system-x86_64", "-S", "-machine", "q35", *ACCELERATION[accelerator],
        "-m", str(hardware.memory), "-smp", str(hardware.processors), "-display", "none",
        "-daemonize",
        "-pidfile", str(folder / "pid"), "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
        "-chardev", f"file,id=serial,path={folder}/console,append=on", "-serial", "chardev:serial",
        "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no",
        "-device", f"virtio-net-pci,id=nic,netdev=net,mac={hardware.mac}" + ("" if hardware.firmware == BIOS else ",romfile="),
        # Nothing of a test's disk has to survive the host's power: no flush waits for it.
        "-drive", f"if=none,id=drive,format=raw,cache=unsafe,discard=unmap,file={folder}/disk",
        "-device", "virtio-blk-pci,id=disk,drive=drive",
        "-device", "virtio-rng-pci",
        *_firmware(hardware.firmware, folder),
    ]  # fmt: skip


def _firmware(firmware: str, folder: pathlib.Path) -> list[str]:
    if firmware == BIOS:
        # SeaBIOS, and QEMU's own option ROM, which is iPXE.
        return []
    flash = [
        "-drive",
        f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}",
        "-drive",
        f"if=pflash,format=raw,file={folder}/variables",
    ]
    only_http = [
        word
        for name in HTTP_ONLY
        for word in ("-fw_cfg", f"name=opt/org.tianocore/{name},string=n")
    ]
    return flash + (only_http if firmware == UEFI_HTTP else [])
