# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of ``nodes``: find, add, change, replace, remove.

Each function that writes is one transaction of its own, or a part of the caller's: all of it, or nothing.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

from ..errors import DescriptionError, NotFound, RocksError, combine
from ..suggestions import suggest
from .addressing import mac_address, network_of
from .allocations import Allocation, Allocations, load_allocations
from .database import Database
from .frontend_protection import REPLACED, check_change, check_removal
from .model import NewNode, Node, RowChange
from .naming import node_name
from .node_allocation import NO_ADDRESS, Faults, allocate

MAX_PARAMETERS = 500  # parameters in one statement; SQLite allowed 999 for long
NODE_KEY = "node_key"  # the secret that a node keeps on its disk

SELECT = (
    "select nodes.id, nodes.name, coalesce(nodes.mac, ''), memberships.name, appliances.name, appliances.root,"
    " memberships.distribution, nodes.rack, nodes.`rank`, coalesce(nodes.ip, ''), nodes.arch, nodes.comment"
    " from nodes join memberships on memberships.id = nodes.membership"
    " join appliances on appliances.id = memberships.appliance"
)
ORDER = " order by nodes.membership, nodes.rack, nodes.`rank`"
INSERT = "insert into nodes (mac, name, membership, rack, `rank`, ip, arch, comment) values (?, ?, ?, ?, ?, ?, ?, ?)"
UPDATE = (
    "update nodes set mac = ?, name = ?, membership = ?, rack = ?, `rank` = ?, ip = ?, arch = ?, comment = ?"
    " where id = ?"
)


def list_nodes(database: Database, names: Optional[Iterable[str]] = None) -> list[Node]:
    """All nodes by membership, rack and rank; or those of ``names`` in that order.  Raises NotFound for unknown ones."""
    if names is None:
        return [Node(*row) for row in database.rows(SELECT + ORDER)]
    wanted = list(dict.fromkeys(names))
    found: dict[str, Node] = {}
    for some in _chunks(wanted):
        rows = database.rows(f"{SELECT} where nodes.name in ({_marks(some)})", some)
        found.update((row[1], Node(*row)) for row in rows)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise _unknown(database, missing)
    return [found[name] for name in wanted]


def find_node(database: Database, name: str) -> Node:
    """The node of that name.  Raises NotFound with the names that look like it."""
    return list_nodes(database, [name])[0]


def add_nodes(
    database: Database,
    wanted: Iterable[NewNode],
    *,
    fill_gaps: bool = False,
    faults: Sequence[RocksError] = (),
) -> list[Node]:
    """Add nodes, all or none; they come back as they are in the database, in the order of ``wanted``.

    What a node leaves empty is found: the next rank of its membership in its rack (with ``fill_gaps`` the lowest free
    one), the name from the pattern, the highest free address of its network.

    faults  what the reader of the input found already; it is told together with what is found here

    Raises one error that lists every fault of every node.
    """
    with database.transaction():
        there, found = load_allocations(database), Faults(faults)
        placed = [allocate(new, there, found, fill_gaps) for new in wanted]
        if found.errors:
            raise combine(found.errors)
        return _write(database, [(0, one) for one in placed if one])


