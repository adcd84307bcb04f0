# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Client architectures in DHCP requests, by number (RFC 4578, section 2.1, and IANA's registry)."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional


class Firmware(NamedTuple):
    """A kind of firmware; ``arch`` is the architecture as ``uname -m`` prints it."""

    arch: str
    name: str


FIRMWARE = {
    # Every PC BIOS sends 0, whatever its processor; the nodes of today have 64 bits.
    0: Firmware("x86_64", "BIOS"),
    6: Firmware("i386", "UEFI"),
    7: Firmware("x86_64", "UEFI"),
    # The printed RFC 4578 swapped 7 and 9, and firmware sends both.
    9: Firmware("x86_64", "UEFI"),
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

_VENDOR_CLASS = re.compile(r"(?:PXE|HTTP)Client:Arch:(\d{5})")


def architecture_number(vendor_class: str) -> Optional[int]:
    """Return the number in a vendor class such as ``PXEClient:Arch:00007:UNDI:003000`` (PXE 2.1).

    None when the text does not contain one.
    """
    match = _VENDOR_CLASS.match(vendor_class)
    return int(match.group(1)) if match else None
