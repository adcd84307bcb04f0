# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/health`` for a load balancer, ``GET /rocks/metrics`` for Prometheus.

All numbers are counted in the database, so every process and every frontend reports the same.
"""

from __future__ import annotations

from typing import Iterable

from ...cluster.database import Database
from ...install import timestamps
from ...install.states import FAILED, INSTALLING, LIVE, STATES, UP
from .. import prometheus_format
from ..access_control import require_viewer
from ..model import JSON, Request, Response
from ..prometheus_format import Family, Metric, Numbers, Summary
from ..request_context import Context

NEVER = "never"  # instead of a state, for a node without any order
LATEST = "i.id in (select max(id) from installs group by node)"
NODES_BY_MEMBERSHIP = (
    "select m.name, count(*) from nodes n join memberships m on m.id = n.membership group by m.name"
)
NODES_BY_STATE = (
    "select n.rack, coalesce(i.state, ?), count(*), coalesce(min(i.changed), '') from nodes n"
    " join memberships m on m.id = n.membership join appliances a on a.id = m.appliance"
    f" left join installs i on i.node = n.id and {LATEST}"
    " where a.root <> '' and a.name <> 'frontend' group by n.rack, coalesce(i.state, ?)"
)
FAILED_NODES = (
    "select n.name, n.rack, i.suspect from installs i join nodes n on n.id = i.node"
    f" where i.state = ? and {LATEST}"
)
INSTALL_TIMES = (
    "select began.at, i.changed from installs i"
    " join install_events began on began.install = i.id and began.state = ?"
    f" where i.state = ? and {LATEST}"
)
ORDERS_BY_STATE = "select state, count(*) from installs group by state"
NODES_BY_GENERATION = (
    "select distribution, generation, count(*) from installs where state = 'up'"
    " and id in (select max(id) from installs where state in ('up', 'installed') group by node)"
    " group by distribution, generation"
)


def get_health(context: Context, _request: Request) -> Response:
    """Return 200 while the database answers; otherwise the application returns 503."""
    context.db.row("select 1")
    return Response(200, b'{"database": "up"}\n', JSON)


def get_metrics(context: Context, request: Request) -> Response:
    """Return the metrics. Raises Denied (403) for an address that the site does not allow."""
    require_viewer(context.settings, request.address)
    text = prometheus_format.format_families(collect_metrics(context.db))
    return Response(200, text.encode(), prometheus_format.CONTENT_TYPE)


def collect_metrics(db: Database) -> Iterable[Family]:
    """Yield every family, with the database's current numbers."""
    yield Metric(
        name="rocks_nodes",
        kind="gauge",
        help="Nodes by membership.",
        labels=("membership",),
        values={(name,): count for name, count in db.rows(NODES_BY_MEMBERSHIP)},
    )
    yield from _state_metrics(db)
    yield from _failure_metrics(db)
    yield Summary(
        name="rocks_install_seconds",
        help="Seconds from kickstart to up, of the installation that each node runs.",
        values=tuple(
            timestamps.to_seconds(up) - timestamps.to_seconds(began)
            for began, up in db.rows(INSTALL_TIMES, (INSTALLING, UP))
        ),
    )
    orders: dict[str, int] = dict(db.rows(ORDERS_BY_STATE))
    yield Metric(
        name="rocks_orders_ended_total",
        kind="counter",
        help="Install orders that ended, by their last state.",
        labels=("state",),
        values={(state,): orders.get(state, 0) for state in STATES if state not in LIVE},
    )
    yield Metric(
        name="rocks_generation_nodes",
        kind="gauge",
        help="Nodes by the generation that they run.",
        labels=("distribution", "generation"),
        values={(row[0], row[1]): row[2] for row in db.rows(NODES_BY_GENERATION)},
    )


def _state_metrics(db: Database) -> Iterable[Metric]:
    """Yield every state of every rack, so that a count that drops to zero is visible."""
    rows = db.rows(NODES_BY_STATE, (NEVER, NEVER))
    counts: Numbers = {(str(row[0]), state): 0 for row in rows for state in (*STATES, NEVER)}
    counts.update({(str(rack), state): count for rack, state, count, _changed in rows})
    yield Metric(
        name="rocks_node_state",
        kind="gauge",
        help="Nodes that can be ordered, by the state of their last order.",
        labels=("rack", "state"),
        values=counts,
    )
    yield Metric(
        name="rocks_order_heard_timestamp_seconds",
        kind="gauge",
        help="Last report of the live order that has been silent for longest, in Unix time.",
        labels=("rack", "state"),
        values={
            (str(rack), state): timestamps.to_seconds(changed)
            for rack, state, _count, changed in rows
            if state in LIVE
        },
    )


def _failure_metrics(db: Database) -> Iterable[Metric]:
    rows = db.rows(FAILED_NODES, (FAILED,))
    yield Metric(
        name="rocks_node_failed",
        kind="gauge",
        help="Nodes whose last installation failed.",
        labels=("node", "rack"),
        values={(name, str(rack)): 1 for name, rack, _suspect in rows},
    )
    yield Metric(
        name="rocks_suspect_nodes",
        kind="gauge",
        help="Nodes that cannot be ordered again until an administrator sets rearm.",
        labels=(),
        values={(): sum(bool(suspect) for _name, _rack, suspect in rows)},
    )
