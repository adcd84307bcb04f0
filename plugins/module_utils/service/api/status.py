# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/status``: every node's state and installation progress, as JSON for the nodes page.

With ``?since=TIME&revision=N``, both from an earlier response, the response contains only the nodes
that have changed since: for 10,000 nodes of which ten install it is as short as for ten.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Sequence

from flask import Blueprint, Response, request

from ...install import timestamps
from ..access_control import require_viewer
from ..request_context import Context, current_context

blueprint = Blueprint("status", __name__)
NODES = (
    "select n.name, n.rack, n.`rank`, m.name,"
    " case a.name when 'frontend' then '' else a.root end, coalesce(n.ip, ''),"
    " coalesce(i.state, ''), coalesce(i.phase, ''), coalesce(i.done, 0), coalesce(i.total, 0),"
    " coalesce(i.message, ''), coalesce(i.reason, ''), coalesce(i.distribution, ''),"
    " coalesce(i.generation, ''), coalesce(i.changed, ''), coalesce(i.suspect, 0)"
    " from nodes n join memberships m on m.id = n.membership"
    " join appliances a on a.id = m.appliance"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)%s"
    " order by n.rack, n.membership, n.`rank`, n.name"
)
ALL_NODES = NODES % ""
CHANGED_NODES = NODES % " where i.changed >= ?"
OVERLAP_SECONDS = 2  # a change is visible a moment after the time that it is written with
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class NodeState(NamedTuple):
    """A node as the page shows it: a row of NODES, made by the thousand, hence a NamedTuple."""

    name: str
    rack: int
    rank: int
    membership: str
    root: str
    """Empty: orders never install the node (a switch, a power unit, a frontend)."""
    ip: str
    state: str
    """State of its last order; empty: it was never ordered."""
    phase: str
    done: int
    total: int
    message: str
    reason: str
    distribution: str
    generation: str
    changed: str
    suspect: int


class Status(NamedTuple):
    """The nodes at one moment."""

    now: str
    revision: int
    whole: bool
    """True: all nodes; false: only those that have changed since an earlier response."""
    report_seconds: int
    """How often each installing node reports its progress."""
    nodes: tuple[NodeState, ...]


@blueprint.get("/rocks/status")
def get_status() -> Response:
    """Return the JSON. Raises Denied (403) for an address that the site does not allow."""
    context = current_context()
    require_viewer(context)
    since = request.args.get("since", "")
    revision = request.args.get("revision", "")
    if not TIME.fullmatch(since):
        since = ""
    body = to_json(read_status(context, since, revision))
    return Response(body, mimetype="application/json", headers={"Cache-Control": "no-store"})


def read_status(context: Context, since: str = "", revision: str = "") -> Status:
    """Return all nodes' states, or only the changed ones if ``revision`` is still current."""
    db = context.db
    current = db.revision()
    whole = not since or revision != str(current)
    if whole:
        rows: Sequence[Sequence[Any]] = db.rows(ALL_NODES)
    else:
        rows = db.rows(CHANGED_NODES, (timestamps.add_seconds(since, -OVERLAP_SECONDS),))
    return Status(
        now=context.now,
        revision=current,
        whole=whole,
        report_seconds=context.report_interval.seconds(db),
        nodes=tuple(map(NodeState._make, rows)),
    )


def to_json(status: Status) -> bytes:
    """Return JSON whose keys are the fields of Status and NodeState."""
    nodes = [node._asdict() for node in status.nodes]
    return json.dumps({**status._asdict(), "nodes": nodes}, separators=(",", ":")).encode()
