# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add unknown machines to the database as nodes (paper, 6.4: insert-ethers).

All machines of one call are enrolled in one transaction.  If that fails, each is enrolled by
itself, so that only the machines at fault are refused, each with its reason.
"""

from __future__ import annotations

from typing import Callable, Iterable, NamedTuple, Optional, Sequence, Union

from ..cluster import node_changes
from ..cluster.database import Database
from ..cluster.model import Network, NewNode, Node
from ..cluster.networking.addressing import network_of
from ..cluster.networking.networks import list_networks
from ..errors import Refused, RocksError, Unavailable
from .dhcp_request import DhcpRequest, merge_by_mac
from .known_interfaces import (
    Machine,
    Owner,
    add_machines,
    boot_problem,
    mac_owners,
    split_by_uuid,
)
from .model import BatchResult, Enrolment, KnownMachine, Location, Placement, Refusal
from .placement_table import location_of

BeforeCommit = Callable[[Sequence[Node]], None]


def do_nothing(_nodes: Sequence[Node]) -> None:
    """The default of BeforeCommit."""


def insert(
    database: Database,
    requests: Iterable[DhcpRequest],
    placement: Placement,
    *,
    limit: Optional[int] = None,
    before_commit: BeforeCommit = do_nothing,
    dry_run: bool = False,
    machines: Optional[dict[str, Machine]] = None,
) -> BatchResult:
    """Add each unknown machine as a node with a name, a location and an address.

    requests       their order is the order of the ranks; several of one machine count once
    limit          the largest number of machines to enrol; the result does not mention the rest
    before_commit  called with the new nodes inside the transaction; if it raises, they are undone
    dry_run        return the same result, and change nothing
    machines       the machines of earlier calls, by UUID; this call adds its own.  A request with
                   one of these UUIDs and another MAC comes from a further interface of that machine

    Machines whose MAC belongs to any interface of a node are left alone.  Raises Unavailable when
    the database does not answer; nothing was changed then, and the call can be repeated.
    """
    merged = merge_by_mac(requests)
    machines = {} if machines is None else machines
    with database.transaction(dry_run=dry_run):
        owners = mac_owners(database, [request.mac for request in merged])
        known_requests = [request for request in merged if request.mac in owners]
        add_machines(machines, [(request, owners[request.mac].node) for request in known_requests])
        unknown = [request for request in merged if request.mac not in owners]
        new, further = split_by_uuid(unknown, machines, placement)
        candidates, refused = _plan(database, new, placement)
        enrolled, failed = _enrol(database, candidates[:limit], placement, before_commit)
        all_networks = list_networks(database) if known_requests else []
    add_machines(machines, [(request, node.name) for request, node in enrolled])
    return BatchResult(
        enrolled=tuple(enrolled),
        known=tuple(
            _known_machine(request, owners[request.mac], all_networks) for request in known_requests
        ),
        refused=(*further, *refused, *failed),
    )


def _known_machine(
    request: DhcpRequest, owner: Owner, all_networks: Sequence[Network]
) -> KnownMachine:
    return KnownMachine(request, owner.node, boot_problem(owner, request, all_networks))


def new_node(
    request: DhcpRequest, location: Location, placement: Placement, *, network: str
) -> NewNode:
    """Combine a request, a location and a placement.

    network  the network that the address is allocated from; empty: the network of the membership
    """
    return NewNode(
        membership=location.membership or placement.membership,
        rack=location.rack,
        rank=location.rank,
        name=location.name,
        mac=request.mac,
        ip=location.ip,
        arch=request.arch or placement.arch,
        comment=placement.comment,
        network=network,
        where=": ".join(filter(None, (location.where, request.mac))),
        default_rack=placement.rack,
        first_rank=placement.rank,
    )


class _Candidate(NamedTuple):
    request: DhcpRequest
    node: NewNode


def _plan(
    database: Database, unknown: Sequence[DhcpRequest], placement: Placement
) -> tuple[list[_Candidate], list[Refusal]]:
    """Choose a location for each machine, or the reason to refuse it."""
    candidates: list[_Candidate] = []
    refused: list[Refusal] = []
    for request in unknown:
        try:
            location = _location_for(request, placement)
            network = _network_for(database, request, placement)
        except Refused as error:
            refused.append(Refusal(request, str(error)))
            continue
        node = new_node(request, location, placement, network=network)
        candidates.append(_Candidate(request, node))
    return candidates, refused


def _location_for(request: DhcpRequest, placement: Placement) -> Location:
    """Return the location that the table gives, or an empty one.  Raises Refused."""
    direct = request.interface and not request.relay
    if direct and placement.interface not in ("", request.interface):
        raise Refused(
            f"the request arrived on {request.interface},"
            f" but the cluster network is on {placement.interface}"
        )
    if placement.firmware_only and not request.is_firmware:
        raise Refused(
            "not a PXE or HTTP boot request", hint="set firmware_only: false to add it anyway"
        )
    if not placement.locations:
        return Location()
    location = location_of(request, placement.locations)
    if location is None:
        port = f" (port {request.switch} {request.port})" if request.port else ""
        raise Refused(f"not in the table{port}")
    return location


def _network_for(database: Database, request: DhcpRequest, placement: Placement) -> str:
    """Return the network of the relay that forwarded the request: the machine is behind it."""
    if placement.network or not request.relay:
        return placement.network
    network = network_of(request.relay, list_networks(database))
    if network is None:
        raise Refused(
            f"the DHCP relay {request.relay} is not in a known network",
            hint="define its network with rocks_network",
        )
    return network.name


def _enrol(
    database: Database,
    candidates: Sequence[_Candidate],
    placement: Placement,
    before_commit: BeforeCommit,
) -> tuple[list[Enrolment], list[Refusal]]:
    """Enrol all at once; if that fails, one by one, so that only those at fault are refused."""
    if not candidates:
        return [], []
    outcome = _try_enrol(database, candidates, placement, before_commit)
    if not isinstance(outcome, RocksError):
        return outcome, []
    if len(candidates) == 1:
        return [], [Refusal(candidates[0].request, str(outcome))]
    enrolled: list[Enrolment] = []
    refused: list[Refusal] = []
    for candidate in candidates:
        outcome = _try_enrol(database, [candidate], placement, before_commit)
        if isinstance(outcome, RocksError):
            refused.append(Refusal(candidate.request, str(outcome)))
        else:
            enrolled += outcome
    return enrolled, refused


def _try_enrol(
    database: Database,
    candidates: Sequence[_Candidate],
    placement: Placement,
    before_commit: BeforeCommit,
) -> Union[list[Enrolment], RocksError]:
    """Enrol all candidates or none.  Return the error, but raise Unavailable."""
    try:
        with database.transaction():
            if placement.replace:
                added = [
                    node_changes.replace_node(database, placement.replace, candidate.request.mac)
                    for candidate in candidates
                ]
            else:
                added = node_changes.add_nodes(
                    database,
                    [candidate.node for candidate in candidates],
                    fill_gaps=placement.fill_gaps,
                    expected=[
                        new_node(DhcpRequest(""), location, placement, network="")
                        for location in placement.locations.values()
                        if location.name or location.rank is not None
                    ],
                )
            before_commit(added)
            return [
                Enrolment(candidate.request, node) for candidate, node in zip(candidates, added)
            ]
    except Unavailable:
        raise
    except RocksError as error:
        return error
