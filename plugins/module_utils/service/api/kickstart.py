# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/kickstart``: the compiled profile of the live order with the node's values; it holds no secret."""

from __future__ import annotations

from ...errors import Conflict
from ...install import orders
from ...install.model import Order
from ...install.states import INSTALLING
from .. import boot_policy
from ..identify import identify
from ..install_check import checked
from ..model import Answer, Denied, Request
from ..node_values import of_order, values
from ..request_context import ORDER_AGAIN, Service, audit_of, tell


def kickstart(service: Service, request: Request) -> Answer:
    """The kickstart of the node that asks, once.

    It is rendered whole before anything changes: a profile that cannot be rendered is an error and no part of a file.
    Raises Denied: 409 without a live order.
    """
    asker = identify(service, request, attributes=True)
    order = asker.order
    decision = checked(service, asker, boot_policy.on_kickstart(order, service.now))
    if decision.answer == boot_policy.LOCAL or order is None:
        if decision.to and order is not None:
            audit = audit_of(request, "kickstart", 409)
            orders.advance(
                service.db, order, decision.to, now=service.now, audit=audit, reason=decision.reason
            )
        raise Denied(
            409, f"no kickstart: {decision.reason}", asker.node.name, ORDER_AGAIN % asker.node.name
        )
    attributes = {**values(service.db, service.shared, asker), **of_order(service.settings, order)}
    body = service.profiles.kickstart(order.pin, attributes).encode()
    if decision.to:
        _take(service, request, order, len(body))
    else:
        tell(
            service,
            request,
            "kickstart",
            200,
            order,
            bytes=len(body),
            profile=order.pin.profile,
            detail="again",
        )
    return Answer(200, body)


def _take(service: Service, request: Request, order: Order, size: int) -> None:
    """The order is now installing; of two requests at the same moment both may have the file, as after a lost answer."""
    audit = audit_of(request, "kickstart", 200, bytes=size)
    try:
        orders.advance(service.db, order, INSTALLING, now=service.now, audit=audit)
    except Conflict:
        current = orders.find_by_uuid(service.db, [order.uuid])
        if (
            not current
            or boot_policy.on_kickstart(current[0], service.now).answer == boot_policy.LOCAL
        ):
            raise
        tell(
            service,
            request,
            "kickstart",
            200,
            order,
            bytes=size,
            profile=order.pin.profile,
            detail="again",
        )
