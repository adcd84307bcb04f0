# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The condition of nodes that are up: silent, behind, drifted.

The frontend probes the nodes, and stores when each has answered; the maintenance timer stores what
a reinstallation would change in each.  A report of a node is an answer too.
"""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple, Optional, Sequence

from .database import Database

SILENT: Final = "silent"
"""It has not answered for SILENT_SECONDS."""
BEHIND: Final = "behind"
"""It runs something else than it would get."""
DRIFTED: Final = "drifted"
"""Its packages are not those that were installed."""
CONDITIONS: Final = (SILENT, BEHIND, DRIFTED)
PROBE_SECONDS = 300
"""Each node is probed once in this time."""
SILENT_SECONDS = 3 * PROBE_SECONDS
TIME = "%Y-%m-%d %H:%M:%S"
SELECT = (
    "select i.node, n.rack, i.changed, i.checked,"
    " case when i.found not in ('', i.manifest) then 1 else 0 end,"
    " coalesce(s.heard, ''), coalesce(s.behind, '') from installs i"
    " join nodes n on n.id = i.node left join node_states s on s.node = i.node"
    " where i.id in (select max(id) from installs group by node) and i.state = 'up'"
)


class NodeCondition(NamedTuple):
    """The condition of a node.  A NamedTuple, because a cluster has 10,000."""

    node: int
    """Id of the node."""
    rack: int
    heard: str
    """UTC: when it last answered a probe or sent a report."""
    behind: tuple[str, ...]
    """What a reinstallation would change."""
    names: tuple[str, ...]
    """Those of CONDITIONS that hold."""


def load_conditions(
    database: Database, now: str, only_node: Optional[int] = None
) -> dict[int, NodeCondition]:
    """Return the condition of each node that is up, by its id.

    now        UTC
    only_node  id of the only node to return
    """
    sql = SELECT if only_node is None else f"{SELECT} and i.node = ?"
    rows = database.rows(sql, () if only_node is None else (only_node,))
    silent_before = silent_since(now)
    return {
        row[0]: make_condition(
            node=row[0],
            rack=row[1],
            heard=max(row[2], row[3], row[5]),
            behind=row[6],
            drifted=bool(row[4]),
            silent_before=silent_before,
        )
        for row in rows
    }


def make_condition(
    *, node: int, rack: int, heard: str, behind: str, drifted: bool, silent_before: str
) -> NodeCondition:
    """Return the condition of a node that is up.

    heard          when it last answered
    behind         as stored: a line for each difference
    silent_before  as ``silent_since`` returns it
    """
    holds = {
        SILENT: heard < silent_before,
        BEHIND: bool(behind),
        DRIFTED: drifted,
    }
    return NodeCondition(
        node=node,
        rack=rack,
        heard=heard,
        behind=tuple(behind.splitlines()),
        names=tuple(name for name in CONDITIONS if holds[name]),
    )


def silent_since(now: str) -> str:
    """Return the time before which the last answer of a silent node came."""
    moment = datetime.datetime.strptime(now, TIME)
    return (moment - datetime.timedelta(seconds=SILENT_SECONDS)).strftime(TIME)


def utc_now() -> str:
    """Return the current time as the database stores it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime(TIME)


def store_heard(database: Database, nodes: Sequence[int], now: str) -> None:
    """Store that these nodes have answered."""
    _update(database, "heard = ?", (now,), nodes)


def store_behind(database: Database, node: int, lines: Sequence[str], now: str) -> None:
    """Store what a reinstallation of a node would change."""
    _update(database, "behind = ?, behind_since = ?", ("\n".join(lines), now), [node])


def add_missing_rows(database: Database) -> None:
    """Give every node a row in ``node_states``."""
    database.execute(
        "insert into node_states (node) select id from nodes"
        " where not exists (select 1 from node_states s where s.node = nodes.id)"
    )


def _update(
    database: Database, assignments: str, values: tuple[str, ...], nodes: Sequence[int]
) -> None:
    for start in range(0, len(nodes), 500):
        chunk = nodes[start : start + 500]
        placeholders = ", ".join("?" * len(chunk))
        database.execute(
            f"update node_states set {assignments} where node in ({placeholders})",
            (*values, *chunk),
        )
