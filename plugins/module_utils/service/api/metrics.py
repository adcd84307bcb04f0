# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/health`` for a load balancer, ``GET /rocks/metrics`` for Prometheus.

Everything is counted in the database, so that each of any number of processes and machines tells the same.
"""

from __future__ import annotations

from typing import Iterable

from ...cluster.database import Database
from ...install import timestamps
from ...install.states import FAILED, INSTALLING, LIVE, STATES, UP
from .. import prometheus_format
from ..access_control import demand_viewer
from ..model import JSON, Answer, Request
from ..prometheus_format import Family, Metric, Numbers, Summary
from ..request_context import Service

NEVER = "never"  # in the place of a state: no order was ever made
LAST = "i.id in (select max(id) from installs group by node)"
BY_STATE = (
    "select n.rack, coalesce(i.state, ?), count(*), coalesce(min(i.changed), '') from nodes n"
    " join memberships m on m.id = n.membership join appliances a on a.id = m.appliance"
    f" left join installs i on i.node = n.id and {LAST}"
    " where a.root <> '' and a.name <> 'frontend' group by n.rack, coalesce(i.state, ?)"
)
TROUBLED = f"select n.name, n.rack, i.suspect from installs i join nodes n on n.id = i.node where i.state = ? and {LAST}"
TOOK = (
    "select began.at, i.changed from installs i join install_events began on began.install = i.id and began.state = ?"
    f" where i.state = ? and {LAST}"
)
RUNNING = (
    "select distribution, generation, count(*) from installs where state = 'up'"
    " and id in (select max(id) from installs where state in ('up', 'installed') group by node)"
    " group by distribution, generation"
)


def health(service: Service, _request: Request) -> Answer:
    """200 while the database answers; the frame turns its absence into 503."""
    service.db.row("select 1")
    return Answer(200, b'{"database": "up"}\n', JSON)


def metrics(service: Service, request: Request) -> Answer:
    """The metrics.  Raises Denied (403) for an address that the site does not allow."""
    demand_viewer(service.settings, request.address)
    return Answer(
        200, prometheus_format.text(measured(service.db)).encode(), prometheus_format.TYPE
    )


def measured(db: Database) -> Iterable[Family]:
    """Every family, as the database is now."""
    nodes = db.rows(
        "select m.name, count(*) from nodes n join memberships m on m.id = n.membership group by m.name"
    )
    members: Numbers = {(name,): count for name, count in nodes}
    yield Metric("rocks_nodes", "gauge", "Nodes by membership.", ("membership",), members)
    yield from _by_state(db)
    yield from _troubled(db)
    took = tuple(
        timestamps.to_seconds(up) - timestamps.to_seconds(began)
        for began, up in db.rows(TOOK, (INSTALLING, UP))
    )
    what = "From the kickstart until the node was up, of the installation that each node runs."
    yield Summary("rocks_install_seconds", what, took)
    ever: dict[str, int] = dict(db.rows("select state, count(*) from installs group by state"))
    ended: Numbers = {(state,): ever.get(state, 0) for state in STATES if state not in LIVE}
    yield Metric(
        "rocks_orders_ended_total",
        "counter",
        "Install orders that ended, by how.",
        ("state",),
        ended,
    )
    running: Numbers = {(row[0], row[1]): row[2] for row in db.rows(RUNNING)}
    yield Metric(
        "rocks_generation_nodes",
        "gauge",
        "Nodes by what they run.",
        ("distribution", "generation"),
        running,
    )


def _by_state(db: Database) -> Iterable[Metric]:
    """A rack tells every state, so that a count that falls to nothing is seen to fall."""
    rows = db.rows(BY_STATE, (NEVER, NEVER))
    counts: Numbers = {(str(row[0]), state): 0 for row in rows for state in (*STATES, NEVER)}
    counts.update({(str(rack), state): count for rack, state, count, _changed in rows})
    what = "Nodes that an order can install, by the state of their last one."
    yield Metric("rocks_node_state", "gauge", what, ("rack", "state"), counts)
    heard: Numbers = {
        (str(rack), state): timestamps.to_seconds(changed)
        for rack, state, _count, changed in rows
        if state in LIVE
    }
    what = "When the live order that was silent for longest was heard of, in seconds since 1970."
    yield Metric("rocks_order_heard_timestamp_seconds", "gauge", what, ("rack", "state"), heard)


def _troubled(db: Database) -> Iterable[Metric]:
    rows = db.rows(TROUBLED, (FAILED,))
    failed: Numbers = {(name, str(rack)): 1 for name, rack, _suspect in rows}
    yield Metric(
        "rocks_node_failed",
        "gauge",
        "Nodes whose last installation failed.",
        ("node", "rack"),
        failed,
    )
    parked = sum(bool(suspect) for _name, _rack, suspect in rows)
    yield Metric(
        "rocks_suspect_nodes", "gauge", "Nodes that are parked as suspect.", (), {(): parked}
    )
