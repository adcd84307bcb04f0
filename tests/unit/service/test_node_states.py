"""Silent, behind and drifted nodes: the same in the database, metrics, pages and inventory."""

from __future__ import annotations

import json
from typing import Iterable

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import (
    Inventory,
    load_inventory,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_conditions import (
    PROBE_SECONDS,
    SILENT_SECONDS,
    load_conditions,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.commands.maintenance import (
    run_maintenance,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.timestamps import add_seconds
from support.frontend import NOW, HttpService

NODE = "compute-0-0"
ADDRESS = "10.255.255.245"
VIEWER = "127.0.0.1"
MINUTE = 60


@pytest.fixture
def up(cluster: Database, service: HttpService, pin: Pin) -> Order:
    """compute-0-0 was installed at NOW."""
    (verdict,) = orders.create_orders(cluster, {NODE: pin}, by="root", now=NOW)
    order = verdict.order
    assert order is not None
    service.start_installer(ADDRESS, order.uuid)
    report = {"profile": pin.profile, "generation": pin.generation, "manifest": "m1"}
    for phase in ("installed", "up"):
        assert service.post("/rocks/events", ADDRESS, order=order.uuid, phase=phase, **report)
    return order


def run_minutes(service: HttpService, start: str, minutes: int, answers: bool) -> str:
    """Run the maintenance every minute, with machines that answer or not; return the last time."""
    probed: list[str] = []

    def probe(addresses: Iterable[str]) -> set[str]:
        probed.extend(addresses)
        return set(addresses) if answers else set()

    now = start
    for number in range(minutes):
        now = add_seconds(start, number * MINUTE)
        run_maintenance(service.settings, "", now, probe)
    rounds = minutes * MINUTE // PROBE_SECONDS
    assert probed == [ADDRESS] * rounds
    return now


def conditions(db: Database, now: str) -> dict[str, tuple[str, ...]]:
    names: dict[int, str] = dict(db.rows("select id, name from nodes"))
    return {names[node]: row.names for node, row in load_conditions(db, now).items()}


def test_a_node_that_never_answers_is_silent_and_is_alive_as_soon_as_it_does(
    up: Order, cluster: Database, service: HttpService
) -> None:
    assert conditions(cluster, NOW) == {NODE: ()}
    now = run_minutes(service, NOW, 10, answers=False)
    assert conditions(cluster, now) == {NODE: ()}
    now = add_seconds(NOW, SILENT_SECONDS + 1)
    assert conditions(cluster, now) == {NODE: ("silent",)}
    now = run_minutes(service, now, 5, answers=True)
    assert conditions(cluster, now) == {NODE: ()}


def test_a_report_of_the_node_is_an_answer(
    up: Order, cluster: Database, service: HttpService
) -> None:
    service.now = add_seconds(NOW, SILENT_SECONDS)
    report = {"order": up.uuid, "phase": "packages", "manifest": "m2"}
    assert service.post("/rocks/events", ADDRESS, **report).status == 200
    assert conditions(cluster, add_seconds(NOW, SILENT_SECONDS + 1)) == {NODE: ("drifted",)}


def test_only_nodes_that_are_up_have_a_condition(
    up: Order, cluster: Database, service: HttpService, pin: Pin
) -> None:
    orders.create_orders(cluster, {NODE: pin}, by="root", now=NOW, force=True)
    assert conditions(cluster, add_seconds(NOW, SILENT_SECONDS + 1)) == {}


def test_a_node_is_behind_while_a_reinstallation_would_change_it(
    up: Order, cluster: Database, service: HttpService
) -> None:
    set_attribute(cluster, "timezone", "CET")
    now = run_minutes(service, NOW, 5, answers=True)
    (row,) = [row for row in load_conditions(cluster, now).values() if row.behind]
    assert row.behind == ("timezone: UTC -> CET",) and row.names == ("behind",)
    page = service.get(f"/rocks/nodes/{NODE}", VIEWER).text
    assert "timezone: UTC -&gt; CET" in page
    set_attribute(cluster, "timezone", "UTC")
    now = run_minutes(service, add_seconds(now, MINUTE), 5, answers=True)
    assert conditions(cluster, now) == {NODE: ()}


def test_metrics_status_and_pages_agree(up: Order, cluster: Database, service: HttpService) -> None:
    set_attribute(cluster, "timezone", "CET")
    run_minutes(service, NOW, 5, answers=True)
    service.now = add_seconds(NOW, 2 * SILENT_SECONDS)

    metrics = service.get("/rocks/metrics", VIEWER).text
    assert 'rocks_node_condition{condition="silent",rack="0"} 1.0' in metrics
    assert 'rocks_node_condition{condition="behind",rack="0"} 1.0' in metrics
    assert 'rocks_node_condition{condition="drifted",rack="0"} 0.0' in metrics
    status = json.loads(service.get("/rocks/status", VIEWER).text)
    (node,) = [row for row in status["nodes"] if row["name"] == NODE]
    assert node["conditions"] == ["silent", "behind"]
    page = service.get("/", VIEWER).text
    assert '<button type="button" data-state="silent" aria-pressed="false"><b>1</b>' in page
    assert '<button type="button" data-state="up" aria-pressed="false" hidden><b>0</b>' in page


def test_the_page_learns_of_a_node_that_has_become_silent(
    up: Order, cluster: Database, service: HttpService
) -> None:
    now = run_minutes(service, NOW, 5, answers=True)
    heard = load_conditions(cluster, now).popitem()[1].heard
    first = json.loads(service.get("/rocks/status", VIEWER).text)
    service.now = add_seconds(heard, SILENT_SECONDS + 1)
    since = add_seconds(service.now, -3).replace(" ", "%20")
    path = f"/rocks/status?since={since}&revision={first['revision']}"
    update = json.loads(service.get(path, VIEWER).text)
    assert not update["whole"]
    assert [(row["name"], row["conditions"]) for row in update["nodes"]] == [(NODE, ["silent"])]


def test_the_inventory_has_the_conditions_also_from_its_cache(
    up: Order, cluster: Database, service: HttpService
) -> None:
    set_attribute(cluster, "timezone", "CET")
    run_minutes(service, NOW, 5, answers=True)
    with_cache = load_inventory(cluster, {})
    (host,) = [host for host in with_cache.hosts if host.name == NODE]
    assert host.behind == ("timezone: UTC -> CET",) and "behind" in host.conditions
    assert Inventory.from_data(json.loads(json.dumps(with_cache.to_data()))) == with_cache
