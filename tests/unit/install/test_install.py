# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module rocks_install: cancel orders, and retry those that ended badly."""

from __future__ import annotations

import getpass

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order, Pin
from support.modules import run

NOW = "2026-11-22 09:14:05"
AUDIT = Audit("node", "failed", "200")
BOTH = ["compute-0-0", "compute-0-1"]


@pytest.fixture
def order(table_ii: Database, pin: Pin) -> Order:
    """compute-0-0 is ordered; compute-0-1 was never ordered."""
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="alice", now=NOW)
    assert verdict.order is not None
    return verdict.order


def state(database: Database, node: str = "compute-0-0") -> list[str]:
    (candidate,) = orders.load_candidates(database, [node])
    return [] if candidate.last is None else [candidate.last.state, candidate.last.reason]


def test_a_live_order_is_cancelled_and_a_second_run_changes_nothing(
    table_ii: Database, order: Order
) -> None:
    options = {
        "name": BOTH,
        "state": "cancelled",
        "reason": "no power",
        "database": table_ii.location.url,
    }
    result = run("rocks_install", options)
    reason = f"cancelled by {getpass.getuser()}: no power"
    assert (result["changed"], result["nodes"]) == (
        True,
        {
            "compute-0-0": {"changed": True, "state": "cancelled", "message": reason},
            "compute-0-1": {"changed": False, "state": "", "message": ""},
        },
    )
    assert result["diff"]["before"] == "compute-0-0: ordered\ncompute-0-1: never ordered\n"
    assert result["diff"]["after"] == "compute-0-0: cancelled\ncompute-0-1: never ordered\n"
    assert run("rocks_install", options)["changed"] is False


def test_check_mode_does_not_cancel_the_order(table_ii: Database, order: Order) -> None:
    result = run(
        "rocks_install", check=True, name=BOTH, state="cancelled", database=table_ii.location.url
    )
    assert result["nodes"]["compute-0-0"]["changed"] is True
    assert state(table_ii) == ["ordered", ""]


def test_a_failed_order_is_repeated_with_its_generation_and_a_second_run_changes_nothing(
    table_ii: Database, order: Order
) -> None:
    orders.fail(table_ii, [order], by="root", now=NOW, reason="no answer for 15 min")
    options = {"name": ["compute-0-0"], "state": "repeated", "database": table_ii.location.url}
    assert run("rocks_install", options)["nodes"]["compute-0-0"]["state"] == "ordered"
    (again,) = orders.list_live(table_ii)
    assert (again.pin, again.uuid != order.uuid) == (order.pin, True)
    assert run("rocks_install", options)["changed"] is False


def test_a_node_that_is_up_is_not_installed_again(table_ii: Database, order: Order) -> None:
    for step in ("installing", "installed", "up"):
        order = orders.advance(table_ii, order, step, now=NOW, audit=AUDIT)
    result = run(
        "rocks_install", name=["compute-0-0"], state="repeated", database=table_ii.location.url
    )
    assert (result["changed"], result["nodes"]["compute-0-0"]["message"]) == (
        False,
        "it runs generation 4c19e0b2aa17",
    )


def test_no_node_is_ordered_if_one_of_them_is_suspect(
    table_ii: Database, pin: Pin, order: Order
) -> None:
    orders.fail(table_ii, [order], by="root", now=NOW, reason="no answer")
    (verdict,) = orders.create_orders(table_ii, {"compute-0-1": pin}, by="alice", now=NOW)
    assert verdict.order is not None
    orders.advance(
        table_ii,
        verdict.order,
        "failed",
        now=NOW,
        audit=AUDIT,
        reason="suspect: requested twice",
        suspect=True,
    )
    options = {"name": BOTH, "state": "repeated", "database": table_ii.location.url}
    result = run("rocks_install", options)
    assert result["failed"] and "compute-0-1: suspect: requested twice" in result["msg"]
    assert state(table_ii) == ["failed", "no answer"]
    assert run("rocks_install", options, rearm=True)["changed"] is True


@pytest.mark.parametrize(
    ("node", "message"),
    [("compute-9-9", "no node 'compute-9-9'"), ("compute-0-1", "it was never ordered")],
)
def test_a_node_without_an_order_to_repeat_is_an_error(
    table_ii: Database, order: Order, node: str, message: str
) -> None:
    result = run(
        "rocks_install",
        name=["compute-0-0", node],
        state="repeated",
        database=table_ii.location.url,
    )
    assert result["failed"] and message in result["msg"]
