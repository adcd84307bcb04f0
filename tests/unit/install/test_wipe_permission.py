# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The permission to delete the data on disks, before and after the installer has looked at them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.service.web.failure_advice import advise
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.insert_ethers import (
    argument_spec,
    disk_notice,
)
from support.modules import run

NOW = "2026-11-22 09:14:05"
NODES = ["compute-0-0", "compute-0-1"]
DISKS = "%pre partition failed with exit status 1: 1 disk required, 0 usable: sda contains ntfs"


def order(database: Database, name: str, pin: Pin) -> Order:
    (verdict,) = orders.create_orders(database, {name: pin}, by="alice", now=NOW)
    assert verdict.order is not None
    return verdict.order


def advance(database: Database, current: Order, *states: Any, reason: str = "") -> Order:
    audit = Audit("node", "event", "200")
    for state in states:
        current = orders.advance(database, current, state, now=NOW, audit=audit, reason=reason)
    return current


def last(database: Database, name: str) -> Order:
    (candidate,) = orders.load_candidates(database, [name])
    assert candidate.last is not None
    return candidate.last


def permit(database: Database, *names: str, check: bool = False) -> dict[str, Any]:
    return run(
        "rocks_install",
        name=list(names),
        state="wipe_permitted",
        database=database.location.url,
        check=check,
    )


def test_a_stopped_installation_is_ordered_again_and_its_disks_are_shown(
    table_ii: Database, pin: Pin
) -> None:
    advance(
        table_ii, order(table_ii, NODES[0], pin), "booted", "installing", "failed", reason=DISKS
    )
    advance(table_ii, order(table_ii, NODES[1], pin), "booted")

    checked = permit(table_ii, *NODES, check=True)
    assert last(table_ii, NODES[0]).state == "failed" and not last(table_ii, NODES[1]).wipe
    result = permit(table_ii, *NODES)

    assert result["nodes"] == checked["nodes"] and result["changed"]
    assert "sda contains ntfs" in result["nodes"][NODES[0]]["message"]
    assert [last(table_ii, name).wipe for name in NODES] == [True, True]
    assert [last(table_ii, name).state for name in NODES] == ["ordered", "booted"]
    assert last(table_ii, NODES[0]).pin == pin
    assert not permit(table_ii, *NODES)["changed"]


@pytest.mark.parametrize(
    "states", [(), ("booted", "installing"), ("booted", "installing", "failed")]
)
def test_any_other_node_is_refused_and_nothing_is_permitted(
    table_ii: Database, pin: Pin, states: tuple[str, ...]
) -> None:
    order(table_ii, NODES[1], pin)
    if states:
        advance(table_ii, order(table_ii, NODES[0], pin), *states, reason="no space left")
    result = permit(table_ii, NODES[1], NODES[0])
    assert result["failed"] and NODES[0] in result["msg"]
    assert not last(table_ii, NODES[1]).wipe


def test_insert_ethers_states_what_happens_to_data_on_disks() -> None:
    defaults = {name: option.get("default") for name, option in argument_spec().items()}
    assert "wipe=true" in disk_notice(defaults) and "wipe_permitted" in disk_notice(defaults)
    assert "delete the data" in disk_notice({**defaults, "wipe": True})
    assert disk_notice({**defaults, "install": False}) == ""
    assert disk_notice({**defaults, "remove": ["compute-0-0"]}) == ""


def test_the_page_shows_the_command_only_where_it_helps() -> None:
    assert "wipe_permitted" in advise(DISKS).command
    too_small = "%pre partition failed with exit status 1: 1 disk required, 0 usable: sda has 9 MiB"
    assert "wipe_permitted" not in advise(too_small).command
