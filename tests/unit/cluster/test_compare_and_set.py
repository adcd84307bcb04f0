"""A compare-and-set and its follow-ups: all or nothing, alone and inside a transaction."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict

UPDATE = "update nodes set comment = ? where name = ? and comment = ?"
LOG = (
    "insert into audit (at, actor, action, decision, detail) values (?, 'root', 'test', 'done', ?)"
)
NOW = "2026-11-22 09:14:05"
MATCHING = (UPDATE, ("100% ?", "compute-0-0", "Compute node"))
NOT_MATCHING = (UPDATE, ("other", "compute-0-0", "not this"))


def audit_details(db: Database) -> list[str]:
    return [detail for (detail,) in db.rows("select detail from audit order by id")]


def comment(db: Database) -> str:
    row = db.row("select comment from nodes where name = 'compute-0-0'")
    return str(row[0]) if row else ""


def test_follow_ups_run_if_the_update_matches(table_ii: Database) -> None:
    assert table_ii.compare_and_set(MATCHING, (LOG, (NOW, "first; ?")), (LOG, (NOW, "it's %s")))
    assert comment(table_ii) == "100% ?"
    assert audit_details(table_ii) == ["first; ?", "it's %s"]


def test_follow_ups_do_not_run_if_the_update_matches_no_row(table_ii: Database) -> None:
    assert not table_ii.compare_and_set(NOT_MATCHING, (LOG, (NOW, "never")))
    assert audit_details(table_ii) == []


def test_a_failing_follow_up_rolls_back_the_update(table_ii: Database) -> None:
    duplicate = ("insert into nodes (name, membership) values ('compute-0-1', 2)", ())
    with pytest.raises(Conflict):
        table_ii.compare_and_set(MATCHING, (LOG, (NOW, "never")), duplicate)
    assert comment(table_ii) == "Compute node"
    assert audit_details(table_ii) == []
    assert table_ii.compare_and_set(MATCHING)


def test_inside_a_transaction_compare_and_set_is_part_of_it(table_ii: Database) -> None:
    with table_ii.transaction(dry_run=True):
        assert table_ii.compare_and_set(MATCHING, (LOG, (NOW, "dry run")))
        assert not table_ii.compare_and_set(NOT_MATCHING)
        assert audit_details(table_ii) == ["dry run"]
    assert comment(table_ii) == "Compute node"
    assert audit_details(table_ii) == []
