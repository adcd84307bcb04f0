# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in the way of a new node: the names, MACs, addresses and places that are taken, and the rules for them."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Mapping, NamedTuple, Optional, Sequence

from .addressing import free_addresses, next_address
from .attributes import values_by_appliance
from .database import Database
from .frontend_protection import ADDRESS, BY_ATTRIBUTE, is_frontend
from .memberships import list_appliances, list_memberships
from .model import Membership, Network
from .naming import DEFAULT_PATTERN, PATTERN_ATTRIBUTE, group_name
from .networks import list_networks

NETWORK_ATTRIBUTE = "network"
DEFAULT_NETWORK = "private"

# Few long rows instead of one per node: with 10,000 nodes the driver's work per row is what costs.  The texts of one
# query are gathered in one pass over the table, so that their parts belong together.
TAKEN = "select group_concat(name), group_concat(coalesce(mac, '')), group_concat(coalesce(ip, '')) from nodes"
TAKEN_RANKS = "select membership, rack, group_concat(`rank`) from nodes group by membership, rack"
TAKEN_BY_INTERFACES = (
    "select nodes.name || '/' || interfaces.name, interfaces.mac, interfaces.ip"
    " from interfaces join nodes on nodes.id = interfaces.node"
)


class Allocation(NamedTuple):
    """A node ready to be written; None is stored as NULL."""

    mac: Optional[str]
    name: str
    membership: Membership
    rack: int
    rank: int
    ip: Optional[str]
    arch: str
    comment: str


@dataclasses.dataclass
class Allocations:
    """What is there; who plans takes and releases here, so that the next node sees it.

    names, macs, ips  each with the name of the node that has it (an interface as ``node/interface``)
    ranks             membership's id and rack -> ranks taken
    patterns          appliance -> name pattern; ``""`` is the global one
    network_names         appliance -> the network its nodes get their addresses from; ``""`` is the global one
    reserved          names that no node may have -> why
    """

    memberships: Mapping[str, Membership]
    networks: Sequence[Network]
    patterns: Mapping[str, str]
    network_names: Mapping[str, str]
    reserved: Mapping[str, str]
    names: dict[str, str] = dataclasses.field(default_factory=dict)
    macs: dict[str, str] = dataclasses.field(default_factory=dict)
    ips: dict[str, str] = dataclasses.field(default_factory=dict)
    ranks: dict[tuple[int, int], set[int]] = dataclasses.field(default_factory=dict)
    _walks: dict[str, Iterator[str]] = dataclasses.field(default_factory=dict)

    def claim(
        self, name: str, mac: Optional[str], ip: Optional[str], place: tuple[int, int, int]
    ) -> None:
        """Count a node among what is there; ``place`` is its membership's id, rack and rank."""
        self.names[name] = name
        self.ranks.setdefault(place[:2], set()).add(place[2])
        if mac:
            self.macs[mac] = name
        if ip:
            self.ips[ip] = name

    def release(self, name: str, mac: str, ip: str, place: tuple[int, int, int]) -> None:
        """Count a node no more."""
        self.names.pop(name, None)
        self.macs.pop(mac, None)
        self.ips.pop(ip, None)
        self.ranks.get(place[:2], set()).discard(place[2])
        self._walks.clear()

    def pattern(self, appliance: str) -> str:
        """The pattern that names the nodes of an appliance."""
        return self.patterns.get(appliance) or self.patterns.get("") or DEFAULT_PATTERN

    def network_for(self, appliance: str) -> str:
        """The name of the network that the nodes of an appliance get their addresses from."""
        return self.network_names.get(appliance) or self.network_names.get("") or DEFAULT_NETWORK

    def holder(self, ip: str, appliance: str, membership: str) -> str:
        """Who has an address that a node of this kind is to get; empty when it is free."""
        holder = self.ips.get(ip, "")
        return "" if holder == BY_ATTRIBUTE and is_frontend(appliance, membership) else holder

    def free_address(self, network: Network) -> str:
        """The highest free address.  Each network is walked down once, however many nodes ask.  Raises Conflict."""
        walk = self._walks.setdefault(network.name, free_addresses(network, self.ips))
        return next(walk, None) or next_address(network, self.ips)


def load_allocations(database: Database) -> Allocations:
    """Read what is there, in a few queries for any number of nodes."""
    known = list_memberships(database)
    reserved = {group_name(one.name): f"the group of membership {one.name!r}" for one in known}
    reserved.update({one.name: "an appliance" for one in list_appliances(database)})
    there = Allocations(
        memberships={one.name: one for one in known},
        networks=list_networks(database),
        patterns=values_by_appliance(database, PATTERN_ATTRIBUTE),
        network_names=values_by_appliance(database, NETWORK_ATTRIBUTE),
        reserved=reserved,
    )
    names, macs, ips = (text.split(",") if text else [] for text in database.rows(TAKEN)[0])
    there.names.update(zip(names, names))
    there.macs.update(zip(macs, names))
    there.ips.update(zip(ips, names))
    for membership, rack, ranks in database.rows(TAKEN_RANKS):
        there.ranks[membership, rack] = set(map(int, ranks.split(",")))
    for owner, mac, ip in database.rows(TAKEN_BY_INTERFACES):
        there.macs[mac or ""] = owner
        there.ips[ip or ""] = owner
    for ip in values_by_appliance(database, ADDRESS).values():
        there.ips.setdefault(ip, BY_ATTRIBUTE)
    return there
