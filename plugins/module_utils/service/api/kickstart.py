# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/kickstart``: the live order's profile with the node's values, without secrets."""

from __future__ import annotations

from flask import Blueprint, Response

from ...install import orders
from ...install.recipes import store_recipe
from .. import boot_policy
from ..identify import identify
from ..install_check import check_installable
from ..model import Denied
from ..node_recipe import make_recipe
from ..node_values import effective_values, order_values
from ..request_context import (
    ORDER_AGAIN,
    audit,
    audit_record,
    audited,
    current_context,
)

blueprint = Blueprint("kickstart", __name__)


@blueprint.get("/rocks/kickstart")
@audited("kickstart")
def get_kickstart() -> Response:
    """Return the kickstart of the node that sent the request, until its installer has started.

    A profile that cannot be rendered gives an error, never a truncated file. Raises Denied (409)
    without a live order.
    """
    context = current_context()
    client = identify(context, attributes=True)
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
                audit=audit_record(context.sender, "kickstart", 409),
                reason=decision.reason,
            )
        raise Denied(
            409,
            f"no kickstart: {decision.reason}",
            client.node.name,
            ORDER_AGAIN % client.node.name,
        )
    attributes = effective_values(context.db, context.attribute_cache, client)
    values = {**attributes, **order_values(context.settings, order)}
    body = context.profiles.kickstart(order.pin, values).encode()
    recipe = make_recipe(context.settings, context.profiles, order.pin, attributes)
    with context.db.transaction(exclusive=False):
        store_recipe(context.db, order, recipe)
        audit(
            context,
            order,
            action="kickstart",
            status=200,
            bytes=len(body),
            profile=order.pin.profile,
        )
    return Response(body, mimetype="text/plain")
