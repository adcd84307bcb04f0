# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add, change, replace and remove nodes.

Each function is one transaction, or part of the caller's: it writes everything, or nothing.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional, Sequence

from ..errors import RocksError
from .allocations import Allocation, load_allocations
from .database import Database
from .faults import Faults
from .frontend_protection import REPLACED, check_removal
from .model import NewNode, Node, RowChange
from .networking.addressing import mac_address
from .node_allocation import allocate, expect
from .node_plans import NodeRequest, existing_name, plan_nodes
from .nodes import chunks, find_node, list_nodes, placeholders

NODE_KEY = "node_key"  # the secret that a node keeps on its disk

INSERT = (
    "insert into nodes (mac, name, membership, rack, `rank`, ip, arch, comment)"
    " values (?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE = (
    "update nodes set mac = ?, name = ?, membership = ?, rack = ?, `rank` = ?, ip = ?, arch = ?,"
    " comment = ? where id = ?"
)


def add_nodes(
    database: Database,
    requests: Iterable[NewNode],
    *,
    fill_gaps: bool = False,
    faults: Sequence[RocksError] = (),
    expected: Iterable[NewNode] = (),
) -> list[Node]:
    """Add nodes, all or none, and return their rows in the order of ``requests``.

    Fields that a request leaves empty are allocated: the rank in its name, or else the next one of
    its appliance in its rack (with ``fill_gaps`` the lowest free one); the name from the pattern;
    and the highest free address of its network.  A rank whose name is taken is skipped.

    faults    errors that the reader of the input has found; they are reported with those found here
    expected  nodes that will be added later; the names and ranks that they request stay free

    Raises one error that lists all errors of all nodes.
    """
    with database.transaction():
        allocations = load_allocations(database)
        collected = Faults(faults)
        requests = list(requests)
        expect((*requests, *expected), allocations)
        results = [allocate(request, allocations, collected, fill_gaps) for request in requests]
        collected.raise_all()
        return _write(database, [(None, allocation) for allocation in results if allocation])


def ensure_nodes(
    database: Database,
    requests: Iterable[NodeRequest],
    *,
    fill_gaps: bool = False,
    faults: Sequence[RocksError] = (),
    allow_frontend: bool = False,
) -> list[RowChange]:
    """Add missing nodes and change existing ones, all or none; return a change for each request.

    A name that was made from the position follows the position, unless ``name`` is requested:
    ``compute-0-3`` moved to rack 1 becomes ``compute-1-…``.  An empty ``mac`` removes the MAC; an
    empty ``ip`` takes the next free address.

    allow_frontend  permit another name, MAC or address for a frontend, and a membership that makes
                    it an ordinary node; otherwise each of these is an error

    Raises as ``add_nodes``.
    """
    with database.transaction():
        allocations = load_allocations(database)
        collected = Faults(faults)
        plans = plan_nodes(
            database,
            list(requests),
            allocations,
            collected,
            fill_gaps=fill_gaps,
            allow_frontend=allow_frontend,
        )
        collected.raise_all()
        rows = [(plan.before, plan.allocation) for plan in plans if plan.allocation]
        written = iter(_write(database, rows))
        return [
            RowChange(plan.before, next(written) if plan.allocation else plan.before)
            for plan in plans
        ]


def replace_node(database: Database, name: str, mac: str, *, allow_frontend: bool = False) -> Node:
    """Give the name, position and address of a node to a new machine, and return the new row.

    The old machine's other MACs, its hardware and the key on its disk are deleted.  Host keys and
    attributes stay, because they belong to the name.  Raises Refused for a frontend, unless
    ``allow_frontend``.
    """
    with database.transaction():
        node = find_node(database, name)
        if node.mac == mac_address(mac):
            return node
        if not allow_frontend:
            check_removal(node, REPLACED, "name another node")
        database.execute("update interfaces set mac = null where node = ?", (node.id,))
        database.execute("delete from hardware where node = ?", (node.id,))
        database.execute(
            "delete from secrets where scope = 'node' and owner = ? and name = ?",
            (node.id, NODE_KEY),
        )
        request = {"was": name, "mac": mac}
        change = ensure_nodes(database, [request], allow_frontend=allow_frontend)[0]
        replaced: Node = change.after
        return replaced


def remove_nodes(
    database: Database, names: Iterable[str], *, allow_frontend: bool = False
) -> list[Node]:
    """Delete nodes with everything that belongs to them, and return their last rows.

    Raises NotFound for unknown names, and Refused for a frontend, unless ``allow_frontend``.
    """
    with database.transaction():
        nodes = list_nodes(database, names)
        for node in nodes if not allow_frontend else ():
            check_removal(node)
        for chunk in chunks([node.id for node in nodes]):
            database.execute(f"delete from nodes where id in ({placeholders(chunk)})", chunk)
    return nodes


def ensure_nodes_absent(
    database: Database,
    requests: Iterable[NodeRequest],
    *,
    faults: Sequence[RocksError] = (),
    allow_frontend: bool = False,
) -> list[RowChange]:
    """Remove the nodes that ``requests`` are for; requests for unknown nodes change nothing.

    Raises one error that lists ``faults``, each MAC that is not valid, and each frontend, unless
    ``allow_frontend``.
    """
    with database.transaction():
        allocations = load_allocations(database)
        collected = Faults(faults)
        places: dict[str, str] = {}
        for request in requests:
            where = request.get("where", "")
            if request.get("mac") and not request.get("name"):
                with collected.at(where):
                    mac_address(request["mac"])
            places.setdefault(existing_name(request, allocations, Faults()), where)
        places.pop("", None)
        for node in list_nodes(database, places) if not allow_frontend else ():
            with collected.at(places[node.name]):
                check_removal(node)
        collected.raise_all()
        removed = remove_nodes(database, places, allow_frontend=allow_frontend)
        return [RowChange(node, None) for node in removed]


def _write(database: Database, rows: Sequence[tuple[Optional[Node], Allocation]]) -> list[Node]:
    """Update existing nodes, insert new ones (None), and return all of them in this order."""
    for before, allocation in rows:
        if before:
            database.execute(UPDATE, (*_columns(allocation), before.id))
    new = [_columns(allocation) for before, allocation in rows if before is None]
    database.execute_many(INSERT, new)
    return list_nodes(database, [allocation.name for _before, allocation in rows])


def _columns(allocation: Allocation) -> tuple[Any, ...]:
    """Return the values of the columns that INSERT and UPDATE name."""
    return (
        allocation.mac,
        allocation.name,
        allocation.membership.id,
        allocation.rack,
        allocation.rank,
        allocation.ip,
        allocation.arch,
        allocation.comment,
    )
