# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The metrics of the cluster, for Prometheus and for node_exporter.

All numbers are counted in the database, so every process and every frontend reports the same.
"""

from __future__ import annotations

from typing import Any, Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from ..cluster.database import Database
from ..cluster.node_conditions import CONDITIONS, load_conditions
from ..install import timestamps
from ..install.states import FAILED, INSTALLING, LIVE, STATES, UP

QUANTILES = (0.5, 0.9, 1.0)
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


def format_metrics(db: Database, now: str) -> bytes:
    """Return all metrics in the text format of Prometheus, with the database's current numbers."""
    registry = CollectorRegistry()
    registry.register(ClusterCollector(db, now))
    return generate_latest(registry)


class ClusterCollector:
    """Reads the metrics from a database."""

    def __init__(self, db: Database, now: str) -> None:
        self._db = db
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """Yield every family, each sorted by its labels."""
        yield _gauge(
            "rocks_nodes",
            "Nodes by membership.",
            ("membership",),
            self._db.rows(NODES_BY_MEMBERSHIP),
        )
        yield from self._states()
        yield self._conditions()
        yield from self._failures()
        yield self._install_seconds()
        yield self._orders_ended()
        yield _gauge(
            "rocks_generation_nodes",
            "Nodes by the generation that they run.",
            ("distribution", "generation"),
            self._db.rows(NODES_BY_GENERATION),
        )

    def _states(self) -> Iterable[Metric]:
        """Yield every state of every rack, so that a count that drops to zero is visible."""
        rows = self._db.rows(NODES_BY_STATE, (NEVER, NEVER))
        counts = {(str(row[0]), state): 0 for row in rows for state in (*STATES, NEVER)}
        counts.update({(str(rack), state): count for rack, state, count, _changed in rows})
        yield _gauge(
            "rocks_node_state",
            "Nodes that can be ordered, by the state of their last order.",
            ("rack", "state"),
            [(*labels, count) for labels, count in counts.items()],
        )
        yield _gauge(
            "rocks_order_heard_timestamp_seconds",
            "Last report of the live order that has been silent for longest, in Unix time.",
            ("rack", "state"),
            [
                (rack, state, timestamps.to_seconds(changed))
                for rack, state, _count, changed in rows
                if state in LIVE
            ],
        )

    def _conditions(self) -> Metric:
        """Return every condition of every rack, so that a count that drops to zero is visible."""
        conditions = load_conditions(self._db, self._now).values()
        counts = {(row.rack, name): 0 for row in conditions for name in CONDITIONS}
        for row in conditions:
            for name in row.names:
                counts[row.rack, name] += 1
        return _gauge(
            "rocks_node_condition",
            "Nodes that are up, but silent, behind or drifted.",
            ("rack", "condition"),
            [(*labels, count) for labels, count in counts.items()],
        )

    def _failures(self) -> Iterable[Metric]:
        rows = self._db.rows(FAILED_NODES, (FAILED,))
        yield _gauge(
            "rocks_node_failed",
            "Nodes whose last installation failed.",
            ("node", "rack"),
            [(name, rack, 1) for name, rack, _suspect in rows],
        )
        yield _gauge(
            "rocks_suspect_nodes",
            "Nodes that cannot be ordered again until an administrator sets rearm.",
            (),
            [(sum(bool(suspect) for _name, _rack, suspect in rows),)],
        )

    def _install_seconds(self) -> Metric:
        durations = sorted(
            timestamps.to_seconds(up) - timestamps.to_seconds(began)
            for began, up in self._db.rows(INSTALL_TIMES, (INSTALLING, UP))
        )
        family = SummaryMetricFamily(
            "rocks_install_seconds",
            "Seconds from kickstart to up, of the installation that each node runs.",
            count_value=len(durations),
            sum_value=sum(durations),
        )
        for share in QUANTILES if durations else ():
            labels = {"quantile": f"{share:g}"}
            family.add_sample("rocks_install_seconds", labels, quantile(durations, share))
        return family

    def _orders_ended(self) -> Metric:
        counts: dict[str, int] = dict(self._db.rows(ORDERS_BY_STATE))
        family = CounterMetricFamily(
            "rocks_orders_ended",
            "Install orders that ended, by their last state.",
            labels=["state"],
        )
        for state in STATES:
            if state not in LIVE:
                family.add_metric([state], counts.get(state, 0))
        return family


def quantile(values: Sequence[int], share: float) -> int:
    """Return the smallest of sorted ``values`` that at least this share of them does not exceed."""
    return values[max(0, -int(-share * len(values) // 1) - 1)]


def _gauge(
    name: str, documentation: str, labels: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Metric:
    """Return a family; each row has the values of the labels, and then the number."""
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for values, number in sorted(([str(value) for value in row[:-1]], row[-1]) for row in rows):
        family.add_metric(values, number)
    return family
