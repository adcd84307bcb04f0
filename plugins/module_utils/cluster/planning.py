# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Complete and judge nodes before one row is written: pure, from what the database holds to the rows it shall hold.

What a ``NewNode`` leaves empty is found: rank, name, address.  Everything that stands against a node is collected, for
all nodes at once, so that a list with nine faults is repaired in one round.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, TypeVar

from ..errors import Conflict, DescriptionError, NotFound, RocksError, together
from .addressing import address_fault, free_addresses, ip_address, mac_address, next_address
from .model import Membership, Network, NewNode
from .naming import DEFAULT_PATTERN, LAST_PLACE, group_name, name_fault, next_rank, node_name

NO_ADDRESS = "none"
DEFAULT_NETWORK = "private"
LONGEST_ARCH = 16

T = TypeVar("T")


class Placed(NamedTuple):
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
class Ground:
    """What is there already; ``plan`` adds to it what it places, so that the next node sees it.

    names, macs, ips  each with the name of the node that has it (an interface as ``node/interface``)
    ranks             membership id and rack -> ranks taken
    patterns          appliance -> name pattern; ``""`` is the global one
    home              appliance -> the network its nodes get their addresses from; ``""`` is the global one
    appliances        names, which no node may have
    """

    memberships: Mapping[str, Membership]
    networks: Sequence[Network]
    appliances: Sequence[str]
    patterns: Mapping[str, str]
    home: Mapping[str, str]
    names: dict[str, str]
    macs: dict[str, str]
    ips: dict[str, str]
    ranks: dict[tuple[int, int], set[int]]
    _free: dict[str, Iterator[str]] = dataclasses.field(default_factory=dict)

    def reserved(self) -> dict[str, str]:
        """The names that belong to appliances and to groups of memberships."""
        found = {group_name(name): f"the group of membership {name!r}" for name in self.memberships}
        found.update(dict.fromkeys(self.appliances, "an appliance"))
        return found

    def take(self, node: Placed) -> None:
        """Count the node among what is there."""
        self.names[node.name] = node.name
        self.ranks.setdefault((node.membership.id, node.rack), set()).add(node.rank)
        if node.mac:
            self.macs[node.mac] = node.name
        if node.ip:
            self.ips[node.ip] = node.name

    def free(self, network: Network) -> str:
        """The next free address; each network is walked down only once."""
        walk = self._free.setdefault(network.name, free_addresses(network, self.ips))
        return next(walk, None) or next_address(network, self.ips)


def plan(wanted: Iterable[NewNode], ground: Ground, fill_gaps: bool = False) -> list[Placed]:
    """Place the nodes one after another.  Raises one error that lists every fault of every node."""
    placed, faults = [], []
    reserved = ground.reserved()
    for new in wanted:
        found = _Faults(new.where or new.name or new.mac)
        node = _place(new, ground, reserved, fill_gaps, found)
        faults += found.errors
        if node and not found.errors:
            ground.take(node)
            placed.append(node)
    if faults:
        raise together(faults)
    return placed


class _Faults:
    """The faults of one node, each with the place of the input that it comes from."""

    def __init__(self, where: str) -> None:
        self.where, self.errors = where, list[RocksError]()

    def add(self, error: RocksError) -> None:
        self.errors.append(type(error)(error.what, ": ".join(filter(None, (self.where, error.where))), error.hint))

    def attempt(self, step: Callable[[], T]) -> Optional[T]:
        """The result of a step, or None when it raises: its error is kept."""
        try:
            return step()
        except RocksError as error:
            self.add(error)
            return None


