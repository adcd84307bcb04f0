# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page that an administrator keeps open: all nodes by rack, what installs, what failed and why.

The HTML is whole without the script; with it the page stays live on the news of ``/rocks/status``.
"""

from __future__ import annotations

import collections
import itertools
import json
from html import escape
from typing import Iterable, Sequence

from ...install.states import ENDED_BADLY, FAILED, OPEN, STATES
from ..access_control import demand_viewer
from ..api.status import NodeState, Status, read
from ..model import Answer, Request
from ..request_context import Service
from .base_page import frame

NEVER = "never ordered"
MANY = 200  # nodes, from which on a node that is up takes one line


def page(service: Service, request: Request) -> Answer:
    """The page.  Raises Denied (403) for an address that the site does not allow."""
    demand_viewer(service.settings, request.address)
    found = read(service.db, service.now)
    return frame("npaci.rocks", "/", _body(found))


def _body(found: Status) -> Iterable[str]:
    start = json.dumps({"now": found.now, "revision": found.revision})
    yield f'<div class="bar" role="search" data-live="{escape(start)}">{_filters(found.nodes)}'
    yield '<input type="search" id="find" placeholder="Find a node ( / )" aria-label="Find a node">'
    yield f'<output id="fresh">{escape(found.now)} UTC</output></div>'
    yield f'<section id="trouble" aria-live="polite">{_trouble(found.nodes)}</section>'
    if not found.nodes:
        yield "<p>There is no node yet. Enter the first: <code>ansible localhost -m rocks_insert_ethers</code></p>"
    many = " many" if len(found.nodes) > MANY else ""
    for rack, nodes in itertools.groupby(found.nodes, key=lambda node: node.rack):
        some = list(nodes)
        yield f'<section class="rack"><h2>Rack {rack} <small>{escape(counted(some))}</small></h2>'
        yield f'<ul class="grid{many}">{"".join(map(_tile, some))}</ul></section>'


def _filters(nodes: Sequence[NodeState]) -> str:
    """A button for each state, with its count; pressed ones narrow the page."""
    counts = collections.Counter(node.state or ("never" if node.root else "") for node in nodes)
    return "".join(
        f'<button type="button" data-state="{state}" aria-pressed="false"{"" if counts[state] else " hidden"}>'
        f"<b>{counts[state]}</b> {escape(text)}</button>"
        for state, text in (*((state, state) for state in STATES), ("never", NEVER))
    )


def _tile(node: NodeState) -> str:
    """One node: its name, where it stands in words, and a bar while it installs."""
    progress_bar = (
        f'<progress max="{node.total}" value="{node.done}"></progress>' if shows_bar(node) else ""
    )
    return (
        f'<li><a class="node {node.state}" id="n-{escape(node.name)}" href="/rocks/nodes/{escape(node.name)}"'
        f' data-state="{node.state or ("never" if node.root else "")}"><b>{escape(node.name)}</b>'
        f"<span>{escape(words(node))}</span>{progress_bar}</a></li>"
    )


def counted(nodes: Sequence[NodeState]) -> str:
    """How many nodes are in which state, in the order in which an order goes through them."""
    counts = collections.Counter(
        node.state or (NEVER if node.root else node.membership) for node in nodes
    )
    known = [*STATES, NEVER, *sorted(set(counts) - {*STATES, NEVER})]
    return " · ".join(f"{counts[state]} {state}" for state in known if counts[state])


def shows_bar(node: NodeState) -> bool:
    """Whether there is something to count now."""
    return node.state in OPEN and node.total > 0


def words(node: NodeState) -> str:
    """Where the node stands, in a line; the script says the same."""
    if not node.root:
        return node.membership
    if not node.state:
        return NEVER
    if node.state in ENDED_BADLY:
        return f"{node.state}: {node.reason}"
    if shows_bar(node):
        return f"{node.phase} {node.done} of {node.total}"
    if node.state in OPEN:
        return node.phase or node.state
    return f"{node.state} · {node.generation[:8]}"


def _trouble(nodes: Sequence[NodeState]) -> str:
    """What failed, and for which nodes: the first thing to see.  Nodes that failed alike stand together."""
    failed: dict[str, list[NodeState]] = {}
    for node in nodes:
        if node.state == FAILED:
            failed.setdefault(node.reason, []).append(node)
    if not failed:
        return ""
    rows = "".join(
        f"<li>{escape(reason)}: {' '.join(map(_link, alike))}</li>"
        for reason, alike in failed.items()
    )
    return f'<div class="trouble"><h2>Failed <small>{sum(map(len, failed.values()))}</small></h2><ul>{rows}</ul></div>'


def _link(node: NodeState) -> str:
    return f'<a href="/rocks/nodes/{escape(node.name)}">{escape(node.name)}</a>'
