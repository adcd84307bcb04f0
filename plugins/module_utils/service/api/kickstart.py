# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/kickstart``: the live order's profile with the node's values, without secrets."""

from __future__ import annotations

from ...errors import Conflict
from ...install import orders
from ...install.model import Order
from ...install.states import INSTALLING
from .. import boot_policy
from ..identify import identify
from ..install_check import check_installable
from ..model import Denied, Request, Response
from ..node_values import effective_values, order_values
from ..request_context import ORDER_AGAIN, Context, audit, audit_record


def get_kickstart(context: Context, request: Request) -> Response:
    """Return the kickstart of the node that sent the request, once.

    It is rendered completely before anything changes: a profile that cannot be rendered gives an
    error, never a truncated file. Raises Denied (409) without a live order.
    """
    client = identify(context, request, attributes=True)
    order = client.order
    decision = boot_policy.decide_kickstart(order, context.now)
    decision = check_installable(context, client, decision)
    if decision.action == boot_policy.LOCAL or order is None:
        if decision.next_state and order is not None:
            orders.advance(
                context.db,
                order,
                decision.next_state,
                now=context.now,
                audit=audit_record(request, "kickstart", 409),
                reason=decision.reason,
            )
        raise Denied(
            409,
            f"no kickstart: {decision.reason}",
            client.node.name,
            ORDER_AGAIN % client.node.name,
        )
    values = {
        **effective_values(context.db, context.attribute_cache, client),
        **order_values(context.settings, order),
    }
    body = context.profiles.kickstart(order.pin, values).encode()
    if decision.next_state:
        _start_installation(context, request, order, len(body))
    else:
        _audit_repetition(context, request, order, len(body))
    return Response(200, body)


def _start_installation(context: Context, request: Request, order: Order, size: int) -> None:
    """Set the order to installing.

    Two requests at the same moment may both get the file, as after a lost response.
    """
    record = audit_record(request, "kickstart", 200, bytes=size)
    try:
        orders.advance(context.db, order, INSTALLING, now=context.now, audit=record)
    except Conflict:
        current = orders.find_by_uuid(context.db, [order.uuid])
        if not current:
            raise
        decision = boot_policy.decide_kickstart(current[0], context.now)
        if decision.action == boot_policy.LOCAL:
            raise
        _audit_repetition(context, request, order, size)


def _audit_repetition(context: Context, request: Request, order: Order, size: int) -> None:
    audit(
        context,
        request,
        order,
        action="kickstart",
        status=200,
        bytes=size,
        profile=order.pin.profile,
        detail="again",
    )
