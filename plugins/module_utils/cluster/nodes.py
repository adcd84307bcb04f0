# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rows of ``nodes``: find, add, change, replace, remove.

Each function that writes is one transaction of its own, or a part of the caller's: all of it, or nothing.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional, Sequence

from ..errors import NotFound
from . import planning
from .addressing import mac_address
from .attributes import scoped
from .database import Database, Row
from .memberships import appliances, memberships
from .model import NewNode, Node
from .naming import DEFAULT_PATTERN, PATTERN_ATTRIBUTE, node_name
from .networks import networks
from .planning import Ground, Placed

NETWORK_ATTRIBUTE = "network"
AT_ONCE = 500  # parameters in one statement; SQLite allowed 999 for long

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
# One row instead of one per node: with 10,000 nodes the driver's work per row is what costs.
TAKEN = (
    "select group_concat(name || ' ' || coalesce(mac, '') || ' ' || coalesce(ip, '') || ' ' || membership || ' '"
    " || rack || ' ' || `rank`) from nodes where id <> ?"
)
TAKEN_BY_INTERFACES = (
    "select nodes.name || '/' || interfaces.name, interfaces.mac, interfaces.ip"
    " from interfaces join nodes on nodes.id = interfaces.node"
)


def nodes(database: Database, names: Optional[Iterable[str]] = None) -> list[Node]:
    """All nodes, or those of ``names``, by membership, rack and rank.  Raises NotFound for unknown names."""
    if names is None:
        return [Node(*row) for row in database.rows(SELECT + ORDER)]
    wanted = list(dict.fromkeys(names))
    found: list[Node] = []
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        marks = ", ".join("?" * len(some))
        found += [Node(*row) for row in database.rows(f"{SELECT} where nodes.name in ({marks})", some)]
    missing = set(wanted) - {node.name for node in found}
    if missing:
        raise _unknown(database, sorted(missing))
    return sorted(found, key=lambda node: (node.membership, node.rack, node.rank))


def find(database: Database, name: str) -> Node:
    """The node of that name.  Raises NotFound with the names that look like it."""
    return nodes(database, [name])[0]


def by_mac(database: Database, mac: str) -> Optional[Node]:
    """The node that has this MAC on any of its interfaces, its BMC included."""
    return _by(database, "mac", mac)


def by_ip(database: Database, ip: str) -> Optional[Node]:
    """The node that has this address on any of its interfaces."""
    return _by(database, "ip", ip)


def add(database: Database, wanted: Iterable[NewNode], *, fill_gaps: bool = False) -> list[Node]:
    """Add nodes, all or none; they come back as they are in the database, in the order of ``wanted``.

    What a node leaves empty is found: the next rank of its membership in its rack (with ``fill_gaps`` the lowest free
    one), the name from the pattern, the highest free address of its network.

    Raises one error that lists every fault of every node.
    """
    with database.transaction():
        placed = planning.plan(wanted, ground(database), fill_gaps)
        database.execute_many(INSERT, [_row(one) for one in placed])
        found = {node.name: node for node in nodes(database, [one.name for one in placed])}
    return [found[one.name] for one in placed]


def change(database: Database, name: str, /, **changes: Any) -> Node:
    """Give a node other values of ``NewNode``'s fields; the node as it is then.

    A name that is made of the place follows the place: ``compute-0-3`` moved to rack 1 is ``compute-1-…``.
    An empty ``mac`` forgets the MAC; an empty ``ip`` takes the next free address.
    """
    with database.transaction():
        node = find(database, name)
        there = ground(database, but=node.id)
        asked = _as_wanted(node)._replace(**changes)
        if "name" not in changes and _is_named_by_place(node, there):
            asked = asked._replace(name="")
        if {"rack", "membership"} & set(changes) and "rank" not in changes and _moves(node, asked):
            asked = asked._replace(rank=None)
        placed = planning.plan([asked._replace(where=name)], there)[0]
        database.execute(UPDATE, (*_row(placed), node.id))
        return find(database, placed.name)


