# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The first boot file for each kind of firmware.

The files are in the TFTP folder, and below ``URL/boot/`` for firmware that boots over HTTP.
``grub`` is the target OS's own signed shim, which loads the GRUB in the same folder, so that Secure
Boot works.  ``ipxe`` is for sites without Secure Boot.
"""

from __future__ import annotations

from typing import NamedTuple

# The user class of iPXE, in a network card's ROM or chained; it gets the boot script.
IPXE_USER_CLASS = "iPXE"
SCRIPT = "/rocks/boot"
HTTP_FOLDER = "/boot/"

LOADERS = ("grub", "ipxe")


class BootClass(NamedTuple):
    """A kind of firmware, by the architecture that it sends, and its boot files."""

    name: str
    architectures: tuple[int, ...]
    """Values of option 93 (RFC 4578, 2.1, and IANA's list)."""
    http: bool
    """The firmware boots over HTTP."""
    grub: str
    ipxe: str


BOOT_CLASSES = (
    BootClass(
        name="bios",
        architectures=(0x0000,),
        http=False,
        grub="bios/undionly.kpxe",
        ipxe="bios/undionly.kpxe",
    ),
    BootClass(
        name="uefi-x64",
        # Some firmware sends 0x0009 for x64, because the RFC and IANA's list once differed.
        architectures=(0x0007, 0x0009),
        http=False,
        grub="x86_64/shimx64.efi",
        ipxe="x86_64/ipxe.efi",
    ),
    BootClass(
        name="uefi-arm64",
        architectures=(0x000B,),
        http=False,
        grub="aarch64/shimaa64.efi",
        ipxe="aarch64/ipxe.efi",
    ),
    BootClass(
        name="http-x64",
        architectures=(0x0010,),
        http=True,
        grub="x86_64/shimx64.efi",
        ipxe="x86_64/ipxe.efi",
    ),
    BootClass(
        name="http-arm64",
        architectures=(0x0013,),
        http=True,
        grub="aarch64/shimaa64.efi",
        ipxe="aarch64/ipxe.efi",
    ),
)
