# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What installing nodes tell, and a node's history made of it.

A row is added for each step (a state, a phase of the installer); the count within a phase stands in the order itself,
so that a node that reports every second costs no row.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional, Sequence

from ..cluster.database import Database
from . import timestamps
from .model import Event, History, Order, OrderProgress, Progress
from .order_records import ADD_EVENT, ORDER_COLUMNS, event_row, order_from_row
from .states import LIVE, OPEN

CHUNK = (
    100  # orders in one statement: four parameters and their ids each, and SQLite allows 999 in all
)
NUMBERED_ORDERS = (
    f"select {ORDER_COLUMNS}, row_number() over (partition by i.node order by i.id desc) as number"
    " from installs i join nodes n on n.id = i.node"
)
EVENTS = "select install, at, state, phase, done, total, message from install_events"
UNCLEAN = "unclean"  # the phase of a node that boots without having been shut down
PROGRESS_COLUMNS = ("phase", "done", "total", "message")
COUNT_COLUMNS = ("done", "message")


def record_progress(
    db: Database, reports: Sequence[tuple[Order | OrderProgress, Progress]], *, now: str
) -> None:
    """Put progress into the orders that it is of, in one transaction; an order that is not open stays as it is.

    reports  orders as they are in the database now, each with the newest that its node told
    """
    # In the order of the rows: two processes that write at once seldom wait in a circle, of which the server ends one.
    reports = sorted(reports, key=lambda report: report[0].id)
    steps = [(order, progress) for order, progress in reports if progress.phase != order.phase]
    begun = [(order, progress) for order, progress in reports if _changes_phase(order, progress)]
    goes_on = [
        (order, progress) for order, progress in reports if not _changes_phase(order, progress)
    ]
    with db.transaction(exclusive=False):
        for some, shown in ((begun, PROGRESS_COLUMNS), (goes_on, COUNT_COLUMNS)):
            for start in range(0, len(some), CHUNK):
                _update_progress(db, some[start : start + CHUNK], shown, now)
        if steps:
            db.execute_many(
                ADD_EVENT, [event_row(order.id, now, "", progress) for order, progress in steps]
            )


def add_note(db: Database, order: Order, phase: str, message: str, *, now: str) -> None:
    """Add a row to the history of an order that has ended well: something happened to the node that it installed."""
    db.execute(ADD_EVENT, event_row(order.id, now, "", Progress(phase, message=message)))


def _changes_phase(order: Order | OrderProgress, progress: Progress) -> bool:
    """Whether more than a count changes."""
    return (order.phase, order.total) != (progress.phase, progress.total)


def _update_progress(
    db: Database,
    reports: Sequence[tuple[Order | OrderProgress, Progress]],
    shown: Sequence[str],
    now: str,
) -> None:
    """One statement for many orders: both engines know ``case``, and a round trip each would cost more than the rest."""
    ids = [order.id for order, _progress in reports]
    case = "case id" + " when ? then ?" * len(ids) + " end"
    parameters: list[Any] = [now]
    for name in shown:
        for order, progress in reports:
            parameters += (order.id, getattr(progress, name))
    db.execute(
        f"update installs set changed = ?, {', '.join(f'{name} = {case}' for name in shown)}"
        f" where id in ({', '.join('?' * len(ids))}) and state in ({', '.join('?' * len(OPEN))})",
        (*parameters, *ids, *OPEN),
    )


def node_history(db: Database, node: str, *, now: str, limit: int = 20) -> list[History]:
    """The last orders of a node, newest first, each with its steps and how long they took."""
    return list_histories(db, [node], now=now, limit=limit)


def list_histories(
    db: Database, names: Optional[Sequence[str]] = None, *, now: str, limit: int = 20
) -> list[History]:
    """The same of these nodes, or of all, sorted by node; ``limit`` orders of each."""
    orders = [order for some in _chunks(names) for order in _orders(db, some, limit)]
    steps: dict[int, list[Sequence[Any]]] = {}
    for start in range(0, len(orders), CHUNK):
        ids = [order.id for order in orders[start : start + CHUNK]]
        for row in db.rows(
            f"{EVENTS} where install in ({', '.join('?' * len(ids))}) order by id", ids
        ):
            steps.setdefault(row[0], []).append(row[1:])
    return [History(order, _as_events(steps.get(order.id, ()), order, now)) for order in orders]


def _chunks(names: Optional[Sequence[str]]) -> Iterable[Optional[Sequence[str]]]:
    if names is None:
        return [None]
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))


def _orders(db: Database, names: Optional[Sequence[str]], limit: int) -> list[Order]:
    chosen = "" if names is None else f" where n.name in ({', '.join('?' * len(names))})"
    rows = db.rows(
        f"select * from ({NUMBERED_ORDERS}{chosen}) as orders where number <= ?",
        (*(names or ()), limit),
    )
    return sorted(map(order_from_row, rows), key=lambda order: (order.node, -order.id))


def _as_events(rows: Sequence[Sequence[Any]], order: Order, now: str) -> tuple[Event, ...]:
    """Rows as events: each lasted until the next began; the last one of a live order lasts still."""
    begun = [timestamps.to_seconds(row[0]) for row in rows]
    ends = (
        [*begun[1:], timestamps.to_seconds(now) if order.state in LIVE else begun[-1]]
        if begun
        else []
    )
    return tuple(
        Event._make((*row, max(0, end - start))) for row, start, end in zip(rows, begun, ends)
    )


def phase_seconds(events: Iterable[Event]) -> dict[str, int]:
    """Seconds by state or phase, in the order in which they began; what came twice is added up."""
    total: dict[str, int] = {}
    for event in events:
        name = event.state or event.phase
        total[name] = total.get(name, 0) + event.seconds
    return total
