# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The states of the enrolled nodes' install orders."""

from __future__ import annotations

from typing import Sequence

from ..cluster.database import Database

MAX_PARAMETERS = 500  # in one SQL statement
LATEST_STATES = (
    "select nodes.name, installs.state from nodes join installs on installs.id ="
    " (select max(latest.id) from installs as latest where latest.node = nodes.id)"
    " where nodes.name in ({placeholders})"
)
LATEST_REASON = (
    "select installs.reason from nodes join installs on installs.node = nodes.id"
    " where nodes.name = ? order by installs.id desc limit 1"
)
# The states of an order (contract C6) that a machine reaches after it has received its kickstart.
FAILED = "failed"
KICKSTART_REQUESTED = ("installing", "installed", "up")


def order_states(database: Database, names: Sequence[str]) -> dict[str, str]:
    """Return the state of each node's latest install order; nodes without an order are omitted."""
    states: dict[str, str] = {}
    for start in range(0, len(names), MAX_PARAMETERS):
        chunk = names[start : start + MAX_PARAMETERS]
        query = LATEST_STATES.format(placeholders=", ".join("?" * len(chunk)))
        states.update(database.rows(query, chunk))
    return states


def latest_reason(database: Database, name: str) -> str:
    """Return why the node's latest install order ended; empty if it did not end badly."""
    row = database.row(LATEST_REASON, (name,))
    return str(row[0]) if row else ""
