# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orders and their history as plain data, as ``rocks_install_info`` returns them."""

from __future__ import annotations

from typing import Any, Collection, Optional, Sequence

from ..cluster.database import Database
from ..cluster.nodes import list_nodes
from .install_codes import code_of
from .model import Audit, Event, History
from .order_history import list_histories, phase_seconds
from .states import LIVE

AUDIT = f"select at, {', '.join(Audit._fields)} from audit where node = ? order by id desc limit ?"


def list_installs(
    db: Database,
    names: Optional[Sequence[str]],
    *,
    now: str,
    states: Collection[str] = (),
    limit: int = 1,
    codes: bool = False,
) -> list[dict[str, Any]]:
    """Return the last ``limit`` orders of each node, sorted by node, newest first.

    names   the nodes; None: all
    states  return only orders in one of these states; empty: all
    codes   add the one-time code of each live order that requires one; needs an account that can
            read it

    Raises NotFound for an unknown node.
    """
    if names is not None:
        list_nodes(db, names)
    histories = [
        history
        for history in list_histories(db, names, now=now, limit=limit)
        if not states or history.order.state in states
    ]
    return [{**_as_dict(history), **(_code(db, history) if codes else {})} for history in histories]


def list_audit(db: Database, name: str, limit: int) -> list[dict[str, Any]]:
    """Return the last ``limit`` rows of the audit about a node, newest first."""
    return [dict(zip(("at", *Audit._fields), row)) for row in db.rows(AUDIT, (name, limit))]


def _code(db: Database, history: History) -> dict[str, str]:
    code = code_of(db, history.order.id) if history.order.state in LIVE else None
    return {"code": code} if code else {}


def _as_dict(history: History) -> dict[str, Any]:
    order = history.order._asdict()
    del order["id"]
    pin = order.pop("pin")
    return {
        **order,
        **pin._asdict(),
        "seconds": phase_seconds(history.events),
        "events": [_event_as_dict(event) for event in history.events],
    }


def _event_as_dict(event: Event) -> dict[str, Any]:
    """Convert an event; the lines below the first one of its message become ``log``."""
    message, _newline, log = event.message.partition("\n")
    return {**event._asdict(), "message": message, "log": log}
