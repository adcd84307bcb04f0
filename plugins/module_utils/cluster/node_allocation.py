# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Complete and judge nodes before one row is written: from what is asked for to the rows that shall be there.

What a ``NewNode`` leaves empty is found: rank, name, address.  Everything that stands against a node is collected, for
all nodes at once, so that a list with nine faults is repaired in one round.
"""

from __future__ import annotations

import unicodedata
from typing import Callable, Iterable, Optional, TypeVar

from ..errors import Conflict, DescriptionError, NotFound, RocksError
from ..suggestions import suggest
from .addressing import address_fault, ip_address, mac_address
from .allocations import Allocation, Allocations
from .model import Membership, NewNode
from .naming import MAX_POSITION, name_fault, next_rank, node_name

NO_ADDRESS = "none"
LONGEST_ARCH = 16
LONGEST_COMMENT = 1000
NOT_IN_A_LINE = (
    "Cc",
    "Cs",
    "Zl",
    "Zp",
)  # Unicode's controls, halves of characters, line and paragraph separators

T = TypeVar("T")


class Faults:
    """The faults of one input; each is added with the place it comes from."""

    def __init__(self, errors: Iterable[RocksError] = ()) -> None:
        self.errors = list(errors)

    def add(self, where: str, error: RocksError) -> None:
        """Keep a fault."""
        self.errors.append(
            type(error)(error.what, ": ".join(filter(None, (where, error.where))), error.hint)
        )

    def attempt(self, where: str, step: Callable[[], T]) -> Optional[T]:
        """The result of a step, or None when it raises: its error is kept."""
        try:
            return step()
        except RocksError as error:
            self.add(where, error)
            return None


def allocate(
    new: NewNode, ground: Allocations, faults: Faults, fill_gaps: bool = False
) -> Optional[Allocation]:
    """Place one node and take its ground; None when something stands against it, which is then in ``faults``."""
    where = new.where or _printable(new.name or new.mac)
    before = len(faults.errors)
    membership = faults.attempt(where, lambda: _membership(new.membership, ground))
    mac = faults.attempt(where, lambda: _mac(new.mac, ground)) if new.mac else None
    given = None
    if new.ip not in ("", NO_ADDRESS):
        given = faults.attempt(where, lambda: _given_address(new.ip, membership, ground))
    faults.attempt(where, lambda: _check_name(new.name, ground) if new.name else None)
    faults.attempt(where, lambda: _check_texts(new))
    faults.attempt(where, lambda: _check_place(new))
    if membership is None or len(faults.errors) > before:
        return None
    kind = membership
    rank = faults.attempt(where, lambda: _rank(new, kind, ground, fill_gaps))
    if rank is None:
        return None
    there = rank
    name = faults.attempt(where, lambda: _name(new, kind, there, ground))
    ip = (
        given if new.ip else faults.attempt(where, lambda: _next_address(new.network, kind, ground))
    )
    if name is None or len(faults.errors) > before:
        return None
    ground.claim(name, mac, ip, (kind.id, new.rack, rank))
    return Allocation(mac, name, kind, new.rack, rank, ip, new.arch, new.comment)


def _printable(text: str) -> str:
    """The text as it may stand on a terminal."""
    return text if text.isprintable() else ascii(text)


def _membership(name: str, ground: Allocations) -> Membership:
    if name not in ground.memberships:
        raise NotFound(f"there is no membership {name!r}", "", suggest(name, ground.memberships))
    return ground.memberships[name]


def _mac(text: str, ground: Allocations) -> str:
    mac = mac_address(text)
    if mac in ground.macs:
        raise Conflict(
            f"the MAC {mac} belongs to {ground.macs[mac]}",
            "",
            "replace that node, or remove it first",
        )
    return mac


def _given_address(text: str, membership: Optional[Membership], ground: Allocations) -> str:
    ip = ip_address(text)
    fault = address_fault(ip, ground.networks)
    if fault:
        known = ", ".join(f"{net.name} {net.subnet}/{net.netmask}" for net in ground.networks)
        raise DescriptionError(
            fault, "", f"networks: {known or 'none; rocks_network describes them'}"
        )
    holder = ground.holder(ip, *(membership.appliance, membership.name) if membership else ("", ""))
    if holder:
        raise Conflict(
            f"the address {ip} belongs to {holder}", "", "leave it out to get the next free one"
        )
    return ip


def _check_texts(new: NewNode) -> None:
    if (
        not 0 < len(new.arch) <= LONGEST_ARCH
        or not new.arch.replace("_", "").isalnum()
        or not new.arch.isascii()
    ):
        raise DescriptionError(f"{new.arch!r} is no architecture", "", "such as x86_64 or aarch64")
    if len(new.comment) > LONGEST_COMMENT or any(
        unicodedata.category(one) in NOT_IN_A_LINE for one in new.comment
    ):
        raise DescriptionError(
            "the comment holds control characters or is too long",
            "",
            f"one line of {LONGEST_COMMENT} letters at most",
        )


def _check_place(new: NewNode) -> None:
    for what, value in (("rack", new.rack), ("rank", new.rank)):
        if value is not None and not 0 <= value <= MAX_POSITION:
            raise DescriptionError(f"{what} {value} is out of range", "", f"0 to {MAX_POSITION}")


def _rank(new: NewNode, membership: Membership, ground: Allocations, fill_gaps: bool) -> int:
    taken = ground.ranks.get((membership.id, new.rack), set())
    if new.rank is None:
        rank = next_rank(taken, fill_gaps)
        if rank > MAX_POSITION:
            raise Conflict(f"rack {new.rack} is full", "", "fill its gaps, or take another rack")
        return rank
    if new.rank in taken:
        raise Conflict(
            f"rack {new.rack}, rank {new.rank} of membership {membership.name!r} is taken",
            "",
            "name another rank",
        )
    return new.rank


def _name(new: NewNode, membership: Membership, rank: int, ground: Allocations) -> str:
    if new.name:
        return new.name  # it was looked at before
    name = node_name(ground.pattern(membership.appliance), membership.appliance, new.rack, rank)
    _check_name(name, ground)
    return name


def _check_name(name: str, ground: Allocations) -> None:
    fault = name_fault(name, ground.reserved)
    if fault:
        raise DescriptionError(fault, "", "choose another name")
    if name in ground.names:
        raise Conflict(
            f"there is a node {name!r} already",
            "",
            "choose another name, or remove that node first",
        )


def _next_address(name: str, membership: Membership, ground: Allocations) -> str:
    wanted = name or ground.network_for(membership.appliance)
    for network in ground.networks:
        if network.name == wanted:
            return ground.free_address(network)
    raise NotFound(
        f"there is no network {wanted!r} to take an address from",
        "",
        "describe it with rocks_network, or give ip=none",
    )
