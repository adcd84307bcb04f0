# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows of ``installs`` as orders, and the two rows that each change leaves: an event and an audit row."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from ..cluster.database import Database
from .model import Audit, Order, Pin, Progress

# As `Order` reads them; `i` is installs and `n` is nodes.
ORDER_COLUMNS = (
    "i.id, i.uuid, n.name, i.state, i.distribution, i.arch, i.generation, i.profile, i.ordered_by, i.ordered, i.expires,"
    " i.changed, i.wipe, i.batch, i.driver, i.attempts, i.reason, i.phase, i.done, i.total, i.message, i.delivered,"
    " i.suspect, i.manifest"
)
ORDER_WIDTH = len(ORDER_COLUMNS.split(","))
# The same in one text, for who reads one row a request: a driver's work is by the column.  An order is told from none
# by the empty text; only people and nodes write free text, and the mark between the columns is taken out of that.
COLUMN_SEPARATOR = "\x1f"
FREE_TEXT_COLUMNS = ("i.reason", "i.message", "i.ordered_by", "i.batch")
IS_INTEGER = tuple(
    name in ("i.id", "i.wipe", "i.attempts", "i.done", "i.total", "i.suspect")
    for name in ORDER_COLUMNS.split(", ")
)

ADD_AUDIT = (
    "insert into audit (at, actor, action, decision, node, mac, address, port, install, bytes, profile, detail)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ADD_EVENT = "insert into install_events (install, at, state, phase, done, total, message) values (?, ?, ?, ?, ?, ?, ?)"
DETAIL_CHARACTERS = 2000


def order_from_row(row: Sequence[Any]) -> Order:
    """An Order from the columns ORDER_COLUMNS."""
    order = Order._make((*row[:4], Pin._make(row[4:8]), *row[8:ORDER_WIDTH]))
    return order._replace(wipe=bool(order.wipe), suspect=bool(order.suspect))


def concatenated_columns(columns: Sequence[str]) -> str:
    """SQL for these columns as one text; empty when one of them is null, as after an outer join that found nothing."""
    parts = [
        f"replace({name}, '{COLUMN_SEPARATOR}', ' ')" if name in FREE_TEXT_COLUMNS else name
        for name in columns
    ]
    return f"coalesce({_concatenate(parts)}, '')"


def _concatenate(parts: Sequence[str]) -> str:
    """In halves: each ``||`` copies what stands on its left, so a row of them would copy the first column every time."""
    half = len(parts) // 2
    return (
        f"({_concatenate(parts[:half])} || '{COLUMN_SEPARATOR}' || {_concatenate(parts[half:])})"
        if half
        else parts[0]
    )


ORDER_TEXT = concatenated_columns(ORDER_COLUMNS.split(", "))


def order_from_text(text: str) -> Optional[Order]:
    """An Order from ORDER_TEXT, or None where there was none."""
    if not text:
        return None
    return order_from_row(
        [
            int(value) if whole else value
            for whole, value in zip(IS_INTEGER, text.split(COLUMN_SEPARATOR))
        ]
    )


def optional_order_from_row(row: Sequence[Any]) -> Optional[Order]:
    """An Order from an outer join, or None where there was none."""
    return order_from_row(row) if row[0] is not None else None


def audit_row(audit: Audit, now: str) -> tuple[Any, ...]:
    """The parameters of ADD_AUDIT."""
    return (now, *audit._replace(detail=audit.detail[:DETAIL_CHARACTERS]))


def event_row(order: int, now: str, state: str, progress: Progress) -> tuple[Any, ...]:
    """The parameters of ADD_EVENT, of the order with this number; ``state`` is empty for progress within a state."""
    message = "\n".join(filter(None, (progress.message, progress.log)))
    return (order, now, state, progress.phase, progress.done, progress.total, message)


def add_audit(db: Database, audit: Audit, now: str) -> None:
    """Tell what was asked and decided."""
    db.execute(ADD_AUDIT, audit_row(audit, now))
