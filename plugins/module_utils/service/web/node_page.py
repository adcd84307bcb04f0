# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages about one node: its row, its installations phase by phase, its audit, and its kickstart."""

from __future__ import annotations

from typing import Optional, Sequence

from flask import Blueprint, Response

from ...cluster.database import Database
from ...cluster.model import FRONTEND, Node
from ...cluster.networking.interfaces import list_interfaces
from ...cluster.node_conditions import load_conditions
from ...cluster.nodes import find_node
from ...cluster.values import attributes
from ...errors import NotFound, RocksError
from ...install import order_history
from ...install.model import Order, Pin
from ...install.states import LIVE, OPEN, UP
from ...profile.model import ProfileNode
from ..access_control import require_viewer
from ..node_values import order_values
from ..request_context import Context, current_context
from .failure_advice import advise
from .page_layout import render_page

blueprint = Blueprint("node_page", __name__)
AUDIT_ROWS = 30
NODE_FIELDS = ("membership", "appliance", "rack", "rank", "ip", "mac", "arch", "comment")
CHECKED = (
    "select manifest, found, checked from installs where node = ? and state = 'up'"
    " order by id desc limit 1"
)
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
    order = histories[0].order if histories else None
    return render_page(
        "node.html",
        node=node._asdict(),
        fields=NODE_FIELDS,
        histories=histories,
        interfaces=list_interfaces(context.db, node.name),
        drift=_describe_drift(context.db, node.id),
        condition=load_conditions(context.db, context.now, node.id).get(node.id),
        way=_way_through_graph(context, order.pin) if order else (),
        commands=_commands(node, order),
        advise=advise,
        live=bool(histories) and histories[0].order.state in LIVE,
        open_states=OPEN,
        audit=context.db.rows(AUDIT, (node.name, AUDIT_ROWS)),
        audit_rows=AUDIT_ROWS,
    )


def _describe_drift(db: Database, node_id: int) -> str:
    """Return whether the packages of a node are still those that were installed."""
    row = db.row(CHECKED, (node_id,))
    if row is None:
        return ""
    manifest, found, checked = row
    if not checked:
        return "its packages have not been checked since its installation"
    state = "no drift" if found == manifest else "its packages differ from those installed"
    return f"{state}, checked {checked} UTC"


def _way_through_graph(context: Context, pin: Pin) -> Sequence[ProfileNode]:
    """Return the nodes of the graph that the pinned profile consists of, in order.

    A profile that was removed has none: the page shows the rest.
    """
    try:
        return context.profiles.load(pin).nodes
    except RocksError:
        return ()


def _commands(node: Node, order: Optional[Order]) -> Sequence[tuple[str, str]]:
    """Return what an administrator does with this node, and the command for it."""
    if not node.root or node.appliance == FRONTEND:
        return ()
    name = node.name
    commands = [
        ("Reinstall it", f"ansible {name} -m rocks_reinstall"),
        (
            "Show its profile and attributes",
            f"ansible localhost -m rocks_profile_info -a node={name}",
        ),
        ("Show its installations", f"ansible localhost -m rocks_install_info -a name={name}"),
    ]
    if order and order.state in OPEN:
        commands += [
            ("Watch its console", f"ansible-playbook playbooks/console.yml -e nodes={name}"),
            (
                "Cancel its order",
                f"ansible localhost -m rocks_install -a 'name={name} state=cancelled'",
            ),
        ]
    if order and order.state == UP:
        commands += [
            ("Compare it with its order", f"ansible {name} -m rocks_verify"),
            ("Log in", f"ssh {name}"),
        ]
    return commands


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