def ensure_nodes(
    database: Database,
    wanted: Iterable[Mapping[str, Any]],
    *,
    fill_gaps: bool = False,
    faults: Sequence[RocksError] = (),
    allow_frontend: bool = False,
) -> list[RowChange]:
    """Add the nodes that are not there and change the others, all or none; each as it was and as it is.

    wanted  fields of ``NewNode`` with their values; what is missing or None stays as it is.  A node is known by
            ``was`` (its present name, which must exist), else by ``name``, else by ``mac``; else it is new.  With
            ``new_name`` the node ``name`` is called so from now on, or was called so before

    A name that is made of the place follows the place unless ``name`` is given: ``compute-0-3`` put into rack 1 is
    ``compute-1-…``.  An empty ``mac`` forgets the MAC; an empty ``ip`` takes the next free address.

    allow_frontend  a frontend may get another name, MAC or address, and a membership that makes it
                    a node like others; else each of these is a fault

    Raises as ``add``.
    """
    with database.transaction():
        there, found, everyone = load_allocations(database), Faults(faults), list(wanted)
        known = _known(database, everyone, there, found)
        plans = [
            _planned(one, before, there, found, fill_gaps) for one, before in zip(everyone, known)
        ]
        for one, before, plan in zip(everyone, known, plans) if not allow_frontend else ():
            if before and plan:
                found.attempt(
                    one.get("where", ""), functools.partial(_check_frontend, before, plan)
                )
        if found.errors:
            raise combine(found.errors)
        written = iter(
            _write(
                database,
                [(before.id if before else 0, plan) for before, plan in zip(known, plans) if plan],
            )
        )
        return [
            RowChange(before, next(written) if plan else before)
            for before, plan in zip(known, plans)
        ]