def _place(
    new: NewNode, ground: Ground, reserved: Mapping[str, str], fill_gaps: bool, found: _Faults
) -> Optional[Placed]:
    membership = found.attempt(lambda: _membership(new.membership, ground))
    mac = found.attempt(lambda: _mac(new.mac, ground)) if new.mac else None
    _check_place(new, found)
    if not new.arch or len(new.arch) > LONGEST_ARCH or not new.arch.replace("_", "").isalnum():
        found.add(DescriptionError(f"{new.arch!r} is no architecture", "", "such as x86_64 or aarch64"))
    ip = found.attempt(lambda: _given_address(new.ip, ground)) if new.ip not in ("", NO_ADDRESS) else None
    if membership is None or found.errors:
        return None
    rank = found.attempt(lambda: _rank(new, membership, ground, fill_gaps))
    if rank is None:
        return None
    name = found.attempt(lambda: _name(new, membership, rank, ground, reserved))
    if not new.ip and not found.errors:
        ip = found.attempt(lambda: _next_address(new.network, membership, ground))
    if name is None:
        return None
    return Placed(mac, name, membership, new.rack, rank, ip, new.arch, new.comment)


def _membership(name: str, ground: Ground) -> Membership:
    if name not in ground.memberships:
        raise NotFound(f"there is no membership {name!r}", "", near(name, ground.memberships))
    return ground.memberships[name]


def near(name: str, known: Iterable[str]) -> str:
    """A hint: the names that look like ``name``, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, cutoff=0.7)
    if close:
        return "did you mean " + " or ".join(repr(one) for one in close) + "?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 20 else f"{len(names)} others are known"


def _mac(text: str, ground: Ground) -> str:
    mac = mac_address(text)
    if mac in ground.macs:
        raise Conflict(f"the MAC {mac} belongs to {ground.macs[mac]}", "", "replace that node, or remove it first")
    return mac


def _check_place(new: NewNode, found: _Faults) -> None:
    for what, value in (("rack", new.rack), ("rank", new.rank)):
        if value is not None and not 0 <= value <= LAST_PLACE:
            found.add(DescriptionError(f"{what} {value} is out of range", "", f"0 to {LAST_PLACE}"))


def _rank(new: NewNode, membership: Membership, ground: Ground, fill_gaps: bool) -> int:
    taken = ground.ranks.get((membership.id, new.rack), set())
    if new.rank is None:
        rank = next_rank(taken, fill_gaps)
        if rank > LAST_PLACE:
            raise Conflict(f"rack {new.rack} is full", "", "fill its gaps, or take another rack")
        return rank
    if new.rank in taken:
        raise Conflict(
            f"rack {new.rack}, rank {new.rank} of membership {membership.name!r} is taken", "", "name another rank"
        )
    return new.rank


def _name(new: NewNode, membership: Membership, rank: int, ground: Ground, reserved: Mapping[str, str]) -> str:
    pattern = ground.patterns.get(membership.appliance) or ground.patterns.get("") or DEFAULT_PATTERN
    name = new.name or node_name(pattern, membership.appliance, new.rack, rank)
    fault = name_fault(name, reserved)
    if fault:
        raise DescriptionError(fault, "", "choose another name")
    if name in ground.names:
        raise Conflict(f"there is a node {name!r} already", "", "choose another name, or remove that node first")
    return name


def _given_address(text: str, ground: Ground) -> str:
    ip = ip_address(text)
    fault = address_fault(ip, ground.networks)
    if fault:
        known = ", ".join(f"{net.name} {net.subnet}/{net.netmask}" for net in ground.networks)
        raise DescriptionError(fault, "", f"networks: {known or 'none; rocks_network describes them'}")
    if ip in ground.ips:
        raise Conflict(f"the address {ip} belongs to {ground.ips[ip]}", "", "leave it out to get the next free one")
    return ip


def _next_address(name: str, membership: Membership, ground: Ground) -> str:
    wanted = name or ground.home.get(membership.appliance) or ground.home.get("") or DEFAULT_NETWORK
    for network in ground.networks:
        if network.name == wanted:
            return ground.free(network)
    raise NotFound(
        f"there is no network {wanted!r} to take an address from",
        "",
        "describe it with rocks_network, or give ip=none",
    )
