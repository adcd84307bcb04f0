# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The names, MACs, addresses and positions in use, and the rules for new nodes."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Mapping, NamedTuple, Optional, Sequence

from .database import Database
from .frontend_protection import ADDRESS, BY_ATTRIBUTE, is_frontend
from .memberships import list_appliances, list_memberships
from .model import Membership, Network, Node
from .naming import (
    DEFAULT_PATTERN,
    MAX_HOST_NAME,
    NETWORK_ATTRIBUTE,
    PATTERN_ATTRIBUTE,
    contains_rack,
    group_name,
    interface_host,
    name_fault,
)
from .networking.addressing import free_addresses, next_address
from .networking.networks import list_networks
from .values.scoped_values import values_by_appliance

DEFAULT_NETWORK = "private"

# A few long rows instead of one for each node: with 10,000 nodes, the driver's work for each row
# would be most of the time.  One query reads all three columns, so that their values correspond.
NODES_IN_USE = (
    "select group_concat(name), group_concat(coalesce(mac, '')), group_concat(coalesce(ip, ''))"
    " from nodes"
)
RANKS_IN_USE = "select membership, rack, group_concat(`rank`) from nodes group by membership, rack"
INTERFACES_IN_USE = (
    "select nodes.name, interfaces.name, coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '')"
    " from interfaces join nodes on nodes.id = interfaces.node"
)


class Position(NamedTuple):
    """Where a node is; a position belongs to at most one node."""

    membership: int
    """The id of the membership."""
    rack: int
    rank: int


class Allocation(NamedTuple):
    """A complete node, ready to be written."""

    mac: Optional[str]
    """None is stored as NULL, here and in ``ip``."""
    name: str
    membership: Membership
    rack: int
    rank: int
    ip: Optional[str]
    arch: str
    comment: str

    @property
    def position(self) -> Position:
        """The membership, rack and rank."""
        return Position(self.membership.id, self.rack, self.rank)


