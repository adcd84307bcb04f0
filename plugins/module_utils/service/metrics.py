# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/health`` for a load balancer, ``GET /rocks/metrics`` for Prometheus.

Everything is counted in the database, so that each of any number of processes and machines tells the same.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ..cluster.database import Database
from ..install.states import LIVE, STATES
from .context import Service
from .model import JSON, Answer, Request
from .viewers import demand_viewer

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


def health(service: Service, _request: Request) -> Answer:
    """200 while the database answers; the frame turns its absence into 503."""
    service.db.row("select 1")
    return Answer(200, b'{"database": "up"}\n', JSON)


def metrics(service: Service, request: Request) -> Answer:
    """The metrics.  Raises Denied (403) for an address that the site does not allow."""
    demand_viewer(service.settings, request.address)
    lines = [line for metric in _metrics(service.db) for line in metric.lines()]
    return Answer(200, ("\n".join(lines) + "\n").encode(), EXPOSITION)


class Metric(NamedTuple):
    """One family: label values -> number; ``labels`` names them."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    values: dict[tuple[str, ...], float]

    def lines(self) -> Iterable[str]:
        """The exposition format's lines."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        for given, value in sorted(self.values.items()):
            labels = ",".join(f'{name}="{_escaped(text)}"' for name, text in zip(self.labels, given))
            yield f"{self.name}{{{labels}}} {value:g}" if labels else f"{self.name} {value:g}"


def _metrics(db: Database) -> Iterable[Metric]:
    nodes = db.rows("select m.name, count(*) from nodes n join memberships m on m.id = n.membership group by m.name")
    yield Metric(
        "rocks_nodes", "gauge", "Nodes in the database.", ("membership",), {(row[0],): row[1] for row in nodes}
    )
    last: dict[str, int] = dict(
        db.rows(
            "select state, count(*) from installs where id in (select max(id) from installs group by node) group by state"
        )
    )
    by_state: dict[tuple[str, ...], float] = {(state,): last.get(state, 0) for state in STATES}
    yield Metric("rocks_node_state", "gauge", "Nodes by the state of their last install order.", ("state",), by_state)
    ever: dict[str, int] = dict(db.rows("select state, count(*) from installs group by state"))
    ended: dict[tuple[str, ...], float] = {(state,): ever.get(state, 0) for state in STATES if state not in LIVE}
    yield Metric("rocks_orders_ended_total", "counter", "Install orders that ended, by how.", ("state",), ended)
    suspect = db.row(
        "select count(*) from installs where suspect = 1 and id in (select max(id) from installs group by node)"
    )
    yield Metric(
        "rocks_suspect_nodes", "gauge", "Nodes that are parked as suspect.", (), {(): suspect[0] if suspect else 0}
    )
    generations = db.rows(
        "select distribution, generation, count(*) from installs where state = 'up'"
        " and id in (select max(id) from installs where state in ('up', 'installed') group by node)"
        " group by distribution, generation"
    )
    running: dict[tuple[str, ...], float] = {(row[0], row[1]): row[2] for row in generations}
    yield Metric("rocks_generation_nodes", "gauge", "Nodes by what they run.", ("distribution", "generation"), running)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
