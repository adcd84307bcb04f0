# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Enter the frontend and its network into its own database (Table II of the paper, row 1), or bring both to other values.

One transaction: a frontend with a new address in the old network, or the other way round, never exists.
"""

from __future__ import annotations

import ipaddress
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Optional

from ..cluster.addressing import subnet as subnet_of
from ..cluster.attributes import get_attribute, set_attribute
from ..cluster.database import Database
from ..cluster.frontend_protection import MEMBERSHIP, is_frontend
from ..cluster.memberships import list_memberships
from ..cluster.model import FRONTEND, Network, Node, to_dict
from ..cluster.networks import list_networks, put_network
from ..cluster.node_allocation import NO_ADDRESS
from ..cluster.node_changes import ensure_nodes
from ..cluster.nodes import find_node, list_nodes
from ..cluster.scoped_values import GLOBAL, Scope
from ..errors import DescriptionError, Refused

RACK, RANK = 0, 0
NETWORK = "private"
COMMENT = "Gateway machine"
SHOWN = 5
NONE: Mapping[str, str] = MappingProxyType({})


class Identity(NamedTuple):
    """What the frontend is in its database."""

    name: str
    mac: str
    ip: str
    arch: str
    subnet: str
    zone: str


class Registration(NamedTuple):
    """The frontend's row, its network, the names of the nodes that got another address, and a difference."""

    node: Node
    network: Network
    readdressed: list[str]
    difference: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.difference["before"] != self.difference["after"])


def register_frontend(
    database: Database,
    wanted: Identity,
    attributes: Mapping[str, str] = NONE,
    own_attributes: Mapping[str, str] = NONE,
    *,
    readdress: bool = False,
) -> Registration:
    """Bring the frontend's row, the private network and these attributes to what is wanted.

    attributes      global ones; own_attributes are the frontend's own
    readdress       when the network changes, nodes that would be outside get its next free addresses; without it that
                    is refused, since it may be a typo

    Raises what is wrong with a name, an address or a network, and changes nothing then.
    """
    with database.transaction():
        own = _own(database, wanted)
        before = _state(database, attributes, {own.name: own_attributes} if own else {})
        moving = _outside(database, wanted, own)
        if moving and not readdress:
            raise _refusal(wanted, moving)
        # Addresses are given back first: the network leaves them, or another node takes them.
        giving = ([own] if own and own.ip not in ("", wanted.ip) else []) + moving
        ensure_nodes(
            database, [{"was": node.name, "ip": NO_ADDRESS} for node in giving], allow_frontend=True
        )
        put_network(database, NETWORK, subnet=wanted.subnet, zone=wanted.zone, kind="private")
        ensure_nodes(database, [_row(wanted, own)], allow_frontend=True)
        ensure_nodes(
            database, [{"was": node.name, "ip": ""} for node in moving], allow_frontend=True
        )
        for scope, values in ((GLOBAL, attributes), (Scope(node=wanted.name), own_attributes)):
            for name, value in values.items():
                set_attribute(database, name, value, scope)
        after = _state(database, attributes, {wanted.name: own_attributes})
        node = find_node(database, wanted.name)
        network = next(one for one in list_networks(database) if one.name == NETWORK)
    return Registration(
        node, network, [one.name for one in moving], {"before": before, "after": after}
    )


def _own(database: Database, wanted: Identity) -> Optional[Node]:
    """The frontend's present row, whatever it is called; None in a new database.

    It is the first of its rack, or the one with its MAC or address.
    """
    kind = next((one for one in list_memberships(database) if one.name == MEMBERSHIP), None)
    if kind is None:
        raise DescriptionError(
            f"there is no membership {MEMBERSHIP!r}", "", "describe it with rocks_membership"
        )
    if not is_frontend(kind.appliance, kind.name):
        raise DescriptionError(
            f"membership {MEMBERSHIP!r} is of appliance {kind.appliance!r}",
            "",
            f"give it appliance {FRONTEND!r}: rocks_membership",
        )
    there = list_nodes(database)
    frontends = [one for one in there if one.membership == MEMBERSHIP]
    other = next((one for one in there if one.name == wanted.name and one not in frontends), None)
    if other:
        raise Refused(
            f"{wanted.name} is a node already ({other.membership})",
            "frontend_name",
            "choose another name",
        )
    named = [one for one in frontends if one.name == wanted.name]
    first = [one for one in frontends if (one.rack, one.rank) == (RACK, RANK)]
    same = [
        one for one in frontends if one.ip == wanted.ip or (wanted.mac and one.mac == wanted.mac)
    ]
    return next(iter(named + first + same), None)


def _outside(database: Database, wanted: Identity, own: Optional[Node]) -> list[Node]:
    """The other nodes of the present private network whose addresses are not in the wanted one."""
    present = next((one for one in list_networks(database) if one.name == NETWORK), None)
    if present is None:
        return []
    new, old = ipaddress.IPv4Network(wanted.subnet), subnet_of(present)
    return [
        node
        for node in list_nodes(database)
        if node.ip
        and node != own
        and _in(node.ip, old)
        and (not _in(node.ip, new) or node.ip == wanted.ip)
    ]


def _in(ip: str, network: ipaddress.IPv4Network) -> bool:
    return ipaddress.IPv4Address(ip) in network


def _row(wanted: Identity, own: Optional[Node]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": wanted.name,
        "ip": wanted.ip,
        "arch": wanted.arch,
        "mac": wanted.mac or None,
    }
    if own:
        return {**row, "was": own.name}
    return {**row, "membership": MEMBERSHIP, "rack": RACK, "rank": RANK, "comment": COMMENT}


def _refusal(wanted: Identity, moving: list[Node]) -> Refused:
    shown = ", ".join(f"{one.name} ({one.ip})" for one in moving[:SHOWN])
    more = f" and {len(moving) - SHOWN} more" if len(moving) > SHOWN else ""
    return Refused(
        f"outside {wanted.subnet}, or where the frontend is to be: {shown}{more}",
        "frontend_private_subnet",
        "with frontend_readdress=true they get the next free addresses, and must be started again",
    )


def _state(
    database: Database, attributes: Mapping[str, str], owned: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """What a difference shows: the network, all nodes' addresses, and the attributes that are meant."""
    return {
        "network": next(
            (to_dict(one) for one in list_networks(database) if one.name == NETWORK), {}
        ),
        "nodes": {
            one.name: {"ip": one.ip, "mac": one.mac, "arch": one.arch}
            for one in list_nodes(database)
        },
        "attributes": {name: get_attribute(database, name) for name in attributes},
        "own attributes": {
            name: get_attribute(database, name, Scope(node=node))
            for node, values in owned.items()
            for name in values
        },
    }
