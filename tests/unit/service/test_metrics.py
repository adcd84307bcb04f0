# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The metrics for Prometheus, and the maintenance that a timer starts."""

from __future__ import annotations

import os
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.commands.maintenance import (
    run_maintenance,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import OrderState
from ansible_collections.npaci.rocks.plugins.module_utils.service.metrics_collector import (
    QUANTILES,
    quantile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.frontend import NOW, HttpService

NODE = "10.255.255.245"
ADMIN = "127.0.0.1"
AUDIT = Audit("node", "test", "200")
LATER = "2026-11-22 09:20:05"


def advance_through(
    database: Database, order: Order, *states: OrderState, suspect: bool = False
) -> Order:
    """Move the order through these states, one minute each."""
    for minute, state in enumerate(states, 1):
        at = timestamps.add_seconds(order.ordered, 60 * minute)
        order = orders.advance(database, order, state, now=at, audit=AUDIT, suspect=suspect)
    return order


def metrics(service: HttpService, *names: str) -> dict[str, float]:
    """Return the numbers of these families that are not zero, by name and labels."""
    lines = service.get("/rocks/metrics", ADMIN).text.splitlines()
    numbers = (line.rpartition(" ") for line in lines if line.startswith(names))
    return {name: float(number) for name, _blank, number in numbers if float(number)}


def test_nodes_are_counted_by_rack_and_state(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert metrics(service, "rocks_nodes", "rocks_node_state") == {
        'rocks_nodes{membership="Compute"}': 4,
        'rocks_nodes{membership="Ethernet Switches"}': 1,
        'rocks_nodes{membership="Frontend"}': 1,
        'rocks_nodes{membership="NFS Server"}': 1,
        'rocks_nodes{membership="Web Server"}': 1,
        'rocks_node_state{rack="0",state="never"}': 4,
        'rocks_node_state{rack="0",state="ordered"}': 1,
        'rocks_node_state{rack="1",state="never"}': 1,
    }
    text = service.get("/rocks/metrics", ADMIN).text
    assert 'rocks_node_state{rack="1",state="up"} 0.0\n' in text


def test_the_longest_silence_of_a_live_order_is_exported(
    service: HttpService, cluster: Database, pin: Pin, order: Order
) -> None:
    (second,) = orders.create_orders(cluster, {"compute-0-1": pin}, by="root", now=LATER)
    assert second.order is not None
    advance_through(cluster, order, "installing")
    advance_through(cluster, second.order, "installing")
    last_report = timestamps.to_seconds(timestamps.add_seconds(NOW, 60))
    assert metrics(service, "rocks_order_heard") == {
        'rocks_order_heard_timestamp_seconds{rack="0",state="installing"}': last_report
    }


def test_a_failed_node_is_exported_until_it_is_ordered_again(
    service: HttpService, cluster: Database, pin: Pin, order: Order
) -> None:
    advance_through(cluster, order, "installing", "failed", suspect=True)
    assert metrics(service, "rocks_node_failed", "rocks_suspect") == {
        'rocks_node_failed{node="compute-0-0",rack="0"}': 1,
        "rocks_suspect_nodes": 1,
    }
    orders.create_orders(cluster, {"compute-0-0": pin}, by="root", now=LATER, rearm=True)
    assert metrics(service, "rocks_node_failed", "rocks_suspect") == {}
    assert metrics(service, "rocks_orders_ended") == {'rocks_orders_ended_total{state="failed"}': 1}


def test_an_installation_is_timed_from_its_kickstart_until_the_node_is_up(
    service: HttpService, cluster: Database, order: Order
) -> None:
    advance_through(cluster, order, "booted", "installing", "installed", "up")
    assert metrics(service, "rocks_install_seconds", "rocks_generation") == {
        'rocks_install_seconds{quantile="0.5"}': 120,
        'rocks_install_seconds{quantile="0.9"}': 120,
        'rocks_install_seconds{quantile="1"}': 120,
        "rocks_install_seconds_sum": 120,
        "rocks_install_seconds_count": 1,
        f'rocks_generation_nodes{{distribution="rocks",generation="{order.pin.generation}"}}': 1,
    }


@given(st.lists(st.integers(0, 1000), min_size=1), st.sampled_from(QUANTILES))
def test_a_quantile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[int], share: float
) -> None:
    values.sort()
    result = quantile(values, share)
    assert sum(value <= result for value in values) >= share * len(values)
    assert sum(value < result for value in values) < share * len(values)


def test_prometheus_reads_the_metrics(
    service: HttpService, cluster: Database, order: Order
) -> None:
    cluster.execute("update memberships set name = ? where name = 'Compute'", ('"\\\n',))
    response = service.get("/rocks/metrics", ADMIN)
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert families["rocks_orders_ended"].type == "counter"
    assert families["rocks_install_seconds"].type == "summary"
    assert families["rocks_nodes"].type == "gauge"
    assert '"\\\n' in [sample.labels["membership"] for sample in families["rocks_nodes"].samples]


def test_any_address_can_check_the_health(service: HttpService) -> None:
    assert service.get("/rocks/health", NODE).json() == {"database": "up"}


def test_maintenance_expires_orders_and_writes_the_metrics(
    service: HttpService, cluster: Database, order: Order, tmp_path: pathlib.Path
) -> None:
    textfile = tmp_path / "rocks.prom"
    late = timestamps.add_seconds(order.expires, 1)
    run_maintenance(service.settings, str(textfile), late)
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "expired"
    assert textfile.read_text(encoding="utf-8") == service.get("/rocks/metrics", ADMIN).text
    assert 'rocks_orders_ended_total{state="expired"} 1.0\n' in textfile.read_text(encoding="utf-8")


def test_maintenance_touches_an_unchanged_textfile(
    service: HttpService, order: Order, tmp_path: pathlib.Path
) -> None:
    textfile = tmp_path / "rocks.prom"
    run_maintenance(service.settings, str(textfile), NOW)
    os.utime(textfile, (0, 0))
    run_maintenance(service.settings, str(textfile), NOW)
    assert textfile.stat().st_mtime > 0


def test_maintenance_reports_a_missing_folder_or_database(
    service: HttpService, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(DescriptionError, match="cannot be written"):
        run_maintenance(service.settings, str(tmp_path / "none" / "rocks.prom"), NOW)
    with pytest.raises(NotFound, match="no such database"):
        run_maintenance(Settings(f"sqlite:///{tmp_path}/none/cluster.sqlite"), "", NOW)
