# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check a requested node and allocate what it leaves empty: rank, name and address.

Nothing is written here.  All errors of all nodes are collected first, so that a table with nine
errors is corrected once and not nine times.
"""

from __future__ import annotations

import unicodedata
from typing import Optional

from ..errors import Conflict, DescriptionError, NotFound
from ..suggestions import suggest
from .addressing import address_fault, ip_address, mac_address
from .allocations import Allocation, Allocations
from .faults import Faults
from .model import Membership, NewNode
from .naming import MAX_POSITION, name_fault, next_rank, node_name

NO_ADDRESS = "none"
MAX_ARCH_LENGTH = 16
MAX_COMMENT_LENGTH = 1000
NOT_IN_A_LINE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, surrogates, line and paragraph separators."""


def allocate(
    request: NewNode, allocations: Allocations, faults: Faults, fill_gaps: bool = False
) -> Optional[Allocation]:
    """Allocate one node and claim its values; None if there are errors, which go to ``faults``.

    fill_gaps  take the lowest free rank instead of the one after the highest
    """
    where = request.where or _printable(request.name or request.mac)
    errors_before = len(faults.errors)
    membership: Optional[Membership] = None
    mac: Optional[str] = None
    ip: Optional[str] = None
    with faults.at(where):
        membership = _find_membership(request.membership, allocations)
    with faults.at(where):
        mac = _check_mac(request.mac, allocations) if request.mac else None
    if request.ip not in ("", NO_ADDRESS):
        with faults.at(where):
            ip = _check_address(request.ip, membership, allocations)
    if request.name:
        with faults.at(where):
            _check_name(request.name, allocations)
    with faults.at(where):
        _check_texts(request)
    with faults.at(where):
        _check_position(request)
    if membership is None or len(faults.errors) > errors_before:
        return None
    rank: Optional[int] = None
    name = request.name
    with faults.at(where):
        rank = _allocate_rank(request, membership, allocations, fill_gaps)
    if rank is None:
        return None
    if not name:
        with faults.at(where):
            name = _allocate_name(request.rack, rank, membership, allocations)
    if not request.ip:
        with faults.at(where):
            ip = _allocate_address(request.network, membership, allocations)
    if len(faults.errors) > errors_before:
        return None
    allocation = Allocation(
        mac=mac,
        name=name,
        membership=membership,
        rack=request.rack,
        rank=rank,
        ip=ip,
        arch=request.arch,
        comment=request.comment,
    )
    allocations.claim(name, mac, ip, allocation.position)
    return allocation


def _printable(text: str) -> str:
    """Return the text without control sequences of terminals."""
    return text if text.isprintable() else ascii(text)


def _find_membership(name: str, allocations: Allocations) -> Membership:
    if name not in allocations.memberships:
        raise NotFound(
            f"there is no membership {name!r}", "", suggest(name, allocations.memberships)
        )
    return allocations.memberships[name]


def _check_mac(text: str, allocations: Allocations) -> str:
    mac = mac_address(text)
    if mac in allocations.macs:
        raise Conflict(
            f"the MAC {mac} belongs to {allocations.macs[mac]}",
            "",
            "replace that node, or remove it first",
        )
    return mac


def _check_address(text: str, membership: Optional[Membership], allocations: Allocations) -> str:
    ip = ip_address(text)
    fault = address_fault(ip, allocations.networks)
    if fault:
        networks = ", ".join(
            f"{net.name} {net.subnet}/{net.netmask}" for net in allocations.networks
        )
        raise DescriptionError(
            fault, "", f"networks: {networks}" if networks else "add a network with rocks_network"
        )
    kind = (membership.appliance, membership.name) if membership else ("", "")
    owner = allocations.address_owner(ip, *kind)
    if owner:
        raise Conflict(
            f"the address {ip} belongs to {owner}", "", "leave it out to get the next free one"
        )
    return ip


def _check_texts(request: NewNode) -> None:
    arch = request.arch
    if (
        not 0 < len(arch) <= MAX_ARCH_LENGTH
        or not arch.replace("_", "").isalnum()
        or not arch.isascii()
    ):
        raise DescriptionError(
            f"{arch!r} is not a valid architecture", "", "write x86_64 or aarch64, for example"
        )
    if len(request.comment) > MAX_COMMENT_LENGTH or any(
        unicodedata.category(character) in NOT_IN_A_LINE for character in request.comment
    ):
        raise DescriptionError(
            "the comment is too long or contains control characters",
            "",
            f"write one line of at most {MAX_COMMENT_LENGTH} characters",
        )


def _check_position(request: NewNode) -> None:
    for field, value in (("rack", request.rack), ("rank", request.rank)):
        if value is not None and not 0 <= value <= MAX_POSITION:
            raise DescriptionError(f"{field} {value} is out of range", "", f"0 to {MAX_POSITION}")


def _allocate_rank(
    request: NewNode, membership: Membership, allocations: Allocations, fill_gaps: bool
) -> int:
    in_use = allocations.ranks.get((membership.id, request.rack), set())
    if request.rank is None:
        rank = next_rank(in_use, fill_gaps)
        if rank > MAX_POSITION:
            raise Conflict(f"rack {request.rack} is full", "", "fill its gaps, or use another rack")
        return rank
    if request.rank in in_use:
        raise Conflict(
            f"rack {request.rack}, rank {request.rank} of membership {membership.name!r}"
            " is already in use",
            "",
            "use another rank",
        )
    return request.rank


def _allocate_name(rack: int, rank: int, membership: Membership, allocations: Allocations) -> str:
    pattern = allocations.pattern(membership.appliance)
    name = node_name(pattern, membership.appliance, rack, rank)
    _check_name(name, allocations)
    return name


def _check_name(name: str, allocations: Allocations) -> None:
    fault = name_fault(name, allocations.reserved)
    if fault:
        raise DescriptionError(fault, "", "choose another name")
    if name in allocations.names:
        raise Conflict(
            f"node {name!r} already exists", "", "choose another name, or remove that node first"
        )


def _allocate_address(network_name: str, membership: Membership, allocations: Allocations) -> str:
    name = network_name or allocations.network_name(membership.appliance)
    for network in allocations.networks:
        if network.name == name:
            return allocations.free_address(network)
    raise NotFound(
        f"there is no network {name!r} to take an address from",
        "",
        "add it with rocks_network, or set ip=none",
    )
