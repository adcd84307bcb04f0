# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster database holds, as values.

NamedTuples, because a report reads 10,000 of them at once.  A missing MAC or address is the empty text, as in a
report; the database stores NULL, so that two missing ones are no duplicates.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

FRONTEND = "frontend"
"""The appliance of frontends.  Their rows describe machines that are installed from a medium, never by an order."""


class Appliance(NamedTuple):
    """A kind of node; ``root`` names the graph root of its profile, and is empty for what has none (a switch)."""

    id: int
    name: str
    root: str


class Membership(NamedTuple):
    """What an administrator says a node is; ``appliance`` and ``root`` are those of the appliance it belongs to."""

    id: int
    name: str
    appliance: str
    root: str
    distribution: str
    compute: bool


class Node(NamedTuple):
    """A row of ``nodes`` with the names that its membership leads to."""

    id: int
    name: str
    mac: str
    membership: str
    appliance: str
    root: str
    distribution: str
    rack: int
    rank: int
    ip: str
    arch: str
    comment: str


class NewNode(NamedTuple):
    """A node to be added; what is left empty is found: the next rank, the name, the next free address.

    network  the network that a missing ``ip`` is taken from; empty: the one its membership's attributes name, or the
             private one.  ``ip="none"`` leaves the node without an address.
    where    the line or item of the input that asks for it; only named in errors
    """

    membership: str = "Compute"
    rack: int = 0
    rank: Optional[int] = None
    name: str = ""
    mac: str = ""
    ip: str = ""
    arch: str = "x86_64"
    comment: str = ""
    network: str = ""
    where: str = ""


class Network(NamedTuple):
    """A row of ``networks``.  Addresses are dotted quads; an empty one is not set.

    kind          ``private`` (the cluster's own), ``public``, or ``management`` (where the BMCs are)
    first, last   limits of the addresses that nodes get; empty: the whole subnet
    pool_first, pool_last   addresses that DHCP lends to unknown machines; nodes never get one of them
    boot          nodes may boot from it; only a private network can have it
    """

    id: int
    name: str
    subnet: str
    netmask: str
    gateway: str
    zone: str
    mtu: int
    kind: str
    first: str
    last: str
    pool_first: str
    pool_last: str
    boot: bool = True


class Interface(NamedTuple):
    """A further NIC of a node, or its BMC (``kind`` is then ``bmc``); the first NIC is in ``nodes`` itself."""

    id: int
    node: str
    name: str
    kind: str
    network: str
    mac: str
    ip: str


class Attribute(NamedTuple):
    """A named value and where it comes from: ``node``, ``appliance``, ``global``, or ``intrinsic`` (the node's row)."""

    name: str
    value: str
    source: str


class RowChange(NamedTuple):
    """What was and what is; None before it was there, and after it is gone."""

    before: Any
    after: Any

    @property
    def changed(self) -> bool:
        """Whether there is a difference."""
        return bool(self.before != self.after)

    def difference(self) -> dict[str, dict[str, Any]]:
        """Both as plain data, in the form that diff mode shows."""
        return {"before": to_dict(self.before), "after": to_dict(self.after)}


def to_dict(value: Any) -> dict[str, Any]:
    """A value of this file as plain data, without its row's id; ``{}`` for None."""
    return {name: part for name, part in value._asdict().items() if name != "id"} if value else {}
