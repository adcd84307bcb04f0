# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A power failure reinstalls nodes once, in small waves, if the site enables it (paper, 6.3)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.commands import reinstall_unclean
from ansible_collections.npaci.rocks.plugins.module_utils.commands.reinstall_unclean import (
    select_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import order_history, orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.rollout import Step
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.waves import (
    WaveRules,
    plan_waves,
)
from support.cluster import Urls

NOW = "2026-11-22 09:14:05"
NODES = ["compute-0-0", "compute-0-1"]


def up(database: Database, node: str, pin: Pin) -> Order:
    """Install a node, and return its order."""
    (verdict,) = orders.create_orders(database, {node: pin}, by="root", now=NOW, force=True)
    order = verdict.order
    assert order is not None
    for state in ("booted", "installing", "installed", "up"):
        order = orders.advance(database, order, state, now=NOW, audit=Audit("node", "event", "200"))
    return order


@pytest.fixture
def reported(table_ii: Database, pin: Pin) -> Database:
    """The site enables the rule, and two of three installed nodes have reported a power failure."""
    for node in NODES:
        order_history.add_note(
            table_ii, up(table_ii, node, pin), order_history.UNCLEAN, "", now=NOW
        )
    up(table_ii, "compute-0-2", pin)
    set_attribute(table_ii, "yes")
    return table_ii


def set_attribute(database: Database, value: str) -> None:
    database.execute("delete from attributes where name = ?", (reinstall_unclean.ATTRIBUTE,))
    insert = "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)"
    database.execute(insert, (reinstall_unclean.ATTRIBUTE, value))


def test_nodes_that_reported_an_unclean_boot_are_selected(reported: Database) -> None:
    assert select_nodes(reported) == NODES


@pytest.mark.parametrize("value", ["no", ""])
def test_no_node_is_selected_if_the_attribute_is_not_true(reported: Database, value: str) -> None:
    set_attribute(reported, value)
    assert select_nodes(reported) == []


def test_a_node_can_be_excluded(reported: Database) -> None:
    insert = (
        "insert into attributes (scope, node, owner, name, value)"
        " select 'node', id, id, ?, 'no' from nodes where name = ?"
    )
    reported.execute(insert, (reinstall_unclean.ATTRIBUTE, NODES[0]))
    assert select_nodes(reported) == NODES[1:]


def test_a_node_is_not_selected_after_a_new_order_even_if_it_failed(
    reported: Database, pin: Pin
) -> None:
    up(reported, NODES[0], pin)
    (verdict,) = orders.create_orders(reported, {NODES[1]: pin}, by="root", now=NOW, force=True)
    assert verdict.order is not None
    orders.fail(reported, [verdict.order], by="root", now=NOW, reason="no power")
    assert select_nodes(reported) == []


def test_the_nodes_are_reinstalled_in_small_waves(
    reported: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[dict[str, Any], list[str]]] = []

    def reinstall(options: dict[str, Any], names: list[str], dry_run: bool) -> list[Step]:
        calls.append((options, names))
        return [Step(name, "up") for name in names]

    monkeypatch.setenv("ROCKS_DATABASE", urls.administrator)
    monkeypatch.setattr(reinstall_unclean, "reinstall", reinstall)
    assert reinstall_unclean.main(["slurm"]) == 0
    ((options, names),) = calls
    assert (names, options["scheduler"], options["force"]) == (NODES, "slurm", True)
    rules = WaveRules(canary=options["canary"], sizes=tuple(options["serial"]))
    waves = plan_waves([str(number) for number in range(1000)], rules)
    assert [len(wave) for wave in waves][:3] == [1, 16, 16]
