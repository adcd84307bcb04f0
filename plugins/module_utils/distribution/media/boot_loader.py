# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot loaders of a medium: GRUB for BIOS from the frontend, and for UEFI the tree's own, which is signed.

Each is an image that the firmware starts and that then reads the menu: /boot/grub2/grub.cfg on the volume for BIOS,
/EFI/BOOT/grub.cfg beside itself for UEFI.
"""

from __future__ import annotations

import os
import shutil
import struct
from typing import NamedTuple, Optional

from ... import files
from ...errors import NotFound
from ...process import Run

TIMEOUT = 120.0
MODULES = ("iso9660", "normal", "configfile", "linux", "search", "search_label", "test", "echo", "ls", "serial",
           "terminal", "part_gpt", "part_msdos", "reboot", "halt")  # fmt: skip
BIOS_MODULES = (*MODULES, "biosdisk", "minicmd")
UEFI_MODULES = (*MODULES, "fat", "all_video", "efi_gop")
MAKERS = ("grub2-mkimage", "grub-mkimage")
GRUB = "/usr/lib/grub"
# What the vendor's own media boot by; every tree of an installer has it.
VENDORS_IMAGE = "images/efiboot.img"
# Offsets in a PE file: of the header's place, of the optional header after it; that of a 64-bit program.
PE_HEADER, PE_OPTIONAL, PE32_PLUS = 0x3C, 24, 0x20B
SECTOR, SLACK = 512, 512 << 10


class Firmware(NamedTuple):
    """What an architecture boots with: GRUB's platforms (``bios`` is empty where there is none), the UEFI file."""

    bios: str
    uefi: str
    boot_file: str


FIRMWARE = {
    "x86_64": Firmware("i386-pc", "x86_64-efi", "BOOTX64.EFI"),
    "aarch64": Firmware("", "arm64-efi", "BOOTAA64.EFI"),
}


class BootImages(NamedTuple):
    """What the medium's writer needs, and what a person should know.

    bios    the El Torito image; empty where the architecture has no BIOS
    hybrid  the boot sector with which the same file starts from a USB stick; empty as well
    uefi    the image of the EFI system partition
    origin  where the UEFI boot loader is from
    signed  whether that carries a signature, as Secure Boot demands
    """

    bios: str
    hybrid: str
    uefi: str
    origin: str
    signed: bool


def make_boot_images(
    tree: str, arch: str, menu: str, folder: str, *, moment: str, run: Run
) -> BootImages:
    """Make the images in ``folder``.

    tree    the folder of an installable tree
    menu    the text of grub.cfg
    moment  seconds since 1970 that stand for the time in every output

    Raises NotFound for an architecture or a program that is not there.
    """
    firmware = FIRMWARE.get(arch)
    if firmware is None:
        raise NotFound(
            f"no boot loader is known for {arch!r}", tree, f"known: {', '.join(sorted(FIRMWARE))}"
        )
    esp = os.path.join(folder, "EFI", "BOOT")
    os.makedirs(esp)
    origin = _uefi(tree, firmware, esp, run)
    signed = is_signed(os.path.join(esp, firmware.boot_file))
    files.replace(os.path.join(esp, "grub.cfg"), menu)
    uefi = _fat(os.path.join(folder, "EFI"), os.path.join(folder, "efiboot.img"), moment, run)
    if not firmware.bios:
        return BootImages("", "", uefi, origin, signed)
    bios = os.path.join(folder, "eltorito.img")
    _grub_image(
        f"{firmware.bios}-eltorito", firmware.bios, "/boot/grub2", bios, BIOS_MODULES, run=run
    )
    return BootImages(
        bios, os.path.join(GRUB, firmware.bios, "boot_hybrid.img"), uefi, origin, signed
    )


def _uefi(tree: str, firmware: Firmware, esp: str, run: Run) -> str:
    """Fill ``esp`` with what UEFI starts, and say where it is from."""
    image = os.path.join(tree, VENDORS_IMAGE)
    if os.path.exists(image):
        run(["mcopy", "-s", "-n", "-i", image, "::/EFI/BOOT/*", esp], timeout=TIMEOUT)
        return f"{VENDORS_IMAGE} of the tree"
    boot_file = os.path.join(esp, firmware.boot_file)
    _grub_image(firmware.uefi, firmware.uefi, "/EFI/BOOT", boot_file, UEFI_MODULES, run=run)
    return "the frontend's GRUB"


def is_signed(path: str) -> bool:
    """Whether an EFI program carries a signature at all (PE format: the certificate table is not empty)."""
    data = files.read_bytes(path)
    try:
        (header,) = struct.unpack_from("<I", data, PE_HEADER)
        kind, _at, size = struct.unpack_from("<H142xII", data, header + PE_OPTIONAL)
    except struct.error:
        return False
    return bool(kind == PE32_PLUS and size > 0)


def _grub_image(
    kind: str, platform: str, prefix: str, target: str, modules: tuple[str, ...], *, run: Run
) -> None:
    folder = os.path.join(GRUB, platform)
    program = _maker()
    if program is None or not os.path.isdir(folder):
        missing = f"{folder} does not exist" if program else "grub2-mkimage is not installed"
        hint = "install grub2-tools-extra, grub2-pc-modules and grub2-efi-x64-modules (Debian: grub-common, grub-pc-bin, "
        raise NotFound(missing, "boot medium", hint + "grub-efi-amd64-bin)")
    argv = [
        program,
        "--directory",
        folder,
        "--format",
        kind,
        "--prefix",
        prefix,
        "--output",
        target,
    ]
    run([*argv, *modules], timeout=TIMEOUT)


def _maker() -> Optional[str]:
    return next((program for program in MAKERS if shutil.which(program)), None)


def _fat(folder: str, target: str, moment: str, run: Run) -> str:
    """A FAT file system with ``folder`` in it; the same content gives the same bytes."""
    size = sum(
        os.stat(os.path.join(top, name)).st_size
        for top, _folders, names in os.walk(folder)
        for name in names
    )
    # Whole cylinders of 32 sectors, as mformat wants them.
    sectors = -(-(size + SLACK) // (32 * SECTOR)) * 32
    fixed = {"SOURCE_DATE_EPOCH": moment, "MTOOLS_SKIP_CHECK": "1"}
    geometry = ["-T", str(sectors), "-h", "2", "-s", "16"]
    run(
        ["mformat", "-C", "-i", target, *geometry, "-N", "524f434b", "::"],
        timeout=TIMEOUT,
        env=fixed,
    )
    run(["mcopy", "-s", "-i", target, folder, "::/"], timeout=TIMEOUT, env=fixed)
    return target
