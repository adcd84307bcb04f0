# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Record the progress of installing nodes, and read the history of a node.

Each step (a state, or a phase of the installer) adds a row.  The count within a phase is a column
of the order itself, so a node that reports often does not add rows.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional, Sequence

from ..cluster.database import Database
from . import timestamps
from .model import Event, History, Order, Progress
from .order_records import ADD_EVENT, ORDER_COLUMNS, STATE, event_row, order_from_row
from .states import LIVE, OPEN

# Parameters in one statement: SQLite allows 999.
CHUNK = 100
NUMBERED_ORDERS = (
    f"select {ORDER_COLUMNS}, row_number() over (partition by i.node order by i.id desc) as number"
    " from installs i join nodes n on n.id = i.node"
)
EVENTS = "select install, at, state, phase, done, total, message from install_events"
COUNT_EVENTS = "select count(*) from install_events where install = ? and state = ''"
MAX_EVENTS = 1000
"""Phases that a node can add to one order: its root can report for ever."""
UNCLEAN = "unclean"
"""The phase of a node that boots after an unclean shutdown."""
UPDATE_PROGRESS = (
    "update installs set changed = ?, phase = ?, done = ?, total = ?, message = ?"
    f" where id = ? and {STATE} in ({', '.join('?' * len(OPEN))})"
)


def record_progress(db: Database, order: Order, steps: Sequence[Progress], *, now: str) -> None:
    """Store what an installing node has done since its last message; the last step is its state.

    Each step that begins a phase adds a row, up to MAX_EVENTS.  An order that is not open is not
    changed.
    """
    events = []
    phase = order.phase
    at = order.changed
    for step in steps:
        at = max(at, timestamps.add_seconds(now, -step.age))
        if step.phase != phase:
            events.append(event_row(order.id, at, "", step))
            phase = step.phase
    current = steps[-1]
    with db.transaction(exclusive=False):
        updated = db.execute(
            UPDATE_PROGRESS,
            (now, current.phase, current.done, current.total, current.message, order.id, *OPEN),
        )
        if updated:
            _add_events(db, order, events)


def _add_events(db: Database, order: Order, events: Sequence[tuple[Any, ...]]) -> None:
    """Add the events for which there is room; the last one notes that the others are missing."""
    if not events:
        return
    row = db.row(COUNT_EVENTS, (order.id,))
    room = MAX_EVENTS - (row[0] if row else 0)
    if 0 < room < len(events):
        full = Progress("", message=f"no further phases are recorded: the limit is {MAX_EVENTS}")
        events = [*events[: room - 1], event_row(order.id, events[room][1], "", full)]
    db.execute_many(ADD_EVENT, events[: max(0, room)])


def add_note(db: Database, order: Order, phase: str, message: str, *, now: str) -> None:
    """Add an event to the history of a finished order, about the node that it installed.

    Beyond MAX_EVENTS it is not added.
    """
    _add_events(db, order, [event_row(order.id, now, "", Progress(phase, message=message))])


def node_history(db: Database, node: str, *, now: str, limit: int = 20) -> list[History]:
    """Return the last orders of a node, newest first, with their steps and durations."""
    return list_histories(db, [node], now=now, limit=limit)


def list_histories(
    db: Database, names: Optional[Sequence[str]] = None, *, now: str, limit: int = 20
) -> list[History]:
    """Return the last ``limit`` orders of each of these nodes, or of all, sorted by node."""
    orders = [order for chunk in _chunks(names) for order in _orders(db, chunk, limit)]
    rows_by_order: dict[int, list[Sequence[Any]]] = {}
    for start in range(0, len(orders), CHUNK):
        ids = [order.id for order in orders[start : start + CHUNK]]
        query = f"{EVENTS} where install in ({_placeholders(ids)}) order by id"
        for order_id, *row in db.rows(query, ids):
            rows_by_order.setdefault(order_id, []).append(row)
    return [
        History(order, _as_events(rows_by_order.get(order.id, ()), order, now)) for order in orders
    ]


def _chunks(names: Optional[Sequence[str]]) -> Iterable[Optional[Sequence[str]]]:
    if names is None:
        return [None]
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))


def _placeholders(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _orders(db: Database, names: Optional[Sequence[str]], limit: int) -> list[Order]:
    condition = "" if names is None else f" where n.name in ({_placeholders(names)})"
    query = f"select * from ({NUMBERED_ORDERS}{condition}) as orders where number <= ?"
    rows = db.rows(query, (*(names or ()), limit))
    return sorted(map(order_from_row, rows), key=lambda order: (order.node, -order.id))


def _as_events(rows: Sequence[Sequence[Any]], order: Order, now: str) -> tuple[Event, ...]:
    """Convert rows to events.

    Each event lasts until the next one starts; the last one of a live order lasts until now.
    """
    if not rows:
        return ()
    starts = [timestamps.to_seconds(row[0]) for row in rows]
    end = timestamps.to_seconds(now) if order.state in LIVE else starts[-1]
    return tuple(
        Event._make((*row, max(0, stop - start)))
        for row, start, stop in zip(rows, starts, [*starts[1:], end])
    )


def phase_seconds(events: Iterable[Event]) -> dict[str, int]:
    """Return the seconds spent in each state or phase, in order of their first occurrence."""
    total: dict[str, int] = {}
    for event in events:
        name = event.state or event.phase
        total[name] = total.get(name, 0) + event.seconds
    return total
