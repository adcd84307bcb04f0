# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Match requests with existing nodes, and plan how each node changes.  Nothing is written here."""

from __future__ import annotations

import contextlib
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from ..errors import NotFound, RocksError
from ..suggestions import suggest
from .allocations import Allocation, Allocations
from .database import Database
from .duplicate_requests import find_duplicates
from .faults import Faults
from .frontend_protection import check_change
from .model import NewNode, Node
from .naming import contains_rack, node_name
from .networking.addressing import mac_address, network_of
from .node_allocation import NO_ADDRESS, allocate, expect
from .nodes import list_nodes

NodeRequest = Mapping[str, Any]
"""Fields of ``NewNode``; a missing field, or None, stays as it is.

The request is for the node ``was`` (its current name, which must exist), else for the node
``name``, else for the node with ``mac``; if that does not exist, it is for a new node.  With
``new_name``, the node ``name`` is renamed; it may have been renamed before.
"""


class NodePlan(NamedTuple):
    """A node before a change, and the row to write."""

    before: Optional[Node]
    """None for a new node."""
    allocation: Optional[Allocation]
    """None if nothing changes, or if there are errors."""


def plan_nodes(
    database: Database,
    requests: Sequence[NodeRequest],
    allocations: Allocations,
    faults: Faults,
    *,
    fill_gaps: bool = False,
    allow_frontend: bool = False,
) -> list[NodePlan]:
    """Return a plan for each request; errors go to ``faults``."""
    existing = _find_all_existing(database, requests, allocations, faults)
    expect(
        (
            _apply_changes(before, _changes(request), allocations)
            if before
            else NewNode(**_changes(request))
            for request, before in zip(requests, existing)
        ),
        allocations,
    )
    duplicates = find_duplicates(requests, existing, faults)
    plans = [
        NodePlan(
            before,
            None
            if index in duplicates
            else _plan(request, before, allocations, faults, fill_gaps=fill_gaps),
        )
        for index, (request, before) in enumerate(zip(requests, existing))
    ]
    for request, plan in zip(requests, plans) if not allow_frontend else ():
        with faults.at(request.get("where", "")):
            _check_frontend(plan)
    return plans


def existing_name(request: NodeRequest, allocations: Allocations, faults: Faults) -> str:
    """Return the current name of the node that is requested; empty for a new node."""
    names = allocations.names
    if request.get("new_name") in names and request.get("name") not in names:
        return str(request["new_name"])
    if "was" in request or request.get("new_name"):
        name = str(request.get("was", request.get("name")))
        if name in names:
            return name
        faults.add(
            request.get("where", ""),
            NotFound(f"there is no node {name!r}", "", suggest(name, names)),
        )
        return ""
    if request.get("name"):
        return str(request["name"]) if request["name"] in names else ""
    try:
        owner = allocations.macs.get(mac_address(request.get("mac") or ""), "")
    except RocksError:
        return ""  # the allocation reports the MAC
    is_interface = "/" in owner
    return "" if is_interface else owner


def _find_all_existing(
    database: Database, requests: Sequence[NodeRequest], allocations: Allocations, faults: Faults
) -> list[Optional[Node]]:
    """Return the existing node for each request, or None."""
    names = [existing_name(request, allocations, faults) for request in requests]
    nodes = {node.name: node for node in list_nodes(database, filter(None, names))}
    return [nodes.get(name) for name in names]


def _plan(
    request: NodeRequest,
    before: Optional[Node],
    allocations: Allocations,
    faults: Faults,
    *,
    fill_gaps: bool,
) -> Optional[Allocation]:
    """Return the row to write; None if nothing changes, or if there are errors."""
    changes = _changes(request)
    if before is None:
        must_exist = "was" in request or request.get("new_name")
        return None if must_exist else allocate(NewNode(**changes), allocations, faults, fill_gaps)
    changed = _apply_changes(before, changes, allocations)
    if changed == _as_request(before):
        return None
    interfaces = allocations.release(before)
    allocation = allocate(
        changed._replace(where=request.get("where") or before.name),
        allocations,
        faults,
        fill_gaps,
        current=before,
        interfaces=interfaces,
    )
    if allocation is None:
        position = allocations.position_of(before)
        allocations.claim(before.name, before.mac, before.ip, position, interfaces)
    return allocation


def _changes(request: NodeRequest) -> dict[str, Any]:
    """Return the fields of ``NewNode`` that are requested."""
    changes = {
        field: value
        for field, value in request.items()
        if value is not None and field in NewNode._fields
    }
    if request.get("new_name"):
        changes["name"] = request["new_name"]
    return changes


def _check_frontend(plan: NodePlan) -> None:
    before = plan.before
    allocation = plan.allocation
    if before is None or allocation is None:
        return
    after = before._replace(
        name=allocation.name,
        mac=allocation.mac or "",
        ip=allocation.ip or "",
        membership=allocation.membership.name,
        appliance=allocation.membership.appliance,
    )
    check_change(before, after)


def _apply_changes(node: Node, changes: NodeRequest, allocations: Allocations) -> NewNode:
    """Return the node with the changes; fields that depend on them are left to the allocation."""
    changed = _as_request(node)._replace(**{**changes, "where": "", "network": ""})
    if changed.mac:
        with contextlib.suppress(RocksError):  # the allocation reports it
            changed = changed._replace(mac=mac_address(changed.mac))
    if "rank" not in changes and not _keeps_rank(node, changed, allocations):
        changed = changed._replace(rank=None)
    moves = (changed.membership, changed.rack, changed.rank) != (
        node.membership,
        node.rack,
        node.rank,
    )
    if moves and "name" not in changes and node.name == _name_by_pattern(node, allocations):
        changed = changed._replace(name="")
    if changes.get("network") and "ip" not in changes:
        network = network_of(node.ip, allocations.networks) if node.ip else None
        if network is None or network.name != changes["network"]:
            changed = changed._replace(ip="", network=changes["network"])
    return changed


def _keeps_rank(node: Node, changed: NewNode, allocations: Allocations) -> bool:
    """Whether a node that is changed can keep its rank.

    The memberships of an appliance count their ranks together; so do the racks if the pattern of
    names does not contain the rack.
    """
    if (changed.membership, changed.rack) == (node.membership, node.rack):
        return True
    membership = allocations.memberships.get(changed.membership)
    if membership is None or changed.rack is None:
        return False
    counted_together = membership.appliance == node.appliance and (
        changed.rack == node.rack or not contains_rack(allocations.pattern(node.appliance))
    )
    return counted_together and node.rank not in allocations.ranks.get(
        (membership.id, changed.rack), ()
    )


def _as_request(node: Node) -> NewNode:
    """Return the request that would result in this node."""
    return NewNode(
        membership=node.membership,
        rack=node.rack,
        rank=node.rank,
        name=node.name,
        mac=node.mac,
        ip=node.ip or NO_ADDRESS,
        arch=node.arch,
        comment=node.comment,
    )


def _name_by_pattern(node: Node, allocations: Allocations) -> str:
    pattern = allocations.pattern(node.appliance)
    return node_name(pattern, node.appliance, node.rack, node.rank)
