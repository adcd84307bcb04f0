# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start an installation: the only step of an order that cannot be repeated.

A boot answer and a kickstart are sent to every program on the node, and contain nothing secret, so
they do not use up the order.  The installer's first message from a privileged port does: only root
can send it, and it precedes everything that changes a disk.
"""

from __future__ import annotations

from ..cluster.database import Database
from ..errors import Conflict
from . import orders
from .model import Audit, Order
from .states import BOOTED, INSTALLING, ORDERED


def start_installation(db: Database, order: Order, *, now: str, audit: Audit) -> Order:
    """Return the order in the state ``installing``, or unchanged if it has passed that state.

    order  as a message from root on its node names it
    audit  the actor and the request

    Raises Conflict if its lifetime is over, or if it has ended in the meantime.
    """
    if order.state not in (ORDERED, BOOTED):
        return order
    if order.expires <= now:
        raise Conflict(f"the install order expired {order.expires}", order.node)
    try:
        return orders.advance(db, order, INSTALLING, now=now, audit=audit)
    except Conflict:
        # Several messages start together: the hardware, the secrets, the first progress.
        current = orders.find_by_uuid(db, [order.uuid])
        if current and current[0].state == INSTALLING:
            return current[0]
        raise
