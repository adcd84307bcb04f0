# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare a node with its installation; tests/integration/install/test_verify.py queries a real
one."""

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

BASH = "bash-5.1.8-6.el9.x86_64"
NEWER = "bash-5.1.8-9.el9.x86_64"
NMAP = "nmap-3:7.92-1.el9.x86_64"
KERNELS = ["kernel-core-5.14.0-427.el9.x86_64", "kernel-core-5.14.0-503.el9.x86_64"]
NOW = "2026-11-22 09:14:05"


@pytest.fixture
def order(table_ii: Database, pin: Pin) -> Order:
    """compute-0-0 came up with bash and one kernel."""
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": pin}, by="root", now=NOW)
    advanced = verdict.order
    assert advanced is not None
    for state in ("booted", "installing", "installed", "up"):
        advanced = orders.advance(
            table_ii,
            advanced,
            state,
            now=NOW,
            audit=Audit("node", "event", "200"),
            manifest=manifest_digest([BASH, KERNELS[0]]),
        )
    return advanced


def report(order: Order, *packages: str, **other: Any) -> NodeReport:
    """A node that came up with bash and one kernel, and now has these packages."""
    return NodeReport(
        generation=order.pin.generation,
        profile=order.pin.profile,
        installed=[BASH, KERNELS[0]],
        packages=sorted(packages),
    )._replace(**other)


def test_a_node_with_its_installed_packages_has_the_state_same(order: Order) -> None:
    finding = compare(order, report(order, BASH, KERNELS[0]))
    assert finding == Finding(
        "compute-0-0", SAME, manifest=order.manifest, added=[], removed=[], changed=[]
    )


def test_a_finding_lists_added_removed_and_changed_packages(order: Order) -> None:
    finding = compare(order, report(order, NEWER, NMAP, *KERNELS))
    assert (finding.state, finding.message) == (DRIFTED, "2 added; 1 changed")
    assert finding.added == ["kernel-core-5.14.0-503.el9.x86_64", "nmap-3:7.92-1.el9.x86_64"]
    assert finding.changed == ["bash: 5.1.8-6.el9.x86_64 -> 5.1.8-9.el9.x86_64"]
    assert compare(order, report(order, BASH)).removed == ["kernel-core-5.14.0-427.el9.x86_64"]


def test_a_changed_file_of_a_package_is_drift(order: Order) -> None:
    finding = compare(order, report(order, BASH, KERNELS[0], files=["S.5......    /usr/bin/bash"]))
    assert (finding.state, finding.message) == (DRIFTED, "1 files")


def test_a_node_that_booted_another_disk_has_another_generation(order: Order) -> None:
    finding = compare(order, report(order, BASH, KERNELS[0], generation="0ld"))
    assert (finding.state, finding.message) == (
        DRIFTED,
        f"generation 0ld instead of {order.pin.generation}",
    )


def test_a_forged_list_of_installed_packages_has_another_hash(order: Order) -> None:
    forged = report(order, NEWER, KERNELS[0], installed=[NEWER, KERNELS[0]])
    finding = compare(order, forged)
    assert finding.state == DRIFTED
    assert "differs" in finding.message


lists = st.lists(st.sampled_from([BASH, NEWER, NMAP, *KERNELS]), unique=True).map(sorted)


@given(lists, lists)
def test_changes_are_empty_for_equal_lists_only_and_symmetric(
    before: list[str], now: list[str]
) -> None:
    forward = package_changes(before, now)
    backward = package_changes(now, before)
    assert any(forward) == (before != now)
    assert (forward.added, forward.removed) == (backward.removed, backward.added)


def test_the_inventory_shows_drift_until_the_packages_match_again(
    table_ii: Database, order: Order, urls: Urls
) -> None:
    def drifted() -> bool:
        with connect(urls.reader, read_only=True) as reader:
            return next(
                host.drifted
                for host in load_inventory(reader, {}).hosts
                if host.name == "compute-0-0"
            )

    assert not drifted()
    assert store_check(table_ii, order, manifest_digest([NEWER]), now=NOW)
    assert drifted()
    assert store_check(table_ii, order, order.manifest, now=NOW)
    assert not drifted()


def test_only_a_node_whose_last_order_is_up_can_be_compared(order: Order) -> None:
    assert "never installed" in not_comparable_reason(None)
    assert "failed" in not_comparable_reason(order._replace(state="failed"))
    assert not_comparable_reason(order) == ""


def test_an_incomplete_answer_is_an_error() -> None:
    def run(*_argv: object, **_options: object) -> ProgramResult:
        return ProgramResult(
            0, "\n==rocks== generation\n4c19e0b2\n==rocks== packages\nbash-", "", 0.0
        )

    with pytest.raises(CommandError, match=r"compute-0-0: .*incomplete"):
        query_node(BootTarget("compute-0-0", "10.255.255.245", {}), run=run)
