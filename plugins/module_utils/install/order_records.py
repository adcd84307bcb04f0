# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Convert rows of ``installs`` to orders, and build the event and audit rows of each change."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from ..cluster.database import Database
from .model import Audit, Order, Pin, Progress

# The columns of an `Order`; `i` is installs and `n` is nodes.
ORDER_COLUMNS = (
    "i.id, i.uuid, n.name, i.state, i.distribution, i.arch, i.generation, i.profile, i.ordered_by,"
    " i.ordered, i.expires, i.changed, i.wipe, i.batch, i.driver, i.attempts, i.reason, i.phase,"
    " i.done, i.total, i.message, i.delivered, i.suspect, i.manifest"
)
ORDER_WIDTH = len(ORDER_COLUMNS.split(","))
# The same columns as a single text, for code that reads one row per request: a database driver's
# time grows with the number of columns.  The text is empty if there is no order.  Only columns that
# nodes or people fill freely can contain the separator; there it is replaced.
COLUMN_SEPARATOR = "\x1f"
FREE_TEXT_COLUMNS = ("i.reason", "i.message", "i.ordered_by", "i.batch")
IS_INTEGER = tuple(
    name in ("i.id", "i.wipe", "i.attempts", "i.done", "i.total", "i.suspect")
    for name in ORDER_COLUMNS.split(", ")
)

ADD_AUDIT = (
    "insert into audit (at, actor, action, decision, node, mac, address, port, install, bytes,"
    " profile, detail) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ADD_EVENT = (
    "insert into install_events (install, at, state, phase, done, total, message)"
    " values (?, ?, ?, ?, ?, ?, ?)"
)
DETAIL_CHARACTERS = 2000
# The state in the condition of an update of one order.  No index has this expression, so that
# MariaDB locks the row first and its entries in the indexes afterwards.  With an index on the state
# it locked in either order, and of 200 requests at once some ended in a deadlock.
STATE = "state || ''"


def order_from_row(row: Sequence[Any]) -> Order:
    """Convert a row with the columns ORDER_COLUMNS to an Order."""
    order = Order._make((*row[:4], Pin._make(row[4:8]), *row[8:ORDER_WIDTH]))
    return order._replace(wipe=bool(order.wipe), suspect=bool(order.suspect))


def concatenated_columns(columns: Sequence[str]) -> str:
    """Return SQL that joins these columns into one text.

    The text is empty if one of them is null, as after an outer join without a match.
    """
    parts = [
        f"replace({name}, '{COLUMN_SEPARATOR}', ' ')" if name in FREE_TEXT_COLUMNS else name
        for name in columns
    ]
    return f"coalesce({_concatenate(parts)}, '')"


def _concatenate(parts: Sequence[str]) -> str:
    """Join in halves.

    Each ``||`` copies its left operand, so a flat chain would copy the first column every time.
    """
    half = len(parts) // 2
    if not half:
        return parts[0]
    left = _concatenate(parts[:half])
    right = _concatenate(parts[half:])
    return f"({left} || '{COLUMN_SEPARATOR}' || {right})"


ORDER_TEXT = concatenated_columns(ORDER_COLUMNS.split(", "))


def order_from_text(text: str) -> Optional[Order]:
    """Convert a text selected by ORDER_TEXT to an Order; None if it is empty."""
    if not text:
        return None
    return order_from_row(
        [
            int(value) if integer else value
            for integer, value in zip(IS_INTEGER, text.split(COLUMN_SEPARATOR))
        ]
    )


def optional_order_from_row(row: Sequence[Any]) -> Optional[Order]:
    """Convert a row of an outer join to an Order; None if it has no order."""
    return order_from_row(row) if row[0] is not None else None


def audit_row(audit: Audit, now: str) -> tuple[Any, ...]:
    """Return the parameters of ADD_AUDIT."""
    return (now, *audit._replace(detail=audit.detail[:DETAIL_CHARACTERS]))


def event_row(order: int, now: str, state: str, progress: Progress) -> tuple[Any, ...]:
    """Return the parameters of ADD_EVENT.

    order  the order's ``id``
    state  empty for progress within a state
    """
    message = "\n".join(filter(None, (progress.message, progress.log)))
    return (order, now, state, progress.phase, progress.done, progress.total, message)


def add_audit(db: Database, audit: Audit, now: str) -> None:
    """Add a row to the audit."""
    db.execute(ADD_AUDIT, audit_row(audit, now))
