# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages about one node: its row, its installations phase by phase, its audit, and its kickstart."""

from __future__ import annotations

from flask import Blueprint, Response

from ...cluster import attributes
from ...cluster.nodes import find_node
from ...errors import NotFound
from ...install import order_history
from ...install.states import LIVE, OPEN
from ..access_control import require_viewer
from ..node_values import order_values
from ..request_context import current_context
from .page_layout import render_page

blueprint = Blueprint("node_page", __name__)
AUDIT_ROWS = 30
NODE_FIELDS = ("membership", "appliance", "rack", "rank", "ip", "mac", "arch", "comment")
AUDIT = (
    "select at, actor, action, decision, address, detail from audit where node = ?"
    " order by id desc limit ?"
)


@blueprint.get("/rocks/nodes/<name>")
def show_node(name: str) -> Response:
    """Return the page of a node. Raises Denied (403) or NotFound."""
    context = current_context()
    require_viewer(context)
    node = find_node(context.db, name)
    histories = order_history.node_history(context.db, node.name, now=context.now)
    return render_page(
        "node.html",
        node=node._asdict(),
        fields=NODE_FIELDS,
        histories=histories,
        live=bool(histories) and histories[0].order.state in LIVE,
        open_states=OPEN,
        audit=context.db.rows(AUDIT, (node.name, AUDIT_ROWS)),
        audit_rows=AUDIT_ROWS,
    )


@blueprint.get("/rocks/nodes/<name>/kickstart")
def show_kickstart(name: str) -> Response:
    """Return the kickstart of the node's last order, with the source file and line of each line.

    Raises Denied (403), or NotFound for an unknown node or one that was never ordered.
    """
    context = current_context()
    require_viewer(context)
    node = find_node(context.db, name)
    histories = order_history.node_history(context.db, node.name, now=context.now, limit=1)
    if not histories:
        raise NotFound(
            "it was never ordered, so it has no profile", node.name, "order it: rocks_reinstall"
        )
    order = histories[0].order
    values = {
        **attributes.effective_values(context.db, node),
        **order_values(context.settings, order),
    }
    return render_page(
        "kickstart.html",
        node=node,
        pin=order.pin,
        lines=context.profiles.kickstart_with_origins(order.pin, values),
    )
