# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which first file each kind of firmware is told to load.

The files lie under the TFTP root, and under ``URL/boot/`` for firmware that boots over HTTP.  ``grub`` is the target
OS's own signed shim, which loads the GRUB beside it: Secure Boot works.  ``ipxe`` is for sites without Secure Boot.
"""

from __future__ import annotations

from typing import NamedTuple

# iPXE itself, in a network card's ROM or chained, gets the boot script instead of a file.
IPXE_USER_CLASS = "iPXE"
SCRIPT = "/rocks/boot"
HTTP_FOLDER = "/boot/"

LOADERS = ("grub", "ipxe")


class BootClass(NamedTuple):
    """Firmware that says one of these architectures (option 93: RFC 4578, 2.1, and IANA's list)."""

    name: str
    architectures: tuple[int, ...]
    http: bool
    grub: str
    ipxe: str


BOOT_CLASSES = (
    BootClass("bios", (0x0000,), False, "bios/undionly.kpxe", "bios/undionly.kpxe"),
    # 0x0009 is what some firmware says for x64: the list and the RFC once differed.
    BootClass("uefi-x64", (0x0007, 0x0009), False, "x86_64/shimx64.efi", "x86_64/ipxe.efi"),
    BootClass("uefi-arm64", (0x000B,), False, "aarch64/shimaa64.efi", "aarch64/ipxe.efi"),
    BootClass("http-x64", (0x0010,), True, "x86_64/shimx64.efi", "x86_64/ipxe.efi"),
    BootClass("http-arm64", (0x0013,), True, "aarch64/shimaa64.efi", "aarch64/ipxe.efi"),
)
