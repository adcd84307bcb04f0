# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/status``: every node with its state and how far its installation is, as JSON; the page lives on it.

``?since=TIME&revision=N``, both from an earlier answer, asks only for what was heard of since: an answer for 10,000
nodes of which ten install is as short as one for ten.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Sequence

from ...cluster.database import Database
from ...install import timestamps
from ..access_control import demand_viewer
from ..model import JSON, Answer, Request
from ..request_context import Service

LIST = (
    "select n.name, n.rack, n.`rank`, m.name, case a.name when 'frontend' then '' else a.root end, coalesce(n.ip, ''), coalesce(i.state, ''),"
    " coalesce(i.phase, ''), coalesce(i.done, 0), coalesce(i.total, 0), coalesce(i.message, ''),"
    " coalesce(i.reason, ''), coalesce(i.distribution, ''), coalesce(i.generation, ''), coalesce(i.changed, ''),"
    " coalesce(i.suspect, 0)"
    " from nodes n join memberships m on m.id = n.membership join appliances a on a.id = m.appliance"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)%s"
    " order by n.rack, n.membership, n.`rank`, n.name"
)
EVERYBODY = LIST % ""
NEWS = LIST % " where i.changed >= ?"
OVERLAP_SECONDS = 2  # progress is written a moment after it came
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class NodeState(NamedTuple):
    """A node as the page shows it; ``state`` is its last order's, empty when it was never ordered.

    root  empty: nothing is ever installed on it by an order (a switch, a power unit, a frontend)
    """

    name: str
    rack: int
    rank: int
    membership: str
    root: str
    ip: str
    state: str
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
    """The nodes at one moment; ``whole``: all of them, and not only the news since an earlier answer."""

    now: str
    revision: int
    whole: bool
    nodes: tuple[NodeState, ...]


def status(service: Service, request: Request) -> Answer:
    """The JSON.  Raises Denied (403) for an address that the site does not allow."""
    demand_viewer(service.settings, request.address)
    since, revision = request.query.get("since", ""), request.query.get("revision", "")
    found = read(service.db, service.now, since if TIME.fullmatch(since) else "", revision)
    return Answer(200, to_json(found), JSON, (("Cache-Control", "no-store"),))


def read(db: Database, now: str, since: str = "", revision: str = "") -> Status:
    """The nodes' states; only the news when nothing was described anew since ``revision``."""
    current = db.revision()
    whole = not since or revision != str(current)
    if whole:
        rows: Sequence[Sequence[Any]] = db.rows(EVERYBODY)
    else:
        rows = db.rows(NEWS, (timestamps.add_seconds(since, -OVERLAP_SECONDS),))
    return Status(now, current, whole, tuple(map(NodeState._make, rows)))


def to_json(found: Status) -> bytes:
    """Objects for a reader; the same keys as NodeState's fields."""
    nodes = [node._asdict() for node in found.nodes]
    return json.dumps({**found._asdict(), "nodes": nodes}, separators=(",", ":")).encode()
