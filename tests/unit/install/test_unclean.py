# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A hard power cycle reinstalls a node (paper, 6.3) where the site says so, once, a few nodes at a time."""

from __future__ import annotations

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
    """The order by which a node came up."""
    (verdict,) = orders.create_orders(database, {node: pin}, by="root", now=NOW, force=True)
    order = verdict.order
    assert order is not None
    for state in ("booted", "installing", "installed", "up"):
        order = orders.advance(database, order, state, now=NOW, audit=Audit("node", "event", "200"))
    return order


@pytest.fixture
def told(table_ii: Database, pin: Pin) -> Database:
    """Two nodes that were up lost their power, and said so; the site wants the paper's rule."""
    for node in NODES:
        order_history.add_note(
            table_ii, up(table_ii, node, pin), order_history.UNCLEAN, "", now=NOW
        )
    up(table_ii, "compute-0-2", pin)
    want(table_ii, "yes")
    return table_ii


def want(database: Database, value: str) -> None:
    database.execute("delete from attributes where name = ?", (reinstall_unclean.ATTRIBUTE,))
    said = "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)"
    database.execute(said, (reinstall_unclean.ATTRIBUTE, value))


def test_the_nodes_that_told_of_it_are_wanted(told: Database) -> None:
    assert select_nodes(told) == NODES


@pytest.mark.parametrize("value", ["no", ""])
def test_a_site_that_does_not_want_it_keeps_its_nodes(told: Database, value: str) -> None:
    want(told, value)
    assert select_nodes(told) == []


def test_one_node_may_be_excepted(told: Database) -> None:
    said = "insert into attributes (scope, node, owner, name, value) select 'node', id, id, ?, 'no' from nodes where name = ?"
    told.execute(said, (reinstall_unclean.ATTRIBUTE, NODES[0]))
    assert select_nodes(told) == NODES[1:]


def test_a_new_order_ends_it_even_when_it_fails(told: Database, pin: Pin) -> None:
    up(told, NODES[0], pin)
    (verdict,) = orders.create_orders(told, {NODES[1]: pin}, by="root", now=NOW, force=True)
    assert verdict.order is not None
    orders.fail(told, [verdict.order], by="root", now=NOW, reason="no power")
    assert select_nodes(told) == []


def test_they_are_paced(told: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[dict[str, object], list[str]]] = []

    def reinstall(options: dict[str, object], names: list[str], check: bool) -> list[Step]:
        given.append((options, names))
        return [Step(name, "up") for name in names]

    monkeypatch.setenv("ROCKS_DATABASE", urls.administrator)
    monkeypatch.setattr(reinstall_unclean, "reinstall", reinstall)
    assert reinstall_unclean.main(["slurm"]) == 0
    ((options, names),) = given
    assert (names, options["scheduler"], options["force"]) == (NODES, "slurm", True)
    rules = WaveRules(
        canary=int(str(options["canary"])), sizes=tuple(reinstall_unclean.WAVE_OPTIONS["serial"])
    )  # type: ignore[arg-type]
    assert [len(wave) for wave in plan_waves([str(number) for number in range(1000)], rules)][
        :3
    ] == [
        1,
        16,
        16,
    ]
