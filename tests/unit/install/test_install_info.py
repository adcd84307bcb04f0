"""The module rocks_install_info: orders, their history and the audit."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import order_history, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import (
    Audit,
    Order,
    Pin,
    Progress,
)
from support.modules import run

NOW = "2026-11-22 09:14:05"
AUDIT = Audit("node", "failed", "200", address="10.255.255.245", port=700)


@pytest.fixture
def failed(table_ii: Database, pin: Pin) -> Order:
    """compute-0-0 failed, compute-0-1 is ordered."""
    verdicts = orders.create_orders(
        table_ii, {"compute-0-0": pin, "compute-0-1": pin}, by="alice", now=NOW
    )
    order = verdicts[0].order
    assert order is not None
    order = orders.advance(table_ii, order, "installing", now="2026-11-22 09:15:05", audit=AUDIT)
    order_history.record_progress(
        table_ii,
        order,
        [Progress("install", 133, 400, "Installing bash")],
        now="2026-11-22 09:16:05",
    )
    return orders.advance(
        table_ii, order, "failed", now="2026-11-22 09:19:05", audit=AUDIT, reason="no space left",
        progress=Progress("", log="==> /tmp/storage.log\nENOSPC"),
    )  # fmt: skip


def test_a_failed_order_has_its_phase_its_times_and_its_last_log_lines(
    failed: Order, table_ii: Database
) -> None:
    (result,) = run("rocks_install_info", state=["failed"], database=table_ii.location.url)[
        "installs"
    ]
    assert (result["node"], result["reason"], result["by"], result["generation"]) == (
        "compute-0-0", "no space left", "alice", failed.pin.generation,
    )  # fmt: skip
    assert (result["phase"], result["done"], result["total"]) == ("install", 133, 400)
    assert result["seconds"] == {"ordered": 60, "installing": 60, "install": 180, "failed": 0}
    assert result["events"][-1]["log"] == "==> /tmp/storage.log\nENOSPC"


def test_the_default_is_the_last_order_of_every_node_sorted_by_node(
    failed: Order, table_ii: Database, pin: Pin
) -> None:
    orders.retry(table_ii, ["compute-0-0"], by="bob", now=NOW)
    result = run("rocks_install_info", database=table_ii.location.url)["installs"]
    assert [(order["node"], order["by"], order["state"]) for order in result] == [
        ("compute-0-0", "bob", "ordered"),
        ("compute-0-1", "alice", "ordered"),
    ]
    history = run(
        "rocks_install_info", name=["compute-0-0"], limit=5, database=table_ii.location.url
    )["installs"]
    assert [order["state"] for order in history] == ["ordered", "failed"]


def test_the_audit_lists_requests_with_addresses(failed: Order, table_ii: Database) -> None:
    result = run(
        "rocks_install_info", name=["compute-0-0"], audit=2, database=table_ii.location.url
    )["audit"]
    (last, before) = result["compute-0-0"]
    assert (last["action"], last["address"], last["detail"]) == (
        "failed", "10.255.255.245", "installing -> failed: no space left",
    )  # fmt: skip
    assert before["detail"] == "ordered -> installing"


def test_an_unknown_node_is_an_error(table_ii: Database) -> None:
    result = run("rocks_install_info", name=["compute-9-9"], database=table_ii.location.url)
    assert result["failed"] and "compute-9-9" in result["msg"]
