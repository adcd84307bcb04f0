# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create or change the frontend and its network in its own database (paper, Table II, row 1).

Everything happens in one transaction, so that the address of the frontend is always one of its
network.
"""

from __future__ import annotations

import ipaddress
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Optional

from ..cluster.database import Database
from ..cluster.frontend_protection import MEMBERSHIP, is_frontend
from ..cluster.memberships import list_memberships
from ..cluster.model import FRONTEND, Network, Node, to_dict
from ..cluster.networking.addressing import parse_subnet
from ..cluster.networking.addressing import subnet as subnet_of
from ..cluster.networking.networks import list_networks, put_network
from ..cluster.node_allocation import NO_ADDRESS
from ..cluster.node_changes import ensure_nodes
from ..cluster.nodes import find_node, list_nodes
from ..cluster.values.attributes import get_attribute, set_attribute
from ..cluster.values.scoped_values import GLOBAL, Scope
from ..errors import DescriptionError, Refused

RACK = 0
RANK = 0
NETWORK = "private"
COMMENT = "Gateway machine"
MAX_SHOWN = 5
NONE: Mapping[str, str] = MappingProxyType({})


class Identity(NamedTuple):
    """The requested row of the frontend, and its network."""

    name: str
    mac: str
    ip: str
    arch: str
    subnet: str
    zone: str


class Registration(NamedTuple):
    """The result of a registration."""

    node: Node
    network: Network
    readdressed: list[str]
    """The names of the nodes that got another address."""
    difference: dict[str, Any]
    """The state ``before`` and ``after``."""

    @property
    def changed(self) -> bool:
        """Whether the database was changed."""
        return bool(self.difference["before"] != self.difference["after"])


def register_frontend(
    database: Database,
    identity: Identity,
    attributes: Mapping[str, str] = NONE,
    own_attributes: Mapping[str, str] = NONE,
    *,
    readdress: bool = False,
) -> Registration:
    """Set the frontend's row, the private network and the attributes in one transaction.

    attributes      global attributes
    own_attributes  attributes of the frontend
    readdress       if the network changes, give nodes outside of it its next free addresses;
                    otherwise such a change is refused, since it can be a typing error

    Raises the errors of names, addresses and networks; nothing is changed then.
    """
    with database.transaction():
        current = _find_frontend(database, identity)
        before = _state(database, attributes, {current.name: own_attributes} if current else {})
        moving = _nodes_to_readdress(database, identity, current)
        if moving and not readdress:
            raise _refusal(identity, moving)
        # Addresses are released first, since the network changes or other nodes take them.
        releasing = ([current] if current and current.ip not in ("", identity.ip) else []) + moving
        ensure_nodes(
            database,
            [{"was": node.name, "ip": NO_ADDRESS} for node in releasing],
            allow_frontend=True,
        )
        put_network(database, NETWORK, subnet=identity.subnet, zone=identity.zone, kind="private")
        ensure_nodes(database, [_row(identity, current)], allow_frontend=True)
        ensure_nodes(
            database, [{"was": node.name, "ip": ""} for node in moving], allow_frontend=True
        )
        for scope, values in ((GLOBAL, attributes), (Scope(node=identity.name), own_attributes)):
            for name, value in values.items():
                set_attribute(database, name, value, scope)
        after = _state(database, attributes, {identity.name: own_attributes})
        node = find_node(database, identity.name)
        network = next(row for row in list_networks(database) if row.name == NETWORK)
    return Registration(
        node=node,
        network=network,
        readdressed=[node.name for node in moving],
        difference={"before": before, "after": after},
    )


def _private_network(database: Database) -> Optional[Network]:
    return next((row for row in list_networks(database) if row.name == NETWORK), None)


def _find_frontend(database: Database, identity: Identity) -> Optional[Node]:
    """Return the frontend's current row, whatever its name is; None in a new database.

    It is the row with the requested name, the first of its rack, or one with the MAC or IP address.
    """
    membership = next((row for row in list_memberships(database) if row.name == MEMBERSHIP), None)
    if membership is None:
        what = f"membership {MEMBERSHIP!r} not found"
        raise DescriptionError(what, "", "add it with rocks_membership")
    if not is_frontend(membership.appliance, membership.name):
        raise DescriptionError(
            f"membership {MEMBERSHIP!r} has appliance {membership.appliance!r}",
            "",
            f"set it to {FRONTEND!r} with rocks_membership",
        )
    nodes = list_nodes(database)
    frontends = [node for node in nodes if node.membership == MEMBERSHIP]
    for node in nodes:
        if node.name == identity.name and node not in frontends:
            what = f"{identity.name} is already the name of a node ({node.membership})"
            raise Refused(what, "frontend_name", "use another name")
    same_name = [node for node in frontends if node.name == identity.name]
    first = [node for node in frontends if (node.rack, node.rank) == (RACK, RANK)]
    same_address = [
        node
        for node in frontends
        if node.ip == identity.ip or (identity.mac and node.mac == identity.mac)
    ]
    return next(iter(same_name + first + same_address), None)


def _nodes_to_readdress(
    database: Database, identity: Identity, current: Optional[Node]
) -> list[Node]:
    """Return the other nodes of the present private network whose addresses become invalid."""
    network = _private_network(database)
    if network is None:
        return []
    new = parse_subnet(identity.subnet)
    old = subnet_of(network)
    return [
        node
        for node in list_nodes(database)
        if node.ip
        and node != current
        and _contains(old, node.ip)
        and (not _contains(new, node.ip) or node.ip == identity.ip)
    ]


def _contains(network: ipaddress.IPv4Network, ip: str) -> bool:
    return ipaddress.IPv4Address(ip) in network


def _row(identity: Identity, current: Optional[Node]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": identity.name,
        "ip": identity.ip,
        "arch": identity.arch,
        "mac": identity.mac or None,
    }
    if current:
        return {**row, "was": current.name}
    return {**row, "membership": MEMBERSHIP, "rack": RACK, "rank": RANK, "comment": COMMENT}


def _refusal(identity: Identity, moving: list[Node]) -> Refused:
    shown = ", ".join(f"{node.name} ({node.ip})" for node in moving[:MAX_SHOWN])
    more = f" and {len(moving) - MAX_SHOWN} more" if len(moving) > MAX_SHOWN else ""
    return Refused(
        f"nodes outside {identity.subnet}, or with the frontend's new address: {shown}{more}",
        "frontend_private_subnet",
        "set frontend_readdress=true to give them the next free addresses, then restart them",
    )


def _state(
    database: Database, attributes: Mapping[str, str], owned: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return what the difference shows: the network, all nodes' addresses and the attributes.

    ``owned`` are the attributes of a node by its name.
    """
    network = _private_network(database)
    return {
        "network": to_dict(network) if network else {},
        "nodes": {
            node.name: {"ip": node.ip, "mac": node.mac, "arch": node.arch}
            for node in list_nodes(database)
        },
        "attributes": {name: get_attribute(database, name) for name in attributes},
        "own attributes": {
            name: get_attribute(database, name, Scope(node=node))
            for node, values in owned.items()
            for name in values
        },
    }
