# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages about one node: its row, its installations phase by phase, its audit, and its kickstart."""

from __future__ import annotations

from html import escape
from typing import Any, Iterable, Sequence

from ...cluster import attributes
from ...cluster.model import Node
from ...cluster.nodes import find_node
from ...errors import NotFound
from ...install import order_history
from ...install.model import Event, History, Order
from ...install.states import FAILED, LIVE, OPEN
from ..access_control import require_viewer
from ..model import Request, Response
from ..node_values import order_values
from ..request_context import Context
from .base_page import format_duration, render_page, table

PREFIX = "/rocks/nodes/"
KICKSTART = "/kickstart"
AUDIT_ROWS = 30
NODE_FIELDS = ("membership", "appliance", "rack", "rank", "ip", "mac", "arch", "comment")
AUDIT = (
    "select at, actor, action, decision, address, detail from audit where node = ?"
    " order by id desc limit ?"
)


def node_page(context: Context, request: Request) -> Response:
    """Return the page of the node in the path. Raises Denied (403) or NotFound."""
    require_viewer(context.settings, request.address)
    node = find_node(context.db, request.path[len(PREFIX) :])
    histories = order_history.node_history(context.db, node.name, now=context.now)
    audit = context.db.rows(AUDIT, (node.name, AUDIT_ROWS))
    return render_page(node.name, "", _body(node, histories, audit))


def kickstart_page(context: Context, request: Request) -> Response:
    """Return the kickstart of the node's last order, with the source file and line of each line.

    Raises Denied (403), or NotFound for an unknown node or one that was never ordered.
    """
    require_viewer(context.settings, request.address)
    node = find_node(context.db, request.path[len(PREFIX) : -len(KICKSTART)])
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
    rows = (
        (str(number), escape(line.text), escape(str(line.origin or "")))
        for number, line in enumerate(context.profiles.kickstart_with_origins(order.pin, values), 1)
    )
    intro = (
        f'<p><a href="{PREFIX}{escape(node.name)}">{escape(node.name)}</a>,'
        f" distribution {escape(order.pin.distribution)},"
        f" generation <code>{escape(order.pin.generation)}</code>,"
        f" profile <code>{order.pin.profile[:12]}</code></p>"
    )
    lines = table(("", "line", "source"), rows, "lines")
    return render_page(f"Kickstart of {node.name}", "", (intro, lines))


def _body(
    node: Node, histories: Sequence[History], audit: Sequence[Sequence[Any]]
) -> Iterable[str]:
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in ((name, getattr(node, name)) for name in NODE_FIELDS)
        if value != ""
    )
    live = bool(histories) and histories[0].order.state in LIVE
    yield f'<div{" data-refresh" if live else ""}><dl class="about">{facts}</dl>'
    if histories:
        url = f"{PREFIX}{escape(node.name)}{KICKSTART}"
        yield f'<p><a href="{url}">Kickstart, with the source of each line</a></p>'
    yield "<h2>Installations</h2>" + ("" if histories else "<p>It was never ordered.</p>")
    for number, history in enumerate(histories):
        yield _installation(history, unfolded=number == 0)
    yield f"<h2>Audit <small>the last {AUDIT_ROWS}</small></h2>"
    yield table(
        ("when (UTC)", "actor", "action", "decision", "address", "detail"),
        ((escape(str(cell)) for cell in row) for row in audit),
    )
    yield "</div>"


def _installation(history: History, unfolded: bool) -> str:
    order = history.order
    total = sum(event.seconds for event in history.events)
    css_class = ' class="bad"' if order.state == FAILED else ""
    return (
        f"<details{' open' if unfolded else ''}><summary><b{css_class}>{order.state}</b>"
        f" · ordered {order.ordered} by {escape(order.by)} · {escape(order.pin.distribution)}"
        f" <code>{escape(order.pin.generation[:12])}</code> · {format_duration(total)}</summary>"
        f"{_reason(order)}{_logs(history.events)}{_progress_bar(order)}{_steps(history.events)}"
        "</details>"
    )


def _reason(order: Order) -> str:
    if not order.reason:
        return ""
    suspect = (
        "<br>It cannot be ordered again before you check which machine uses its address;"
        " then order it with <code>rearm: true</code>."
    )
    return f'<p class="bad">{escape(order.reason)}{suspect if order.suspect else ""}</p>'


def _progress_bar(order: Order) -> str:
    if order.state not in OPEN or not order.total:
        return ""
    return (
        f'<div class="about">{escape(order.phase)} {order.done} of {order.total}'
        f'<progress max="{order.total}" value="{order.done}"></progress></div>'
    )


def _steps(events: Sequence[Event]) -> str:
    rows = (
        (
            event.at,
            escape(event.state or event.phase),
            format_duration(event.seconds),
            escape(event.message.partition("\n")[0]),
        )
        for event in events
    )
    return table(("began (UTC)", "step", "duration", "message"), rows)


def _logs(events: Sequence[Event]) -> str:
    logs = [event.message.partition("\n")[2] for event in events]
    return "".join(
        f'<div class="log" tabindex="0"><pre>{escape(log)}</pre></div>' for log in logs if log
    )
