# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove old rows of the audit and of installations' events, so that neither grows for ever.

The nightly backup does this after it has stored all rows (contract C1).  Changes of an order's
state, and everything of a live order and of each node's last one, stay.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from ..cluster.database import Database
from . import timestamps

DAY = 86400


class HistoryLimits(NamedTuple):
    """What is kept."""

    audit_days: int = 400
    audit_rows: int = 1_000_000
    audit_rows_of_address: int = 20_000
    """Newest rows about requests that changed nothing; of each address."""
    event_days: int = 90
    """Of orders that have ended and are not the last one of their node."""
    events_of_order: int = 1000
    """Newest events without a change of the state; of each order."""


class Removed(NamedTuple):
    """Numbers of removed rows."""

    audit: int
    events: int


LIMITS = HistoryLimits()
CHUNK = 10_000  # rows in one transaction, so that the service is never blocked for long
LAST_ORDERS = "select max(id) from installs group by node"
OLD_ORDERS = (
    f"select id from installs where live is null and changed < ? and id not in ({LAST_ORDERS})"
    " and exists (select 1 from install_events e where e.install = installs.id and e.state = '')"
    " order by id"
)
CHANGED_NOTHING = "(install = '' or action in ('boot', 'kickstart', 'hardware'))"
CROWDED_ADDRESSES = (
    f"select address from audit where address <> '' and {CHANGED_NOTHING} group by address"
    " having count(*) > ? order by address"
)
CROWDED_ORDERS = (
    "select install from install_events where state = '' group by install having count(*) > ?"
    " order by install"
)


def prune_history(db: Database, *, now: str, limits: HistoryLimits = LIMITS) -> Removed:
    """Remove what exceeds the limits, in small transactions; ``now`` is UTC, as in the database."""
    cutoff = timestamps.add_seconds(now, -limits.audit_days * DAY)
    newest = db.row("select max(id) from audit")
    surplus = (newest[0] or 0) - limits.audit_rows if newest else 0
    audit = _delete_chunks(db, "audit", "at < ? or id <= ?", (cutoff, surplus))
    for (address,) in db.rows(CROWDED_ADDRESSES, (limits.audit_rows_of_address,)):
        of_address = f"address = ? and {CHANGED_NOTHING}"
        audit += _delete_oldest(db, "audit", of_address, address, limits.audit_rows_of_address)
    cutoff = timestamps.add_seconds(now, -limits.event_days * DAY)
    events = 0
    for (order,) in db.rows(OLD_ORDERS, (cutoff,)):
        events += _delete_chunks(db, "install_events", "install = ? and state = ''", (order,))
    for (order,) in db.rows(CROWDED_ORDERS, (limits.events_of_order,)):
        of_order = "install = ? and state = ''"
        events += _delete_oldest(db, "install_events", of_order, order, limits.events_of_order)
    return Removed(audit, events)


def _delete_oldest(db: Database, table: str, where: str, source: object, kept: int) -> int:
    """Delete all but the newest ``kept`` rows of one source, whose value is in ``where``."""
    query = f"select id from {table} where {where} order by id desc limit 1 offset ?"
    row = db.row(query, (source, kept))
    return _delete_chunks(db, table, f"{where} and id <= ?", (source, row[0])) if row else 0


def _delete_chunks(db: Database, table: str, where: str, parameters: Sequence[Any]) -> int:
    """Delete the rows that match, the oldest first, and return their number."""
    deleted = 0
    while True:
        ids = [row[0] for row in db.rows(_select(table, where), parameters)]
        if ids:
            deleted += db.execute(
                f"delete from {table} where id between ? and ? and ({where})",
                (ids[0], ids[-1], *parameters),
            )
        if len(ids) < CHUNK:
            return deleted


def _select(table: str, where: str) -> str:
    return f"select id from {table} where {where} order by id limit {CHUNK}"
