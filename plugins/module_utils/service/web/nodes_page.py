# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The start page: all nodes by rack, their installation progress, and what failed and why.

The HTML is complete without the script; the script keeps it live with ``/rocks/status``.
"""

from __future__ import annotations

import collections
import itertools
import json
from html import escape
from typing import Iterable, Sequence

from ...install.states import ENDED_BADLY, FAILED, OPEN, STATES
from ..access_control import require_viewer
from ..api.status import NodeState, Status, read_status
from ..model import Request, Response
from ..request_context import Context
from .base_page import render_page

NEVER = "never ordered"
COMPACT_NODES = 200  # with more nodes, a node that is up takes only one line


def nodes_page(context: Context, request: Request) -> Response:
    """Return the page. Raises Denied (403) for an address that the site does not allow."""
    require_viewer(context.settings, request.address)
    return render_page("npaci.rocks", "/", _body(read_status(context.db, context.now)))


def _body(status: Status) -> Iterable[str]:
    live = json.dumps({"now": status.now, "revision": status.revision})
    yield f'<div class="bar" role="search" data-live="{escape(live)}">{_filters(status.nodes)}'
    yield '<input type="search" id="find" placeholder="Find a node ( / )" aria-label="Find a node">'
    yield f'<output id="fresh">{escape(status.now)} UTC</output></div>'
    yield f'<section id="trouble" aria-live="polite">{_failures(status.nodes)}</section>'
    if not status.nodes:
        yield "<p>There are no nodes yet. Add the first:"
        yield " <code>ansible localhost -m rocks_insert_ethers</code></p>"
    compact = " many" if len(status.nodes) > COMPACT_NODES else ""
    for rack, group in itertools.groupby(status.nodes, key=lambda node: node.rack):
        nodes = list(group)
        counts = escape(count_states(nodes))
        yield f'<section class="rack"><h2>Rack {rack} <small>{counts}</small></h2>'
        yield f'<ul class="grid{compact}">{"".join(map(_tile, nodes))}</ul></section>'


def _filters(nodes: Sequence[NodeState]) -> str:
    """Return a button for each state, with its count; pressed buttons filter the nodes."""
    counts = collections.Counter(map(_state_key, nodes))
    return "".join(
        f'<button type="button" data-state="{state}" aria-pressed="false"'
        f"{'' if counts[state] else ' hidden'}><b>{counts[state]}</b> {escape(text)}</button>"
        for state, text in (*((state, state) for state in STATES), ("never", NEVER))
    )


def _tile(node: NodeState) -> str:
    """Return one node: its name, its state in words, and a progress bar while it installs."""
    progress_bar = (
        f'<progress max="{node.total}" value="{node.done}"></progress>'
        if shows_progress(node)
        else ""
    )
    name = escape(node.name)
    return (
        f'<li><a class="node {node.state}" id="n-{name}" href="/rocks/nodes/{name}"'
        f' data-state="{_state_key(node)}"><b>{name}</b>'
        f"<span>{escape(describe_state(node))}</span>{progress_bar}</a></li>"
    )


def _state_key(node: NodeState) -> str:
    """Return the state by which the page filters; empty: the node is never installed."""
    return node.state or ("never" if node.root else "")


def count_states(nodes: Sequence[NodeState]) -> str:
    """Return the number of nodes in each state, in the order in which an order changes states."""
    counts = collections.Counter(
        node.state or (NEVER if node.root else node.membership) for node in nodes
    )
    names = [*STATES, NEVER, *sorted(set(counts) - {*STATES, NEVER})]
    return " · ".join(f"{counts[name]} {name}" for name in names if counts[name])


def shows_progress(node: NodeState) -> bool:
    """Return whether the node's installation counts something now."""
    return node.state in OPEN and node.total > 0


def describe_state(node: NodeState) -> str:
    """Return the node's state in one line; page.js computes the same text."""
    if not node.root:
        return node.membership
    if not node.state:
        return NEVER
    if node.state in ENDED_BADLY:
        return f"{node.state}: {node.reason}"
    if shows_progress(node):
        return f"{node.phase} {node.done} of {node.total}"
    if node.state in OPEN:
        return node.phase or node.state
    return f"{node.state} · {node.generation[:8]}"


def _failures(nodes: Sequence[NodeState]) -> str:
    """Return the failed nodes, grouped by reason; the page shows them first."""
    by_reason: dict[str, list[NodeState]] = {}
    for node in nodes:
        if node.state == FAILED:
            by_reason.setdefault(node.reason, []).append(node)
    if not by_reason:
        return ""
    rows = "".join(
        f"<li>{escape(reason)}: {' '.join(map(_link, failed))}</li>"
        for reason, failed in by_reason.items()
    )
    count = sum(map(len, by_reason.values()))
    return f'<div class="trouble"><h2>Failed <small>{count}</small></h2><ul>{rows}</ul></div>'


def _link(node: NodeState) -> str:
    return f'<a href="/rocks/nodes/{escape(node.name)}">{escape(node.name)}</a>'
