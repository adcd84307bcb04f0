# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every handler works with: the database of its thread, the time, the settings, the compiled profiles."""

from __future__ import annotations

from typing import NamedTuple

from ..cluster.database import Database
from ..install import orders
from ..install.model import Audit, Order
from ..install.order_records import add_audit
from ..install.states import FAILED
from ..settings import Settings
from .model import Request
from .node_values import Shared
from .profile_cache import Profiles
from .progress_buffer import Inbox

ORDER_AGAIN = "order the node again: ansible %s -m rocks_reinstall"


class Service(NamedTuple):
    """One request's view of the frontend."""

    db: Database
    now: str
    settings: Settings
    profiles: Profiles
    shared: Shared
    inbox: Inbox


def audit_of(request: Request, action: str, status: int, **more: object) -> Audit:
    """The audit row of a request."""
    audit = Audit(
        "node", action, str(status), mac=request.macs[0] if request.macs else "", address=request.address,
        port=request.port,
    )  # fmt: skip
    return audit._replace(**more)  # type: ignore[arg-type]


def tell(
    service: Service, request: Request, action: str, status: int, order: Order, **more: object
) -> None:
    """Add the audit row of a request that changed no state."""
    audit = audit_of(request, action, status, node=order.node, install=order.uuid, **more)
    add_audit(service.db, audit, service.now)


def park(service: Service, request: Request, action: str, order: Order, reason: str) -> None:
    """End an order because somebody else may be behind its node, and let nobody order it unseen."""
    audit = audit_of(request, action, 403)
    orders.advance(
        service.db,
        order,
        FAILED,
        now=service.now,
        audit=audit,
        reason=f"suspect: {reason}",
        suspect=True,
    )
