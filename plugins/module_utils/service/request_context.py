# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What request handlers work with: database connection, time, settings, caches; and the audit."""

from __future__ import annotations

from typing import NamedTuple

from ..cluster.database import Database
from ..install import orders
from ..install.model import Audit, Order
from ..install.order_records import add_audit
from ..install.states import FAILED
from ..settings import Settings
from .model import Request
from .node_values import AttributeCache
from .profile_cache import ProfileCache
from .progress_buffer import ProgressBuffer

ORDER_AGAIN = "order the node again: ansible %s -m rocks_reinstall"


class Context(NamedTuple):
    """The frontend as one request uses it."""

    db: Database
    """The connection of the request's thread."""
    now: str
    settings: Settings
    profiles: ProfileCache
    attribute_cache: AttributeCache
    progress_buffer: ProgressBuffer


def audit_record(request: Request, action: str, status: int, **fields: object) -> Audit:
    """Return the audit row of a request; ``fields`` are further fields of Audit."""
    record = Audit(
        actor="node",
        action=action,
        decision=str(status),
        mac=request.macs[0] if request.macs else "",
        address=request.address,
        port=request.port,
    )
    return record._replace(**fields)  # type: ignore[arg-type]


def audit(
    context: Context, request: Request, order: Order, *, action: str, status: int, **fields: object
) -> None:
    """Add the audit row of a request that did not change its order's state."""
    record = audit_record(request, action, status, node=order.node, install=order.uuid, **fields)
    add_audit(context.db, record, context.now)


def fail_as_suspect(
    context: Context, request: Request, order: Order, *, action: str, reason: str
) -> None:
    """Fail an order because another machine may use the node's address.

    The node cannot be ordered again until an administrator sets ``rearm``.
    """
    orders.advance(
        context.db,
        order,
        FAILED,
        now=context.now,
        audit=audit_record(request, action, 403),
        reason=f"suspect: {reason}",
        suspect=True,
    )
