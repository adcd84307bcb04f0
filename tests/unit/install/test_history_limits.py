"""Old rows of the audit and of events are removed, and nothing that is still needed."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import history_limits
from ansible_collections.npaci.rocks.plugins.module_utils.install.history_limits import (
    HistoryLimits,
    Removed,
    prune_history,
)

NOW = "2026-11-22 09:14:05"
YEARS_AGO = "2024-01-01 00:00:00"
ADD_ORDER = (
    "insert into installs (id, uuid, node, state, live, distribution, arch, generation, profile,"
    " ordered_by, ordered, expires, changed) values (?, ?, ?, ?, ?, 'rocks', 'x86_64', 'g', 'p',"
    " 'root', ?, ?, ?)"
)
ADD_EVENT = "insert into install_events (install, at, state, phase) values (?, ?, ?, ?)"
ADD_AUDIT = "insert into audit (at, actor, action, decision) values (?, 'node', 'boot', '409')"


def add_order(db: Database, number: int, node: int, state: str, changed: str) -> None:
    live = 1 if state in ("ordered", "booted", "installing", "installed") else None
    db.execute(ADD_ORDER, (number, str(number), node, state, live, changed, changed, changed))
    db.execute(ADD_EVENT, (number, changed, "ordered", ""))
    db.execute(ADD_EVENT, (number, changed, "", "packages"))


def events(db: Database) -> list[tuple[int, str]]:
    return [
        (int(row[0]), str(row[1]))
        for row in db.rows("select install, phase from install_events order by id")
    ]


def test_progress_of_ended_orders_is_removed_and_their_states_stay(table_ii: Database) -> None:
    add_order(table_ii, 1, 4, "up", YEARS_AGO)
    add_order(table_ii, 2, 4, "up", NOW)
    assert prune_history(table_ii, now=NOW) == Removed(0, 1)
    assert events(table_ii) == [(1, ""), (2, ""), (2, "packages")]


def test_the_last_order_of_a_node_and_a_live_one_keep_their_events(table_ii: Database) -> None:
    add_order(table_ii, 1, 4, "up", YEARS_AGO)
    add_order(table_ii, 2, 5, "installing", YEARS_AGO)
    assert prune_history(table_ii, now=NOW).events == 0


def test_an_order_keeps_its_newest_events(table_ii: Database) -> None:
    """Root on a node can report for ever."""
    add_order(table_ii, 1, 4, "installing", NOW)
    for number in range(20):
        table_ii.execute(ADD_EVENT, (1, NOW, "", f"step {number}"))
    assert prune_history(table_ii, now=NOW, limits=HistoryLimits(events_of_order=3)).events == 18
    assert events(table_ii) == [(1, ""), (1, "step 17"), (1, "step 18"), (1, "step 19")]


def test_the_audit_is_limited_by_age_and_by_size(table_ii: Database) -> None:
    for at in (YEARS_AGO, YEARS_AGO, NOW, NOW, NOW):
        table_ii.execute(ADD_AUDIT, (at,))
    assert prune_history(table_ii, now=NOW).audit == 2
    assert prune_history(table_ii, now=NOW, limits=HistoryLimits(audit_rows=1)).audit == 2
    assert table_ii.rows("select count(*) from audit") == [(1,)]


def test_one_address_does_not_displace_the_rows_of_others(table_ii: Database) -> None:
    add = (
        "insert into audit (at, actor, action, decision, address, install)"
        " values (?, 'node', ?, ?, ?, ?)"
    )
    table_ii.execute(add, (NOW, "secrets", "200", "10.0.0.1", "order"))
    table_ii.execute(add, (NOW, "boot", "404", "10.0.0.2", ""))
    for _ in range(20):
        table_ii.execute(add, (NOW, "kickstart", "409", "10.0.0.1", ""))
    limits = HistoryLimits(audit_rows_of_address=5)
    assert prune_history(table_ii, now=NOW, limits=limits).audit == 15
    rows = table_ii.rows("select action, count(*) from audit group by action order by action")
    assert rows == [("boot", 1), ("kickstart", 5), ("secrets", 1)]


def test_many_rows_are_removed_in_small_transactions(
    table_ii: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_limits, "CHUNK", 3)
    table_ii.execute_many(ADD_AUDIT, [(YEARS_AGO,)] * 10)
    assert prune_history(table_ii, now=NOW).audit == 10
