# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a live node has beside what was installed; tests/integration/install/test_verify.py asks a real one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import load_inventory
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.drift import (
    DRIFTED,
    SAME,
    Finding,
    NodeReport,
    compare,
    manifest_digest,
    not_comparable_reason,
    package_changes,
    store_check,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.ssh_query import query_node
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support.cluster import Urls

BASH, NEWER, NMAP = "bash-5.1.8-6.el9.x86_64", "bash-5.1.8-9.el9.x86_64", "nmap-3:7.92-1.el9.x86_64"
KERNELS = ["kernel-core-5.14.0-427.el9.x86_64", "kernel-core-5.14.0-503.el9.x86_64"]
NOW = "2026-11-22 09:14:05"


@pytest.fixture
def order(table_ii: Database, pin: Pin) -> Order:
    """compute-0-0 came up with bash and one kernel."""
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW)
    one = verdict.order
    assert one is not None
    for state in ("booted", "installing", "installed", "up"):
        one = orders.advance(
            table_ii,
            one,
            state,
            now=NOW,
            audit=Audit("node", "event", "200"),
            manifest=manifest_digest([BASH, KERNELS[0]]),
        )
    return one


def said(order: Order, *packages: str, **other: Any) -> NodeReport:
    """What a node says that came up with bash and one kernel, and has these now."""
    return NodeReport(
        order.pin.generation, order.pin.profile, [BASH, KERNELS[0]], sorted(packages)
    )._replace(**other)


def test_a_node_with_the_packages_that_it_came_up_with_is_the_same(order: Order) -> None:
    found = compare(order, said(order, BASH, KERNELS[0]))
    assert found == Finding(
        "compute-0-0", SAME, manifest=order.manifest, added=[], removed=[], changed=[]
    )


def test_what_differs_is_named(order: Order) -> None:
    found = compare(order, said(order, NEWER, NMAP, *KERNELS))
    assert (found.state, found.message) == (DRIFTED, "2 added; 1 changed")
    assert found.added == ["kernel-core-5.14.0-503.el9.x86_64", "nmap-3:7.92-1.el9.x86_64"]
    assert found.changed == ["bash: 5.1.8-6.el9.x86_64 -> 5.1.8-9.el9.x86_64"]
    assert compare(order, said(order, BASH)).removed == ["kernel-core-5.14.0-427.el9.x86_64"]


def test_a_changed_file_of_a_package_is_drift(order: Order) -> None:
    found = compare(order, said(order, BASH, KERNELS[0], files=["S.5......    /usr/bin/bash"]))
    assert (found.state, found.message) == (DRIFTED, "1 files")


def test_a_node_that_booted_another_disk_is_told_by_its_generation(order: Order) -> None:
    found = compare(order, said(order, BASH, KERNELS[0], generation="0ld"))
    assert (found.state, found.message) == (
        DRIFTED,
        f"generation 0ld instead of {order.pin.generation}",
    )


def test_a_list_that_was_changed_with_the_packages_is_caught_by_its_hash(order: Order) -> None:
    forged = said(order, NEWER, KERNELS[0], installed=[NEWER, KERNELS[0]])
    assert (
        compare(order, forged).message
        == "its list of what was installed is not the one that it reported"
    )


lists = st.lists(st.sampled_from([BASH, NEWER, NMAP, *KERNELS]), unique=True).map(sorted)


@given(lists, lists)
def test_the_difference_is_empty_exactly_for_equal_lists_and_symmetric(
    before: list[str], now: list[str]
) -> None:
    there, back = package_changes(before, now), package_changes(now, before)
    assert any(there) == (before != now)
    assert (there[0], there[1]) == (back[1], back[0])


def test_the_inventory_tells_a_drifted_node_until_it_is_as_it_was(
    table_ii: Database, order: Order, urls: Urls
) -> None:
    def drifted() -> bool:
        with connect(urls.reader, read_only=True) as reader:
            return next(
                one.drifted for one in load_inventory(reader, {}).hosts if one.name == "compute-0-0"
            )

    assert not drifted()
    assert store_check(table_ii, order, manifest_digest([NEWER]), now=NOW)
    assert drifted()
    assert store_check(table_ii, order, order.manifest, now=NOW)
    assert not drifted()


def test_only_a_node_that_is_up_has_something_to_be_compared_with(order: Order) -> None:
    assert not_comparable_reason("compute-0-1", None) == "it was never installed by an order"
    assert (
        not_comparable_reason("compute-0-0", order._replace(state="failed"))
        == "its last install order is failed"
    )
    assert not_comparable_reason("compute-0-0", order) == ""


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    def run(*_argv: object, **_options: object) -> ProgramResult:
        return ProgramResult(
            0, "\n==rocks== generation\n4c19e0b2\n==rocks== packages\nbash-", "", 0.0
        )

    with pytest.raises(CommandError, match="compute-0-0: the node's answer is cut off"):
        query_node(BootTarget("compute-0-0", "10.255.255.245", {}), run=run)
