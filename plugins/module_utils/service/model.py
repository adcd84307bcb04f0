# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who sent a request, the node that it came from, and the error for a refused request.

These are made for every request, so they are NamedTuples.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

from ..cluster.model import Node
from ..errors import Refused
from ..install.model import Order


class Sender(NamedTuple):
    """Who sent a request. Only the source of its connection identifies a client."""

    address: str
    """Source address; an IPv4 address also when it arrived in IPv6 form."""
    port: int
    """Source port."""
    macs: tuple[str, ...] = ()
    """MAC addresses that the installer reports: they detect mistakes and never identify a node."""


class Client(NamedTuple):
    """The node whose address a request came from, as it is in the database now."""

    node: Node
    membership: int
    """Id of the node's membership."""
    revision: int
    """Revision of the database; values read under another one may be out of date."""
    order: Optional[Order]
    """The node's latest order, in any state."""
    attributes: Mapping[str, str]
    """The node's own attributes, if they were requested."""
    interface_mac: str
    """MAC of the interface that has the address; empty if its row has none (a bond, a VLAN)."""


class Denied(Refused):
    """A request that is refused with this HTTP status."""

    def __init__(self, status: int, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.args = (status, what, where, hint)
        self.status = status
