# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let the orders of silent machines fail."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from ...cluster.database import Database
from .. import orders, timestamps
from ..model import Order
from ..states import BOOTED, INSTALLED, INSTALLING, ORDERED

# Seconds that a node may stay in a state without a report.
DEADLINES: Mapping[str, int] = {ORDERED: 900, BOOTED: 900, INSTALLING: 600, INSTALLED: 1800}


def load_progress(
    database: Database,
    uuids: Sequence[str],
    deadlines: Mapping[str, int],
    now: Callable[[], str],
) -> list[Order]:
    """Let overdue orders fail, and return the current orders."""
    current = orders.find_by_uuid(database, uuids)
    overdue = [
        (order, reason) for order in current if (reason := _overdue_reason(order, deadlines, now()))
    ]
    for order, reason in overdue:
        orders.fail(database, [order], by="service", now=now(), reason=reason)
    return orders.find_by_uuid(database, uuids) if overdue else current


def _overdue_reason(order: Order, deadlines: Mapping[str, int], now: str) -> str:
    """Return why the order must fail; empty if it is in time."""
    limit = deadlines.get(order.state)
    silence = timestamps.to_seconds(now) - timestamps.to_seconds(order.changed)
    if limit is None or silence <= limit:
        return ""
    return f"no report for {limit} s in the state {order.state}"
