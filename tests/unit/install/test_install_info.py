"""rocks_install_info: what became of orders, as an administrator asks for it."""

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
    made = orders.create_orders(
        table_ii, {"compute-0-0": pin, "compute-0-1": pin}, by="alice", now=NOW
    )
    order = made[0].order
    assert order is not None
    order = orders.advance(table_ii, order, "installing", now="2026-11-22 09:15:05", audit=AUDIT)
    order_history.record_progress(
        table_ii,
        [(order, Progress("install", 133, 400, "Installing bash"))],
        now="2026-11-22 09:16:05",
    )
    return orders.advance(
        table_ii, order, "failed", now="2026-11-22 09:19:05", audit=AUDIT, reason="no space left",
        progress=Progress("", log="==> /tmp/storage.log\nENOSPC"),
    )  # fmt: skip


def test_a_failure_is_told_with_its_phase_its_times_and_its_last_lines(
    failed: Order, table_ii: Database
) -> None:
    (told,) = run("rocks_install_info", state=["failed"], database=table_ii.location.url)[
        "installs"
    ]
    assert (told["node"], told["reason"], told["by"], told["generation"]) == (
        "compute-0-0", "no space left", "alice", failed.pin.generation,
    )  # fmt: skip
    assert (told["phase"], told["done"], told["total"]) == ("install", 133, 400)
    assert told["seconds"] == {"ordered": 60, "installing": 60, "install": 180, "failed": 0}
    assert told["events"][-1]["log"] == "==> /tmp/storage.log\nENOSPC"


def test_all_nodes_are_told_sorted_and_only_the_last_order_of_each(
    failed: Order, table_ii: Database, pin: Pin
) -> None:
    orders.retry(table_ii, ["compute-0-0"], by="bob", now=NOW)
    told = run("rocks_install_info", database=table_ii.location.url)["installs"]
    assert [(one["node"], one["by"], one["state"]) for one in told] == [
        ("compute-0-0", "bob", "ordered"),
        ("compute-0-1", "alice", "ordered"),
    ]
    history = run(
        "rocks_install_info", name=["compute-0-0"], limit=5, database=table_ii.location.url
    )["installs"]
    assert [one["state"] for one in history] == ["ordered", "failed"]


def test_the_audit_says_who_asked_for_what(failed: Order, table_ii: Database) -> None:
    told = run("rocks_install_info", name=["compute-0-0"], audit=2, database=table_ii.location.url)[
        "audit"
    ]
    (last, before) = told["compute-0-0"]
    assert (last["action"], last["address"], last["detail"]) == (
        "failed", "10.255.255.245", "installing -> failed: no space left",
    )  # fmt: skip
    assert before["detail"] == "ordered -> installing"


def test_a_node_that_is_none_is_an_error(table_ii: Database) -> None:
    told = run("rocks_install_info", name=["compute-9-9"], database=table_ii.location.url)
    assert told["failed"] and "compute-9-9" in told["msg"]