def rename(database: Database, name: str, new: str) -> Node:
    """Give a node another name; its place and its address stay."""
    return change(database, name, name=new)


def move(
    database: Database, name: str, *, rack: int, rank: Optional[int] = None, membership: Optional[str] = None
) -> Node:
    """Put a node into another rack or membership, at the next rank unless one is given."""
    changes: dict[str, Any] = {"rack": rack, "rank": rank}
    return change(database, name, **changes, **({"membership": membership} if membership else {}))


def replace(database: Database, name: str, mac: str) -> Node:
    """Give a new machine the name, place and address of ``name``, and forget the old machine everywhere.

    Its further MACs, its counted hardware and the key on its disk go; its host keys and attributes stay, since they
    belong to the name.
    """
    with database.transaction():
        node = find(database, name)
        if node.mac == mac_address(mac):
            return node
        database.execute("update interfaces set mac = null where node = ?", (node.id,))
        database.execute("delete from hardware where node = ?", (node.id,))
        database.execute("delete from secrets where scope = 'node' and owner = ? and name = 'node_key'", (node.id,))
        return change(database, name, mac=mac)


def remove(database: Database, names: Iterable[str]) -> list[Node]:
    """Forget nodes with everything that belongs to them; what they were.  Raises NotFound for unknown names."""
    with database.transaction():
        gone = nodes(database, names)
        database.execute_many("delete from nodes where id = ?", [(node.id,) for node in gone])
    return gone


def ground(database: Database, but: int = 0) -> Ground:
    """What stands in the way of new nodes; ``but`` is the id of a node that does not count."""
    there = Ground(
        memberships={one.name: one for one in memberships(database)},
        networks=networks(database),
        appliances=[one.name for one in appliances(database)],
        patterns=scoped(database, PATTERN_ATTRIBUTE),
        home=scoped(database, NETWORK_ATTRIBUTE),
        names={},
        macs={},
        ips={},
        ranks={},
    )
    packed = database.rows(TAKEN, (but,))[0][0]
    for one in packed.split(",") if packed else ():
        name, mac, ip, membership, rack, rank = one.split(" ")
        there.names[name] = name
        there.macs[mac] = name
        there.ips[ip] = name
        there.ranks.setdefault((int(membership), int(rack)), set()).add(int(rank))
    for owner, mac, ip in database.rows(TAKEN_BY_INTERFACES):
        there.macs[mac or ""] = owner
        there.ips[ip or ""] = owner
    return there


def _row(one: Placed) -> Row:
    return (one.mac, one.name, one.membership.id, one.rack, one.rank, one.ip, one.arch, one.comment)


def _as_wanted(node: Node) -> NewNode:
    return NewNode(
        membership=node.membership,
        rack=node.rack,
        rank=node.rank,
        name=node.name,
        mac=node.mac,
        ip=node.ip or planning.NO_ADDRESS,
        arch=node.arch,
        comment=node.comment,
    )


def _moves(node: Node, asked: NewNode) -> bool:
    return (node.membership, node.rack) != (asked.membership, asked.rack)


def _is_named_by_place(node: Node, there: Ground) -> bool:
    pattern = there.patterns.get(node.appliance) or there.patterns.get("") or DEFAULT_PATTERN
    return node.name == node_name(pattern, node.appliance, node.rack, node.rank)


def _by(database: Database, column: str, value: str) -> Optional[Node]:
    if not value:
        return None
    row = database.row(f"{SELECT} where nodes.{column} = ?", (value,)) or database.row(
        f"{SELECT} join interfaces on interfaces.node = nodes.id where interfaces.{column} = ?", (value,)
    )
    return Node(*row) if row else None


def _unknown(database: Database, missing: Sequence[str]) -> NotFound:
    known = [row[0] for row in database.rows("select name from nodes")]
    if len(missing) == 1:
        return NotFound(f"there is no node {missing[0]!r}", "", planning.near(missing[0], known))
    return NotFound(f"there are no nodes {', '.join(missing)}", "", f"{len(known)} others are known")
