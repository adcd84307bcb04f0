# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The start page: all nodes by rack, their installation progress, and what failed and why.

The HTML is complete without the script; the script keeps it live with ``/rocks/status``.
"""

from __future__ import annotations

import collections
from typing import Mapping, Sequence

from flask import Blueprint, Response

from ...cluster.node_conditions import SILENT
from ...install.states import ENDED_BADLY, FAILED, OPEN, STATES
from ..access_control import require_viewer
from ..api.status import NodeState, read_status
from ..request_context import current_context
from .failure_advice import advise
from .page_layout import render_page

blueprint = Blueprint("nodes_page", __name__)
NEVER = "never ordered"
POLL_SECONDS = 3  # how often the page asks for changes, rounded up
COMPACT_NODES = 200  # with more nodes, a node that is up takes only one line


@blueprint.get("/")
def show_nodes() -> Response:
    """Return the page. Raises Denied (403) for an address that the site does not allow."""
    context = current_context()
    require_viewer(context)
    status = read_status(context)
    return render_page(
        "nodes.html",
        status=status,
        states=(*((state, state) for state in (*STATES, SILENT)), ("never", NEVER)),
        counts=collections.Counter(map(state_key, status.nodes)),
        failures=group_failures(status.nodes),
        advise=advise,
        progress_age=status.report_seconds + POLL_SECONDS,
        compact_nodes=COMPACT_NODES,
        count_states=count_states,
        describe_state=describe_state,
        shows_progress=shows_progress,
        state_key=state_key,
    )


@blueprint.get("/rocks/racks")
def show_racks() -> Response:
    """Return a picture of the racks. Raises Denied (403)."""
    context = current_context()
    require_viewer(context)
    status = read_status(context)
    return render_page(
        "racks.html",
        racks=group_racks(status.nodes),
        state_key=state_key,
        count_states=count_states,
        describe_state=describe_state,
    )


def group_racks(nodes: Sequence[NodeState]) -> Mapping[int, Sequence[NodeState]]:
    """Return the nodes by rack, in each rack from its top, where the highest rank is."""
    racks: dict[int, list[NodeState]] = {}
    for node in nodes:
        racks.setdefault(node.rack, []).append(node)
    return {
        rack: sorted(members, key=lambda node: (-node.rank, node.name))
        for rack, members in sorted(racks.items())
    }


def state_key(node: NodeState) -> str:
    """Return the state by which the page filters; empty: the node is never installed."""
    if SILENT in node.conditions:
        return SILENT
    return node.state or ("never" if node.root else "")


def count_states(nodes: Sequence[NodeState]) -> str:
    """Return the number of nodes in each state, in the order in which an order changes states."""
    counts = collections.Counter(
        {"never": NEVER}.get(state_key(node), state_key(node)) or node.membership for node in nodes
    )
    known = (*STATES, SILENT, NEVER)
    names = [*known, *sorted(set(counts) - set(known))]
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
    return _describe_installed(node)


def _describe_installed(node: NodeState) -> str:
    if SILENT in node.conditions:
        return f"silent since {node.heard} UTC"
    scripts = f" · {node.reason}" if node.reason else ""
    others = "".join(f" · {name}" for name in node.conditions)
    return f"{node.state} · {node.generation[:8]}{others}{scripts}"


def group_failures(nodes: Sequence[NodeState]) -> Mapping[str, Sequence[NodeState]]:
    """Return the failed nodes by reason; the page shows them first."""
    by_reason: dict[str, list[NodeState]] = {}
    for node in nodes:
        if node.state == FAILED:
            by_reason.setdefault(node.reason, []).append(node)
    return by_reason
