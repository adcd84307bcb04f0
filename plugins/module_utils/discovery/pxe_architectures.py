# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of firmware that ask for an address, by the number that they send (RFC 4578, IANA's registry)."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional


class Firmware(NamedTuple):
    """``arch`` as ``uname -m`` names it, and what a person calls the firmware."""

    arch: str
    name: str


FIRMWARE = {
    0: Firmware(
        "x86_64", "BIOS"
    ),  # sent by every PC BIOS, whatever its processor; the nodes of today are 64 bit
    6: Firmware("i386", "UEFI"),
    7: Firmware("x86_64", "UEFI"),
    9: Firmware("x86_64", "UEFI"),  # RFC 4578 as printed swapped 7 and 9, and firmware sends both
    10: Firmware("armv7l", "UEFI"),
    11: Firmware("aarch64", "UEFI"),
    14: Firmware("ppc64le", "OPAL"),
    15: Firmware("i386", "UEFI HTTP"),
    16: Firmware("x86_64", "UEFI HTTP"),
    18: Firmware("armv7l", "UEFI HTTP"),
    19: Firmware("aarch64", "UEFI HTTP"),
    27: Firmware("riscv64", "UEFI"),
    28: Firmware("riscv64", "UEFI HTTP"),
}

_IN_VENDOR_CLASS = re.compile(r"(?:PXE|HTTP)Client:Arch:(\d{5})")


def architecture_of(vendor: str) -> Optional[int]:
    """The number in a vendor class such as ``PXEClient:Arch:00007:UNDI:003000`` (PXE 2.1), or None."""
    found = _IN_VENDOR_CLASS.match(vendor)
    return int(found.group(1)) if found else None
