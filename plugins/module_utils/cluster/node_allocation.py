# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check a requested node and allocate what it leaves empty: rank, name and address.

Nothing is written here.  All errors of all nodes are collected first, so that a table with nine
errors is corrected once and not nine times.
"""

from __future__ import annotations

import contextlib
import unicodedata
from typing import Iterable, Optional, Sequence

from ..errors import Conflict, DescriptionError, NotFound, RocksError
from ..suggestions import suggest
from .allocations import Allocation, Allocations
from .faults import Faults
from .model import Membership, NewNode, Node
from .naming import (
    MAX_POSITION,
    PATTERN_ATTRIBUTE,
    RESERVED,
    free_ranks,
    node_name,
    position_in_name,
)
from .networking.addressing import address_fault, can_be_gateway, ip_address, mac_address

NO_ADDRESS = "none"
ARCHITECTURES = (
    *("x86_64", "x86_64_v2", "aarch64", "ppc64le", "s390x", "riscv64"),
    *("i386", "armv7l", "ia64", "loongarch64", "ppc64"),
)
"""As ``uname -m`` prints them; distributions and inventory groups are named after them."""
OTHER_NAMES = {
    **dict.fromkeys(("amd64", "x64", "em64t", "intel64"), "x86_64"),
    **dict.fromkeys(("i486", "i586", "i686", "x86", "ia32"), "i386"),
    **dict.fromkeys(("arm64", "armv8", "armv8l"), "aarch64"),
    **dict.fromkeys(("ppc64el", "powerpc64le"), "ppc64le"),
}
"""Names that Debian, Go or vendors use."""
MAX_COMMENT_LENGTH = 1000
NOT_IN_A_LINE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, surrogates, line and paragraph separators."""


def expect(requests: Iterable[NewNode], allocations: Allocations) -> None:
    """Keep the names and ranks that some nodes request from being allocated to other nodes."""
    for request in requests:
        membership = allocations.memberships.get(request.membership)
        if membership is None:
            continue  # its allocation reports it
        name = request.name
        if request.rank is not None:
            with contextlib.suppress(RocksError):  # the allocation reports it
                rack, _rank = _requested_position(request, membership, allocations)
                allocations.expected_ranks.setdefault((membership.id, rack), set()).add(
                    request.rank
                )
                name = name or _name_at(rack, request.rank, membership, allocations)
        allocations.expected_names.add(name)


