# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine that asks for an address, told from what it sent or from what a DHCP server wrote about it.

Whatever a stranger on the network may have written is made harmless here, once: the text of a Sighting is printable
ASCII of bounded length, so that a terminal, a log and a database may take it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Iterable, Optional, Union

from ..cluster.addressing import mac_address
from ..errors import DescriptionError
from .pxe_architectures import FIRMWARE, architecture_of

LONGEST_TEXT = 255  # one DHCP option


@dataclass(frozen=True)
class Sighting:
    """One machine that asks for an address; a field is empty where its source does not tell.

    mac           of the interface that asks, lower case with colons
    interface     of the frontend on which the request was heard
    relay         address of the DHCP relay that passed the request on (giaddr)
    vendor        what the firmware calls itself: ``PXEClient:Arch:00007:UNDI:003000`` (option 60)
    architecture  number of the firmware's kind (option 93, RFC 4578); see ``hardware.py``
    uuid          of the machine (option 97)
    switch, port  where the cable ends, in the words of the relay agent (option 82: remote and circuit)
    client        what the machine identifies itself by, in hex (option 61)
    wishes        numbers of the options that it asks for (option 55)
    """

    mac: str
    interface: str = ""
    relay: str = ""
    vendor: str = ""
    architecture: Optional[int] = None
    uuid: str = ""
    switch: str = ""
    port: str = ""
    client: str = ""
    wishes: tuple[int, ...] = ()

    @property
    def firmware(self) -> bool:
        """Whether it is firmware that wants to boot, and not an operating system, a switch or a BMC."""
        return self.architecture is not None or self.vendor.startswith(("PXEClient", "HTTPClient"))

    @property
    def arch(self) -> str:
        """The machine's architecture as ``uname -m`` names it; "" when the request does not tell."""
        number = (
            self.architecture if self.architecture is not None else architecture_of(self.vendor)
        )
        return FIRMWARE[number].arch if number in FIRMWARE else ""


def usable_mac(text: str) -> Optional[str]:
    """The MAC as the database holds it; None when no machine can have it (multicast, all zeros) or it is none."""
    try:
        return mac_address(text)
    except DescriptionError:
        return None


def printable(text: Union[str, bytes], longest: int = LONGEST_TEXT) -> str:
    """``text`` with everything but printable ASCII written as an escape, and cut to ``longest`` characters."""
    characters = text.decode("latin-1") if isinstance(text, bytes) else text
    safe = "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in characters[:longest])
    return safe[:longest]


def folded(sightings: Iterable[Sighting]) -> list[Sighting]:
    """One Sighting per MAC, in the order in which the machines first asked; a later one fills what is still empty."""
    found: dict[str, Sighting] = {}
    for sighting in sightings:
        found[sighting.mac] = (
            merged(found[sighting.mac], sighting) if sighting.mac in found else sighting
        )
    return list(found.values())


def merged(first: Sighting, later: Sighting) -> Sighting:
    """``first``, with what only ``later`` tells: the lines of a log each hold a part of one request."""
    told = {
        field.name: getattr(later, field.name)
        for field in fields(Sighting)
        if getattr(first, field.name) in ("", None, ())
        and getattr(later, field.name) not in ("", None, ())
    }
    return replace(first, **told) if told else first
