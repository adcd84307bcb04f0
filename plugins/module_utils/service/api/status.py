# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/status``: every node's state and installation progress, as JSON for the nodes page.

With ``?since=TIME&revision=N``, both from an earlier response, the response contains only the nodes
that have changed since: for 10,000 nodes of which ten install it is as short as for ten.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, NamedTuple, Sequence

from flask import Blueprint, Response, request

from ...cluster.node_conditions import make_condition, silent_since
from ...install import timestamps
from ...install.states import UP
from ..access_control import require_viewer
from ..request_context import Context, current_context

blueprint = Blueprint("status", __name__)
NODES = (
    "select n.name, n.rack, n.`rank`, m.name,"
    " case a.name when 'frontend' then '' else a.root end, coalesce(n.ip, ''),"
    " coalesce(i.state, ''), coalesce(i.phase, ''), coalesce(i.done, 0), coalesce(i.total, 0),"
    " coalesce(i.message, ''), coalesce(i.reason, ''), coalesce(i.distribution, ''),"
    " coalesce(i.generation, ''), coalesce(i.changed, ''), coalesce(i.suspect, 0),"
    " coalesce(i.checked, ''), coalesce(s.heard, ''), coalesce(s.behind, ''),"
    " case when i.found not in ('', i.manifest) then 1 else 0 end"
    " from nodes n join memberships m on m.id = n.membership"
    " join appliances a on a.id = m.appliance"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)"
    " left join node_states s on s.node = n.id%s"
    " order by n.rack, n.membership, n.`rank`, n.name"
)
ALL_NODES = NODES % ""
CHANGED_NODES = NODES % (" where i.changed >= ? or s.behind_since >= ? or s.heard between ? and ?")
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
    heard: str
    """When a node that is up last answered; empty for any other node."""
    conditions: tuple[str, ...]
    """``silent``, ``behind``, ``drifted``: those that hold."""


STATE_WIDTH = NodeState._fields.index("heard")
STATE_COLUMN = NodeState._fields.index("state")
CHANGED_COLUMN = NodeState._fields.index("changed")


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
        after = timestamps.add_seconds(since, -OVERLAP_SECONDS)
        became_silent = (silent_since(after), silent_since(context.now))
        rows = db.rows(CHANGED_NODES, (after, after, *became_silent))
    return Status(
        now=context.now,
        revision=current,
        whole=whole,
        report_seconds=context.report_interval.seconds(db),
        nodes=tuple(_states(rows, silent_since(context.now))),
    )


def _states(rows: Sequence[Sequence[Any]], silent_before: str) -> Iterator[NodeState]:
    """Convert rows of NODES; a node that is not up has no condition."""
    for row in rows:
        fields = row[:STATE_WIDTH]
        checked, heard, behind, drifted = row[STATE_WIDTH:]
        if row[STATE_COLUMN] != UP:
            yield NodeState._make((*fields, "", ()))
            continue
        condition = make_condition(
            node=0,
            rack=0,
            heard=max(row[CHANGED_COLUMN], checked, heard),
            behind=behind,
            drifted=bool(drifted),
            silent_before=silent_before,
        )
        yield NodeState._make((*fields, condition.heard, condition.names))


def to_json(status: Status) -> bytes:
    """Return JSON whose keys are the fields of Status and NodeState."""
    nodes = [node._asdict() for node in status.nodes]
    return json.dumps({**status._asdict(), "nodes": nodes}, separators=(",", ":")).encode()