def allocate(
    request: NewNode,
    allocations: Allocations,
    faults: Faults,
    fill_gaps: bool = False,
    *,
    current: Optional[Node] = None,
    interfaces: Sequence[str] = (),
) -> Optional[Allocation]:
    """Allocate one node and claim its values; None if there are errors, which go to ``faults``.

    fill_gaps   take the lowest free rank instead of the one after the highest
    current     the row that is changed; its present name and address are not checked, so that a row
                from before a rule can be changed
    interfaces  the names of its further interfaces
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
    if current and (request.ip, request.membership) == (current.ip, current.membership):
        ip = current.ip
    elif request.ip not in ("", NO_ADDRESS):
        with faults.at(where):
            ip = _check_address(request.ip, membership, allocations)
    if request.name and not (current and request.name == current.name):
        with faults.at(where):
            _check_name(request.name, allocations)
    with faults.at(where):
        _check_texts(request)
    with faults.at(where):
        _check_position(request)
    if membership is None or len(faults.errors) > errors_before:
        return None
    position: Optional[tuple[int, int]] = None
    name = request.name
    with faults.at(where):
        position = _allocate_position(request, membership, allocations, fill_gaps)
    if position is None:
        return None
    rack, rank = position
    if not name:
        with faults.at(where):
            name = _allocate_name(rack, rank, membership, allocations)
    if not (current and name == current.name):
        with faults.at(where):
            _check_interfaces(name, interfaces, allocations)
    if not request.ip:
        with faults.at(where):
            ip = _allocate_address(request.network, membership, allocations)
    if len(faults.errors) > errors_before:
        return None
    allocation = Allocation(
        mac=mac,
        name=name,
        membership=membership,
        rack=rack,
        rank=rank,
        ip=ip,
        arch=request.arch,
        comment=request.comment,
    )
    allocations.claim(name, mac, ip, allocation.position, interfaces)
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
    routes = membership is not None and can_be_gateway(membership.appliance, membership.root)
    fault = address_fault(ip, allocations.networks, may_be_gateway=routes)
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
    if request.arch not in ARCHITECTURES:
        name = request.arch.lower().replace("-", "_")
        meant = name if name in ARCHITECTURES else OTHER_NAMES.get(name)
        raise DescriptionError(
            f"{request.arch!r} is not a valid architecture",
            "",
            f"write {meant}" if meant else f"known: {', '.join(ARCHITECTURES)}",
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
    for field, value in (
        ("rack", request.default_rack if request.rack is None else request.rack),
        ("rank", request.first_rank if request.rank is None else request.rank),
    ):
        if value is not None and not 0 <= value <= MAX_POSITION:
            raise DescriptionError(f"{field} {value} is out of range", "", f"0 to {MAX_POSITION}")


def _requested_position(
    request: NewNode, membership: Membership, allocations: Allocations
) -> tuple[int, Optional[int]]:
    """Return the rack, and the rank that the request or its name contains, or None.

    A rank that only the name contains is a wish: None if it is in use.
    """
    rack = request.rack
    rank = request.rank
    if request.name and (rack is None or rank is None):
        pattern = allocations.pattern(membership.appliance)
        position = position_in_name(pattern, membership.appliance, request.name, rack)
        if position:
            rack = position.rack if rack is None else rack
            rank = position.rank if rank is None else rank
    rack = request.default_rack if rack is None else rack
    if request.rank is None and (
        rank in allocations.ranks_in_use(membership.appliance, rack)
        or rank in allocations.ranks_expected(membership.appliance, rack)
    ):
        rank = None
    return rack, rank


def _allocate_position(
    request: NewNode, membership: Membership, allocations: Allocations, fill_gaps: bool
) -> tuple[int, int]:
    """Return the rack and the rank."""
    rack, requested_rank = _requested_position(request, membership, allocations)
    if requested_rank is not None:
        if requested_rank in allocations.ranks.get((membership.id, rack), ()):
            raise Conflict(
                f"rack {rack}, rank {requested_rank} of membership {membership.name!r}"
                " is already in use",
                "",
                "use another rank, or leave it out to get the next free one",
            )
        return rack, requested_rank
    in_use = allocations.ranks_in_use(membership.appliance, rack)
    expected = allocations.ranks_expected(membership.appliance, rack)
    unavailable = (
        *(allocations.names, allocations.expected_names, allocations.interface_hosts),
        *(RESERVED, allocations.reserved),
    )
    for rank in free_ranks(in_use, fill_gaps=fill_gaps, first_rank=request.first_rank):
        name = _name_at(rack, rank, membership, allocations)
        if rank not in expected and not any(name in names for names in unavailable):
            return rack, rank
    if request.first_rank is not None:
        raise Conflict(
            f"rack {rack} has no free rank from {request.first_rank} on",
            "",
            "begin with a lower rank",
        )
    raise Conflict(f"rack {rack} is full", "", "use another rack")


def _name_at(rack: int, rank: int, membership: Membership, allocations: Allocations) -> str:
    pattern = allocations.pattern(membership.appliance)
    return node_name(pattern, membership.appliance, rack, rank)


def _allocate_name(rack: int, rank: int, membership: Membership, allocations: Allocations) -> str:
    name = _name_at(rack, rank, membership, allocations)
    fault = allocations.name_fault(name)
    if fault:
        raise DescriptionError(
            f"rack {rack}, rank {rank}: {fault}",
            "",
            f"set a name, or change the attribute {PATTERN_ATTRIBUTE} of appliance"
            f" {membership.appliance!r}",
        )
    if name in allocations.names:
        raise Conflict(
            f"rack {rack}, rank {rank}: node {name!r} already exists",
            "",
            "set a name, use another rank, or leave the rank out to get the next free one",
        )
    return name


def _check_name(name: str, allocations: Allocations) -> None:
    fault = allocations.name_fault(name)
    if fault:
        raise DescriptionError(fault, "", "choose another name")
    if name in allocations.names:
        raise Conflict(
            f"node {name!r} already exists", "", "choose another name, or remove that node first"
        )


def _check_interfaces(name: str, interfaces: Sequence[str], allocations: Allocations) -> None:
    for interface in interfaces:
        fault = allocations.interface_fault(name, interface)
        if fault:
            raise Conflict(
                f"the node has an interface {interface!r}: {fault}", "", "choose another name"
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
