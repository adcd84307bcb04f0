# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine that requests an address, as its own DHCP packet or a DHCP server's log describes it.

Anybody on the network can send such a request.  All text in a DhcpRequest is therefore printable
ASCII of limited length, safe for a terminal, a log and a database.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Iterable, Optional, Union

from ..cluster.networking.addressing import mac_address
from ..errors import DescriptionError
from .pxe_architectures import FIRMWARE, architecture_number

MAX_TEXT_LENGTH = 255  # one DHCP option


@dataclass(frozen=True)
class DhcpRequest:
    """One machine that requests an address.  Fields that the source does not contain are empty."""

    mac: str
    """The MAC of the client's interface, in lower case with colons."""
    interface: str = ""
    """The frontend's interface that received the request."""
    relay: str = ""
    """The address of the DHCP relay that forwarded the request (giaddr)."""
    vendor: str = ""
    """The vendor class (option 60), such as ``PXEClient:Arch:00007:UNDI:003000``."""
    architecture: Optional[int] = None
    """The client system architecture (option 93, RFC 4578); see pxe_architectures.py."""
    uuid: str = ""
    """The UUID of the machine (option 97)."""
    switch: str = ""
    """The switch, as the relay agent names it (option 82, remote ID)."""
    port: str = ""
    """The port of that switch, as the relay agent names it (option 82, circuit ID)."""
    client_id: str = ""
    """The client identifier (option 61), in hex."""
    requested_options: tuple[int, ...] = ()
    """The codes of the options that the client requests (option 55)."""

    @property
    def is_firmware(self) -> bool:
        """Whether firmware sent the request to boot; an operating system, switch or BMC did not."""
        return self.architecture is not None or self.vendor.startswith(("PXEClient", "HTTPClient"))

    @property
    def arch(self) -> str:
        """The architecture as ``uname -m`` prints it; empty if the request does not contain it."""
        number = self.architecture
        if number is None:
            number = architecture_number(self.vendor)
        return FIRMWARE[number].arch if number in FIRMWARE else ""


def usable_mac(text: str) -> Optional[str]:
    """Return a MAC as the database stores it, or None.

    None means malformed, multicast or all zeros: no machine can have such a MAC.
    """
    try:
        return mac_address(text)
    except DescriptionError:
        return None


def printable(text: Union[str, bytes], max_length: int = MAX_TEXT_LENGTH) -> str:
    """Replace everything but printable ASCII by escapes, and cut the text to ``max_length``."""
    characters = text.decode("latin-1") if isinstance(text, bytes) else text
    safe = "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in characters[:max_length])
    return safe[:max_length]


def merge_by_mac(requests: Iterable[DhcpRequest]) -> list[DhcpRequest]:
    """Merge the requests of each machine; return them in the order of each machine's first one."""
    by_mac: dict[str, DhcpRequest] = {}
    for request in requests:
        earlier = by_mac.get(request.mac)
        by_mac[request.mac] = merge_requests(earlier, request) if earlier else request
    return list(by_mac.values())


def merge_requests(earlier: DhcpRequest, later: DhcpRequest) -> DhcpRequest:
    """Fill the empty fields of ``earlier`` from ``later``.

    Each line of a log can contain a different part of one request.
    """
    additions = {
        field.name: getattr(later, field.name)
        for field in fields(DhcpRequest)
        if getattr(earlier, field.name) in ("", None, ())
        and getattr(later, field.name) not in ("", None, ())
    }
    return replace(earlier, **additions) if additions else earlier