def replace_node(database: Database, name: str, mac: str, *, allow_frontend: bool = False) -> Node:
    """Give a new machine the name, place and address of ``name``, and forget the old machine everywhere.

    Its further MACs, its counted hardware and the key on its disk go; its host keys and attributes stay, since they
    belong to the name.  Raises Refused for a frontend, unless ``allow_frontend``.
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
        replaced: Node = ensure_nodes(
            database, [{"was": name, "mac": mac}], allow_frontend=allow_frontend
        )[0].after
        return replaced


def remove_nodes(
    database: Database, names: Iterable[str], *, allow_frontend: bool = False
) -> list[Node]:
    """Forget nodes with everything that belongs to them; what they were.

    Raises NotFound for unknown names, and Refused for a frontend, unless ``allow_frontend``.
    """
    with database.transaction():
        gone = list_nodes(database, names)
        for node in gone if not allow_frontend else ():
            check_removal(node)
        for some in _chunks([node.id for node in gone]):
            database.execute(f"delete from nodes where id in ({_marks(some)})", some)
    return gone


def ensure_nodes_absent(
    database: Database,
    wanted: Iterable[Mapping[str, Any]],
    *,
    faults: Sequence[RocksError] = (),
    allow_frontend: bool = False,
) -> list[RowChange]:
    """Remove the nodes that ``wanted`` means, by name or by MAC as in ``ensure``; those that are not there are left out.

    Raises one error that lists the faults, ``faults``, each MAC that is none, and each frontend,
    unless ``allow_frontend``.
    """
    with database.transaction():
        there, found, meant = load_allocations(database), Faults(faults), dict[str, str]()
        for one in wanted:
            if one.get("mac") and not one.get("name"):
                found.attempt(one.get("where", ""), functools.partial(mac_address, one["mac"]))
            meant.setdefault(_means(one, there, Faults()), one.get("where", ""))
        meant.pop("", None)
        for node in list_nodes(database, meant) if not allow_frontend else ():
            found.attempt(meant[node.name], functools.partial(check_removal, node))
        if found.errors:
            raise combine(found.errors)
        return [
            RowChange(node, None)
            for node in remove_nodes(database, meant, allow_frontend=allow_frontend)
        ]


def _known(
    database: Database, wanted: Sequence[Mapping[str, Any]], there: Allocations, faults: Faults
) -> list[Optional[Node]]:
    """For each of ``wanted`` the node that it means, or None."""
    names = [_means(one, there, faults) for one in wanted]
    found = {node.name: node for node in list_nodes(database, filter(None, names))}
    for name, times in Counter(filter(None, names)).items():
        if times > 1:
            faults.add(
                name, DescriptionError(f"asked for {times} times", "", "name each node once")
            )
    return [found.get(name) for name in names]


def _means(one: Mapping[str, Any], there: Allocations, faults: Faults) -> str:
    """The present name of the node that is meant; empty for a new one."""
    if one.get("new_name") in there.names and one.get("name") not in there.names:
        return str(one["new_name"])
    if "was" in one or one.get("new_name"):
        name = str(one.get("was", one.get("name")))
        if name not in there.names:
            faults.add(
                one.get("where", ""),
                NotFound(f"there is no node {name!r}", "", suggest(name, there.names)),
            )
        return name if name in there.names else ""
    if one.get("name"):
        return str(one["name"]) if one["name"] in there.names else ""
    try:
        owner = there.macs.get(mac_address(one.get("mac") or ""), "")
    except RocksError:
        return ""  # placing it says what is wrong
    return "" if "/" in owner else owner


def _planned(
    one: Mapping[str, Any],
    before: Optional[Node],
    there: Allocations,
    faults: Faults,
    fill_gaps: bool,
) -> Optional[Allocation]:
    """What is to be written for one of ``wanted``; None when nothing is."""
    changes = {
        field: value
        for field, value in one.items()
        if value is not None and field in NewNode._fields
    }
    if one.get("new_name"):
        changes["name"] = one["new_name"]
    if before is None:
        return (
            None
            if "was" in one or one.get("new_name")
            else allocate(NewNode(**changes), there, faults, fill_gaps)
        )
    asked = _changed(before, changes, there)
    if asked == _as_new(before):
        return None
    held = (
        before.name,
        before.mac,
        before.ip,
        (there.memberships[before.membership].id, before.rack, before.rank),
    )
    there.release(*held)
    placed = allocate(
        asked._replace(where=one.get("where") or before.name), there, faults, fill_gaps
    )
    if placed is None:
        there.claim(*held)
    return placed


def _check_frontend(before: Node, plan: Allocation) -> None:
    kind = plan.membership
    after = before._replace(name=plan.name, mac=plan.mac or "", ip=plan.ip or "")
    check_change(before, after._replace(membership=kind.name, appliance=kind.appliance))


def _changed(node: Node, changes: Mapping[str, Any], there: Allocations) -> NewNode:
    """The node with the changes; what follows from them is left open, to be found."""
    asked = _as_new(node)._replace(**{**changes, "where": "", "network": ""})
    with contextlib.suppress(RocksError):  # a malformed one is refused when it is placed
        asked = asked._replace(mac=mac_address(asked.mac)) if asked.mac else asked
    if (asked.membership, asked.rack) != (node.membership, node.rack) and "rank" not in changes:
        asked = asked._replace(rank=None)
    moves = (asked.membership, asked.rack, asked.rank) != (node.membership, node.rack, node.rank)
    if moves and "name" not in changes and node.name == _name_by_place(node, there):
        asked = asked._replace(name="")
    if changes.get("network") and "ip" not in changes:
        home = network_of(node.ip, there.networks) if node.ip else None
        if home is None or home.name != changes["network"]:
            asked = asked._replace(ip="", network=changes["network"])
    return asked


def _write(database: Database, plans: Sequence[tuple[int, Allocation]]) -> list[Node]:
    """Write the rows, a new one where the id is 0, and read them back in the same order."""
    for number, placed in plans:
        if number:
            database.execute(UPDATE, (*_row(placed), number))
    database.execute_many(INSERT, [_row(placed) for number, placed in plans if not number])
    return list_nodes(database, [placed.name for _number, placed in plans])


def _row(one: Allocation) -> tuple[Any, ...]:
    return (one.mac, one.name, one.membership.id, one.rack, one.rank, one.ip, one.arch, one.comment)


def _as_new(node: Node) -> NewNode:
    """What one would have asked for to get this node."""
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


def _name_by_place(node: Node, there: Allocations) -> str:
    return node_name(there.pattern(node.appliance), node.appliance, node.rack, node.rank)


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _unknown(database: Database, missing: Sequence[str]) -> NotFound:
    known = [row[0] for row in database.rows("select name from nodes")]
    if len(missing) == 1:
        return NotFound(f"there is no node {missing[0]!r}", "", suggest(missing[0], known))
    return NotFound(
        f"there are no nodes {', '.join(map(repr, missing))}", "", f"known: {len(known)} names"
    )