@dataclasses.dataclass
class Allocations:
    """The values in use.  ``claim`` and ``release`` update them while several nodes are planned."""

    memberships: Mapping[str, Membership]
    networks: Sequence[Network]
    patterns: Mapping[str, str]
    """Appliance -> pattern of node names; ``""`` is the global one."""
    network_names: Mapping[str, str]
    """Appliance -> the network that its nodes get addresses from; ``""`` is the global one."""
    reserved: Mapping[str, str]
    """Names that no node can have -> the reason."""
    names: set[str] = dataclasses.field(default_factory=set)
    macs: dict[str, str] = dataclasses.field(default_factory=dict)
    """MAC -> its owner: a node, or an interface as ``node/interface``."""
    ips: dict[str, str] = dataclasses.field(default_factory=dict)
    """Address -> its owner, as in ``macs``."""
    ranks: dict[tuple[int, int], set[int]] = dataclasses.field(default_factory=dict)
    """Id of the membership and rack -> ranks."""
    interfaces: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """Node -> the names of its further interfaces."""
    interface_hosts: dict[str, str] = dataclasses.field(default_factory=dict)
    """The host name of each further interface -> its meaning; no node can have it."""
    expected_names: set[str] = dataclasses.field(default_factory=set)
    """Names that other nodes of the input request; they are not allocated."""
    expected_ranks: dict[tuple[int, int], set[int]] = dataclasses.field(default_factory=dict)
    """The ranks that other nodes of the input request, as in ``ranks``."""
    _free_addresses: dict[str, Iterator[str]] = dataclasses.field(default_factory=dict)
    """Network -> its free addresses that have not been handed out."""

    def claim(
        self,
        name: str,
        mac: Optional[str],
        ip: Optional[str],
        position: Position,
        interfaces: Sequence[str] = (),
    ) -> None:
        """Mark the values of a node as in use; ``interfaces`` are its further ones."""
        self.names.add(name)
        for interface in interfaces:
            self.claim_interface(name, interface)
        self.ranks.setdefault(position[:2], set()).add(position.rank)
        if mac:
            self.macs[mac] = name
        if ip:
            self.ips[ip] = name

    def claim_interface(self, node: str, interface: str) -> None:
        """Mark the host name of a further interface as in use."""
        self.interfaces.setdefault(node, []).append(interface)
        host = interface_host(node, interface)
        self.interface_hosts[host] = f"the host name of interface {interface} of {node}"

    def release(self, node: Node) -> list[str]:
        """Mark the values of a node as free, and return the names of its further interfaces."""
        self.names.discard(node.name)
        self.macs.pop(node.mac, None)
        self.ips.pop(node.ip, None)
        interfaces = self.interfaces.pop(node.name, [])
        for interface in interfaces:
            self.interface_hosts.pop(interface_host(node.name, interface), None)
        position = self.position_of(node)
        self.ranks.get(position[:2], set()).discard(position.rank)
        self._free_addresses.clear()
        return interfaces

    def name_fault(self, name: str) -> Optional[str]:
        """Return the reason why no node can have this name, whether or not a node has it."""
        meaning = self.interface_hosts.get(name)
        if meaning:
            return f"{name!r} is reserved: it is {meaning}"
        return name_fault(name, self.reserved)

    def interface_fault(self, node: str, interface: str) -> Optional[str]:
        """Return the reason why a node of this name cannot have an interface of this name.

        DHCP, DNS and hosts contain the interface as a host of its own.
        """
        host = interface_host(node, interface)
        if len(host) > MAX_HOST_NAME:
            return f"its host name {host!r} would be longer than {MAX_HOST_NAME} characters"
        if host in self.names:
            return f"its host name {host!r} is already the name of a node"
        meaning = self.interface_hosts.get(host)
        return f"its host name {host!r} is already {meaning}" if meaning else None

    def position_of(self, node: Node) -> Position:
        """Return the position of a node."""
        return Position(self.memberships[node.membership].id, node.rack, node.rank)

    def ranks_in_use(self, appliance: str, rack: int) -> set[int]:
        """Return the ranks in a rack that no further node of an appliance can be given.

        They are those of all its memberships, because the memberships share the pattern of names;
        and those of all racks if the pattern does not contain the rack.
        """
        return self._ranks_of_appliance(self.ranks, appliance, rack)

    def ranks_expected(self, appliance: str, rack: int) -> set[int]:
        """Return the ranks that other nodes of the input request, as ``ranks_in_use``."""
        return self._ranks_of_appliance(self.expected_ranks, appliance, rack)

    def _ranks_of_appliance(
        self, ranks: Mapping[tuple[int, int], set[int]], appliance: str, rack: int
    ) -> set[int]:
        ids = {row.id for row in self.memberships.values() if row.appliance == appliance}
        if contains_rack(self.pattern(appliance)):
            return set().union(*(ranks.get((membership, rack), ()) for membership in ids))
        return set().union(*(ranks[key] for key in ranks if key[0] in ids))

    def pattern(self, appliance: str) -> str:
        """Return the pattern of the names of an appliance's nodes."""
        return self.patterns.get(appliance) or self.patterns.get("") or DEFAULT_PATTERN

    def network_name(self, appliance: str) -> str:
        """Return the name of the network that an appliance's nodes get addresses from."""
        return self.network_names.get(appliance) or self.network_names.get("") or DEFAULT_NETWORK

    def address_owner(self, ip: str, appliance: str, membership: str) -> str:
        """Return the owner of an address that a node of this kind requests; empty: it is free."""
        owner = self.ips.get(ip, "")
        return "" if owner == BY_ATTRIBUTE and is_frontend(appliance, membership) else owner

    def free_address(self, network: Network) -> str:
        """Return the highest free address.  Raises Conflict if the network is full.

        However many nodes are planned, the addresses of a network are searched once.
        """
        addresses = self._free_addresses.setdefault(network.name, free_addresses(network, self.ips))
        return next(addresses, None) or next_address(network, self.ips)


def load_allocations(database: Database) -> Allocations:
    """Read what is in use, with a few queries for any number of nodes."""
    memberships = list_memberships(database)
    reserved = {
        group_name(membership.name): f"the group of membership {membership.name!r}"
        for membership in memberships
    }
    reserved.update((appliance.name, "an appliance") for appliance in list_appliances(database))
    allocations = Allocations(
        memberships={membership.name: membership for membership in memberships},
        networks=list_networks(database),
        patterns=values_by_appliance(database, PATTERN_ATTRIBUTE),
        network_names=values_by_appliance(database, NETWORK_ATTRIBUTE),
        reserved=reserved,
    )
    names, macs, ips = (text.split(",") if text else [] for text in database.rows(NODES_IN_USE)[0])
    allocations.names.update(names)
    allocations.macs.update(zip(macs, names))
    allocations.ips.update(zip(ips, names))
    for membership, rack, ranks in database.rows(RANKS_IN_USE):
        allocations.ranks[membership, rack] = set(map(int, ranks.split(",")))
    for node, interface, mac, ip in database.rows(INTERFACES_IN_USE):
        allocations.macs[mac] = allocations.ips[ip] = f"{node}/{interface}"
        allocations.claim_interface(node, interface)
    for ip in values_by_appliance(database, ADDRESS).values():
        allocations.ips.setdefault(ip, BY_ATTRIBUTE)
    return allocations
