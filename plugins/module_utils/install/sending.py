# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reserve an order before its machine is restarted, so that only one command restarts it.

A reservation is one compare-and-set in the database: of two commands, the second one follows the
order.  It ends with the deadline of the order's state, because the machine may not have received
the command, for example when the process was killed.  A machine whose installer has started is
never restarted.
"""

from __future__ import annotations

from typing import Final, Mapping, Optional

from ..cluster.database import Database
from . import timestamps
from .model import Audit, Order, Progress
from .order_records import ADD_AUDIT, ADD_EVENT, STATE, audit_row, event_row
from .states import BOOTED, ORDERED

SENT: Final = "sent"
"""The phase of an order whose machine is being restarted, and the action in the audit."""
DISCOVERY: Final = "discovery"
"""The boot method of a machine that requests its boot file by itself while it is added."""
# Another command changes at least one of the three columns.
UNCHANGED = f"id = ? and {STATE} = ? and attempts = ? and changed = ?"
RESERVE = f"update installs set attempts = attempts + 1, driver = '', changed = ? where {UNCHANGED}"
RELEASE = "update installs set attempts = attempts - 1 where id = ? and attempts = ?"
CONFIRM = (
    "update installs set driver = ?, changed = case when state = ? then ? else changed end"
    " where id = ? and attempts = ?"
)


def reserve(
    db: Database, order: Order, *, by: str, now: str, deadlines: Mapping[str, int], is_new: bool
) -> Optional[Order]:
    """Reserve the order for the caller, who must restart its machine; None: it must not.

    deadlines  seconds that a machine can stay in a state without a report
    is_new     the caller has created the order
    """
    if not _is_due(order, now, deadlines, is_new):
        return None
    audit = Audit(actor=by, action=SENT, decision="done", node=order.node, install=order.uuid)
    event = Progress(SENT, message=f"by {by}")
    unchanged = (order.id, order.state, order.attempts, order.changed)
    if not db.compare_and_set(
        (RESERVE, (now, *unchanged)),
        (ADD_EVENT, event_row(order.id, now, "", event)),
        (ADD_AUDIT, audit_row(audit, now)),
    ):
        return None
    return order._replace(attempts=order.attempts + 1, driver="", changed=now)


def confirm(db: Database, order: Order, method: str, *, now: str) -> None:
    """Record the boot method that has worked for a reserved order; its deadline starts again."""
    db.execute(CONFIRM, (method, ORDERED, now, order.id, order.attempts))


def release(db: Database, order: Order) -> None:
    """Undo the reservation of an order whose machine was not restarted."""
    db.execute(RELEASE, (order.id, order.attempts))


def describe(order: Order, now: str) -> str:
    """Return when and how the machine of a live order was sent; empty if it was not."""
    if not _is_sent(order) or order.state != ORDERED:
        return ""
    seconds = timestamps.to_seconds(now) - timestamps.to_seconds(order.changed)
    return f"sent {max(0, seconds)} s ago" + (f" by {order.driver}" if order.driver else "")


def _is_sent(order: Order) -> bool:
    return bool(order.attempts or order.driver)


def _is_due(order: Order, now: str, deadlines: Mapping[str, int], is_new: bool) -> bool:
    if order.state not in (ORDERED, BOOTED):
        return False
    if not _is_sent(order) and (is_new or order.state == ORDERED):
        return True
    silence = timestamps.to_seconds(now) - timestamps.to_seconds(order.changed)
    return silence > deadlines[order.state]
