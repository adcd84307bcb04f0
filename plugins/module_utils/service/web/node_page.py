# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One node for people: what it is, its history phase by phase, who asked for what, and its kickstart line by line."""

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
from ..access_control import demand_viewer
from ..model import Answer, Request
from ..node_values import of_order
from ..request_context import Service
from .base_page import duration, frame, table

PREFIX, KICKSTART = "/rocks/nodes/", "/kickstart"
AUDIT_ROWS = 30
ABOUT = ("membership", "appliance", "rack", "rank", "ip", "mac", "arch", "comment")


def node_page(service: Service, request: Request) -> Answer:
    """The page of the node in the path.  Raises Denied (403) or NotFound."""
    demand_viewer(service.settings, request.address)
    node = find_node(service.db, request.path[len(PREFIX) :])
    told = order_history.node_history(service.db, node.name, now=service.now)
    return frame(node.name, "", _body(node, told, _audit(service, node.name)))


def kickstart_page(service: Service, request: Request) -> Answer:
    """The kickstart of the node's last order, each line with the file and line that it was written in.

    Raises Denied (403), or NotFound for a node that was never ordered.
    """
    demand_viewer(service.settings, request.address)
    node = find_node(service.db, request.path[len(PREFIX) : -len(KICKSTART)])
    told = order_history.node_history(service.db, node.name, now=service.now, limit=1)
    if not told:
        raise NotFound(
            "it was never ordered, so no profile is chosen for it",
            node.name,
            "order it: rocks_reinstall",
        )
    order = told[0].order
    given = {**attributes.effective_values(service.db, node), **of_order(service.settings, order)}
    lines = service.profiles.provenance(order.pin, given)
    rows = (
        (str(number), escape(line.text), escape(str(line.origin or "")))
        for number, line in enumerate(lines, 1)
    )
    intro = (
        f'<p><a href="{PREFIX}{escape(node.name)}">{escape(node.name)}</a>, distribution {escape(order.pin.distribution)},'
        f" generation <code>{escape(order.pin.generation)}</code>, profile <code>{order.pin.profile[:12]}</code></p>"
    )
    return frame(
        f"Kickstart of {node.name}", "", (intro, table(("", "line", "written in"), rows, "lines"))
    )


def _body(node: Node, told: Sequence[History], audit: Sequence[Sequence[Any]]) -> Iterable[str]:
    facts = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in ((name, getattr(node, name)) for name in ABOUT)
        if value != ""
    )
    lives = bool(told) and told[0].order.state in LIVE
    yield f'<div{" data-refresh" if lives else ""}><dl class="about">{facts}</dl>'
    if told:
        yield f'<p><a href="{PREFIX}{escape(node.name)}{KICKSTART}">Kickstart, with where each line was written</a></p>'
    yield "<h2>Installations</h2>" + ("" if told else "<p>It was never ordered.</p>")
    for number, one in enumerate(told):
        yield _installation(one, unfolded=number == 0)
    yield f"<h2>Audit <small>the last {AUDIT_ROWS}</small></h2>"
    yield table(
        ("when (UTC)", "who", "what", "decision", "from", "about"),
        ((escape(str(cell)) for cell in row) for row in audit),
    )
    yield "</div>"


def _installation(one: History, unfolded: bool) -> str:
    order = one.order
    total = sum(event.seconds for event in one.events)
    bad = ' class="bad"' if order.state == FAILED else ""
    return (
        f"<details{' open' if unfolded else ''}><summary><b{bad}>{order.state}</b> · ordered {order.ordered} by"
        f" {escape(order.by)} · {escape(order.pin.distribution)} <code>{escape(order.pin.generation[:12])}</code> ·"
        f" {duration(total)}</summary>{_reason(order)}{_logs(one.events)}{_bar(order)}{_steps(one.events)}</details>"
    )


def _reason(order: Order) -> str:
    parked = (
        "<br>It is parked: look who has its address, then order it with <code>rearm: true</code>."
    )
    return (
        f'<p class="bad">{escape(order.reason)}{parked if order.suspect else ""}</p>'
        if order.reason
        else ""
    )


def _bar(order: Order) -> str:
    if order.state not in OPEN or not order.total:
        return ""
    return (
        f'<div class="about">{escape(order.phase)} {order.done} of {order.total}'
        f'<progress max="{order.total}" value="{order.done}"></progress></div>'
    )


def _steps(steps: Sequence[Event]) -> str:
    rows = (
        (
            step.at,
            escape(step.state or step.phase),
            duration(step.seconds),
            escape(step.message.partition("\n")[0]),
        )
        for step in steps
    )
    return table(("began (UTC)", "step", "took", "said"), rows)


def _logs(steps: Sequence[Event]) -> str:
    logs = [step.message.partition("\n")[2] for step in steps]
    return "".join(
        f'<div class="log" tabindex="0"><pre>{escape(log)}</pre></div>' for log in logs if log
    )


def _audit(service: Service, name: str) -> list[tuple[Any, ...]]:
    return service.db.rows(
        "select at, actor, action, decision, address, detail from audit where node = ? order by id desc limit ?",
        (name, AUDIT_ROWS),
    )
