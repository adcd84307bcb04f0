# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders and their history as plain data: what ``rocks_install_info`` returns."""

from __future__ import annotations

from typing import Any, Collection, Optional, Sequence

from ..cluster.database import Database
from ..cluster.nodes import list_nodes
from .model import Audit, Event, History
from .order_history import list_histories, phase_seconds

AUDIT = f"select at, {', '.join(Audit._fields)} from audit where node = ? order by id desc limit ?"


def list_installs(
    db: Database,
    names: Optional[Sequence[str]],
    *,
    now: str,
    states: Collection[str] = (),
    limit: int = 1,
) -> list[dict[str, Any]]:
    """The last ``limit`` orders of these nodes, or of all, sorted by node, newest first.

    states  only orders that are in one of these; empty: all

    Raises NotFound for a name that is no node.
    """
    if names is not None:
        list_nodes(db, names)
    found = list_histories(db, names, now=now, limit=limit)
    return [_as_dict(one) for one in found if not states or one.order.state in states]


def list_audit(db: Database, name: str, limit: int) -> list[dict[str, Any]]:
    """The last rows of the audit that are about a node, newest first."""
    return [dict(zip(("at", *Audit._fields), row)) for row in db.rows(AUDIT, (name, limit))]


def _as_dict(one: History) -> dict[str, Any]:
    order = one.order._asdict()
    del order["id"]
    pin = order.pop("pin")
    return {
        **order,
        **pin._asdict(),
        "seconds": phase_seconds(one.events),
        "events": [_event_as_dict(event) for event in one.events],
    }


def _event_as_dict(event: Event) -> dict[str, Any]:
    """An event; below the first line of its message stand the last lines of the logs."""
    message, _line, log = event.message.partition("\n")
    return {**event._asdict(), "message": message, "log": log}
