# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records of the cluster database.

The records are NamedTuples because a report reads 10,000 of them at a time, straight from the rows
of a query.  A missing MAC or address is an empty text in a record and NULL in the database, where
two missing values must not count as duplicates.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Optional

FRONTEND = "frontend"
"""The appliance of frontends.  They are installed from a medium, never by an install order."""

MAINTENANCE = "maintenance"
"""The attribute of a node that is out of service: since when, by whom and why."""

NetworkKind = Literal["private", "public", "management"]
"""``private``: the nodes' own network; ``management``: the network of the BMCs."""

InterfaceKind = Literal["ethernet", "infiniband", "bmc"]

AttributeSource = Literal["global", "appliance", "node", "intrinsic"]
"""Where the value of an attribute comes from; ``intrinsic`` is the row of the node itself."""


class Appliance(NamedTuple):
    """A kind of node."""

    id: int
    name: str
    root: str
    """The root in the graph that its profile is compiled from; empty for a switch, for example."""


class Membership(NamedTuple):
    """What an administrator says that a node is, such as ``Compute``."""

    id: int
    name: str
    appliance: str
    root: str
    """The root of the appliance."""
    distribution: str
    compute: bool
    """Whether its nodes run jobs."""


class Node(NamedTuple):
    """A row of ``nodes``, joined with its membership and appliance."""

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
    """A request for a node.  Empty fields are allocated: rank, name and address."""

    membership: str = "Compute"
    rack: Optional[int] = None
    """None: the rack in the name, if it fits the pattern of names, or else ``default_rack``."""
    rank: Optional[int] = None
    """None: the rank in the name, if it fits and is free, or else the next free one."""
    name: str = ""
    mac: str = ""
    ip: str = ""
    """An IPv4 address; empty: the next free one; ``none``: the node has no address."""
    arch: str = "x86_64"
    comment: str = ""
    network: str = ""
    """The network that a missing ``ip`` is taken from; empty: the attribute ``network`` decides."""
    where: str = ""
    """The line or item of the input, for error messages."""
    default_rack: int = 0
    first_rank: Optional[int] = None
    """The lowest rank to allocate.  None: the one after the highest in use."""


class Network(NamedTuple):
    """A row of ``networks``.  Addresses are dotted quads; an empty one is not set."""

    id: int
    name: str
    subnet: str
    netmask: str
    gateway: str
    zone: str
    """The DNS zone of its addresses."""
    mtu: int
    kind: str
    """A ``NetworkKind``."""
    first: str
    """The lowest address that nodes get; empty: the lowest of the subnet."""
    last: str
    """The highest address that nodes get; empty: the highest of the subnet."""
    pool_first: str
    """The lowest address that DHCP leases to unknown machines; no node gets one of the pool."""
    pool_last: str
    boot: bool = True
    """Whether nodes can boot from it; only from a private network."""


class Interface(NamedTuple):
    """A further interface of a node, or its BMC; the first interface is in ``nodes`` itself."""

    id: int
    node: str
    name: str
    kind: str
    """An ``InterfaceKind``."""
    network: str
    mac: str
    ip: str


class Attribute(NamedTuple):
    """The value of an attribute for one node."""

    name: str
    value: str
    source: AttributeSource


class RowChange(NamedTuple):
    """A record before and after a change; None if the row did not exist, or no longer exists."""

    before: Any
    after: Any

    @property
    def changed(self) -> bool:
        """Whether the two differ."""
        return bool(self.before != self.after)

    def difference(self) -> dict[str, dict[str, Any]]:
        """Return both as plain data, in the form that Ansible's diff mode prints."""
        return {"before": to_dict(self.before), "after": to_dict(self.after)}


def to_dict(record: Any) -> dict[str, Any]:
    """Return the fields of a record without the id of its row; ``{}`` for None."""
    return (
        {name: value for name, value in record._asdict().items() if name != "id"} if record else {}
    )
