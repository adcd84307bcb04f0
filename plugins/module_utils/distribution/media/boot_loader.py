# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot loaders of a medium: the frontend's GRUB for BIOS, and the tree's signed one for UEFI.

The firmware starts an image, which reads the menu: /boot/grub2/grub.cfg on the volume for BIOS, and
/EFI/BOOT/grub.cfg in the image for UEFI.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import struct
from typing import NamedTuple, Optional

from ... import files
from ...errors import NotFound
from ...process import Run

TIMEOUT = 120.0
MODULES = (
    "iso9660",
    "normal",
    "configfile",
    "linux",
    "search",
    "search_label",
    "test",
    "echo",
    "ls",
    "serial",
    "terminal",
    "part_gpt",
    "part_msdos",
    "reboot",
    "halt",
)
BIOS_MODULES = (*MODULES, "biosdisk", "minicmd")
UEFI_MODULES = (*MODULES, "fat", "all_video", "efi_gop")
GRUB_PROGRAMS = ("grub2-mkimage", "grub-mkimage")
GRUB_FOLDER = "/usr/lib/grub"
VENDOR_IMAGE = "images/efiboot.img"
"""The image from which the vendor's own media boot; every installable tree of a vendor has it."""
# The PE format: where the offset of the header is, the offset of the optional header, and the magic
# number of a 64-bit program.
PE_HEADER_OFFSET = 0x3C
PE_OPTIONAL_HEADER = 24
PE32_PLUS = 0x20B
SECTOR = 512
FREE_SPACE = 512 << 10
"""Bytes for the FAT file system's own tables."""
CYLINDER_SECTORS = 32


class Firmware(NamedTuple):
    """What the firmware of an architecture starts."""

    bios_platform: str
    """GRUB's name of the platform; empty if the architecture has no BIOS."""
    uefi_platform: str
    uefi_program: str
    """File name of the program that UEFI starts from a removable medium."""


FIRMWARE = {
    "x86_64": Firmware("i386-pc", "x86_64-efi", "BOOTX64.EFI"),
    "aarch64": Firmware("", "arm64-efi", "BOOTAA64.EFI"),
}


@dataclasses.dataclass(frozen=True)
class BootImages:
    """Files for the writer of the medium, and properties of the UEFI boot loader."""

    bios: str
    """El Torito image; empty if the architecture has no BIOS."""
    hybrid: str
    """Boot sector for starting from a USB stick; empty if the architecture has no BIOS."""
    uefi: str
    """Image of the EFI system partition."""
    origin: str
    """Where the UEFI boot loader comes from."""
    signed: bool
    """Whether the UEFI boot loader has a signature, as Secure Boot requires."""


def make_boot_images(
    tree: str, arch: str, menu: str, folder: str, *, moment: str, run: Run
) -> BootImages:
    """Make the images in ``folder``.

    tree    the folder of an installable tree
    menu    the text of grub.cfg
    moment  seconds since 1970: the time in every output

    Raises NotFound for an unknown architecture or a missing program.
    """
    firmware = FIRMWARE.get(arch)
    if firmware is None:
        raise NotFound(
            f"there is no boot loader for the architecture {arch!r}",
            tree,
            f"supported: {', '.join(sorted(FIRMWARE))}",
        )
    efi_folder = os.path.join(folder, "EFI", "BOOT")
    os.makedirs(efi_folder)
    origin = _add_uefi_loader(tree, firmware, efi_folder, run)
    signed = is_signed(os.path.join(efi_folder, firmware.uefi_program))
    files.replace(os.path.join(efi_folder, "grub.cfg"), menu)
    uefi = os.path.join(folder, "efiboot.img")
    _make_fat_image(os.path.join(folder, "EFI"), uefi, moment, run)
    bios = ""
    hybrid = ""
    if firmware.bios_platform:
        bios = os.path.join(folder, "eltorito.img")
        hybrid = os.path.join(GRUB_FOLDER, firmware.bios_platform, "boot_hybrid.img")
        _make_grub_image(
            bios,
            platform=firmware.bios_platform,
            image_format=f"{firmware.bios_platform}-eltorito",
            prefix="/boot/grub2",
            modules=BIOS_MODULES,
            run=run,
        )
    return BootImages(bios=bios, hybrid=hybrid, uefi=uefi, origin=origin, signed=signed)


def _add_uefi_loader(tree: str, firmware: Firmware, efi_folder: str, run: Run) -> str:
    """Write the programs that UEFI starts, and return where they come from."""
    image = os.path.join(tree, VENDOR_IMAGE)
    if os.path.exists(image):
        run(["mcopy", "-s", "-n", "-i", image, "::/EFI/BOOT/*", efi_folder], timeout=TIMEOUT)
        return f"{VENDOR_IMAGE} of the tree"
    _make_grub_image(
        os.path.join(efi_folder, firmware.uefi_program),
        platform=firmware.uefi_platform,
        image_format=firmware.uefi_platform,
        prefix="/EFI/BOOT",
        modules=UEFI_MODULES,
        run=run,
    )
    return "the frontend's GRUB"


def is_signed(path: str) -> bool:
    """Return whether an EFI program has a signature: its certificate table (PE) is not empty."""
    data = files.read_bytes(path)
    try:
        (header,) = struct.unpack_from("<I", data, PE_HEADER_OFFSET)
        magic, _offset, size = struct.unpack_from("<H142xII", data, header + PE_OPTIONAL_HEADER)
    except struct.error:
        return False
    return bool(magic == PE32_PLUS and size > 0)


def _make_grub_image(
    target: str,
    *,
    platform: str,
    image_format: str,
    prefix: str,
    modules: tuple[str, ...],
    run: Run,
) -> None:
    module_folder = os.path.join(GRUB_FOLDER, platform)
    program = _find_grub_program()
    if program is None or not os.path.isdir(module_folder):
        raise NotFound(
            f"{module_folder} does not exist" if program else "grub2-mkimage is not installed",
            "boot medium",
            "install grub2-tools-extra, grub2-pc-modules and grub2-efi-x64-modules "
            "(Debian: grub-common, grub-pc-bin, grub-efi-amd64-bin)",
        )
    options = {
        "--directory": module_folder,
        "--format": image_format,
        "--prefix": prefix,
        "--output": target,
    }
    words = [word for option in options.items() for word in option]
    run([program, *words, *modules], timeout=TIMEOUT)


def _find_grub_program() -> Optional[str]:
    return next((program for program in GRUB_PROGRAMS if shutil.which(program)), None)


def _make_fat_image(folder: str, target: str, moment: str, run: Run) -> None:
    """Make a FAT file system that contains ``folder``; equal content gives equal bytes."""
    size = sum(
        os.stat(os.path.join(parent, name)).st_size
        for parent, _folders, names in os.walk(folder)
        for name in names
    )
    # mformat requires whole cylinders.
    cylinder = CYLINDER_SECTORS * SECTOR
    sectors = -(-(size + FREE_SPACE) // cylinder) * CYLINDER_SECTORS
    environment = {"SOURCE_DATE_EPOCH": moment, "MTOOLS_SKIP_CHECK": "1"}
    geometry = ["-T", str(sectors), "-h", "2", "-s", "16"]
    serial_number = ["-N", "524f434b"]
    run(
        ["mformat", "-C", "-i", target, *geometry, *serial_number, "::"],
        timeout=TIMEOUT,
        env=environment,
    )
    run(["mcopy", "-s", "-i", target, folder, "::/"], timeout=TIMEOUT, env=environment)
