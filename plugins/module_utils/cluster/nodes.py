# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Queries for the rows of ``nodes``."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Optional, Sequence

from ..errors import NotFound
from ..suggestions import suggest
from .database import Database
from .model import Node

MAX_PARAMETERS = 500  # in one statement; the limit of SQLite before 3.32 was 999

SELECT = (
    "select nodes.id, nodes.name, coalesce(nodes.mac, ''), memberships.name, appliances.name,"
    " appliances.root, memberships.distribution, nodes.rack, nodes.`rank`,"
    " coalesce(nodes.ip, ''), nodes.arch, nodes.comment"
    " from nodes join memberships on memberships.id = nodes.membership"
    " join appliances on appliances.id = memberships.appliance"
)
ORDER = " order by nodes.membership, nodes.rack, nodes.`rank`"


def list_nodes(database: Database, names: Optional[Iterable[str]] = None) -> list[Node]:
    """Return all nodes by membership, rack and rank; or those of ``names``, in that order.

    Raises NotFound for unknown names.
    """
    if names is None:
        return [Node(*row) for row in database.rows(SELECT + ORDER)]
    requested = list(dict.fromkeys(names))
    by_name: dict[str, Node] = {}
    for chunk in chunks(requested):
        rows = database.rows(f"{SELECT} where nodes.name in ({placeholders(chunk)})", chunk)
        by_name.update((row[1], Node(*row)) for row in rows)
    missing = [name for name in requested if name not in by_name]
    if missing:
        raise _not_found(database, missing)
    return [by_name[name] for name in requested]


def node_names(database: Database) -> set[str]:
    """Return the names of all nodes."""
    return {row[0] for row in database.rows("select name from nodes")}


def find_node(database: Database, name: str) -> Node:
    """Return the node with this name.  Raises NotFound that suggests similar names."""
    return list_nodes(database, [name])[0]


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split values into lists that fit into one statement as parameters."""
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]


def placeholders(values: Sequence[Any]) -> str:
    """Return ``?, ?, …`` for these values."""
    return ", ".join("?" * len(values))


def _not_found(database: Database, missing: Sequence[str]) -> NotFound:
    names = [row[0] for row in database.rows("select name from nodes")]
    if len(missing) == 1:
        return NotFound(f"there is no node {missing[0]!r}", "", suggest(missing[0], names))
    listed = ", ".join(map(repr, missing))
    return NotFound(f"there are no nodes {listed}", "", "list them: rocks_node_info")
