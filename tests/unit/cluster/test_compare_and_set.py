"""A compare-and-set with what follows from it: all of it or nothing, on its own and within a transaction."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict

MOVE = "update nodes set comment = ? where name = ? and comment = ?"
TELL = (
    "insert into audit (at, actor, action, decision, detail) values (?, 'root', 'test', 'done', ?)"
)
NOW = "2026-11-22 09:14:05"
WON = (MOVE, ("100% ?", "compute-0-0", "Compute node"))
LOST = (MOVE, ("other", "compute-0-0", "not this"))


def told(db: Database) -> list[str]:
    return [detail for (detail,) in db.rows("select detail from audit order by id")]


def comment(db: Database) -> str:
    row = db.row("select comment from nodes where name = 'compute-0-0'")
    return str(row[0]) if row else ""


def test_what_follows_happens_with_it(table_ii: Database) -> None:
    assert table_ii.compare_and_set(WON, (TELL, (NOW, "first; ?")), (TELL, (NOW, "it's %s")))
    assert comment(table_ii) == "100% ?"
    assert told(table_ii) == ["first; ?", "it's %s"]


def test_without_a_row_to_change_nothing_follows(table_ii: Database) -> None:
    assert not table_ii.compare_and_set(LOST, (TELL, (NOW, "never")))
    assert told(table_ii) == []


def test_what_cannot_follow_undoes_it(table_ii: Database) -> None:
    taken = ("insert into nodes (name, membership) values ('compute-0-1', 2)", ())
    with pytest.raises(Conflict):
        table_ii.compare_and_set(WON, (TELL, (NOW, "never")), taken)
    assert comment(table_ii) == "Compute node"
    assert told(table_ii) == []
    assert table_ii.compare_and_set(WON)


def test_within_a_transaction_it_is_a_part_of_that(table_ii: Database) -> None:
    with table_ii.transaction(dry_run=True):
        assert table_ii.compare_and_set(WON, (TELL, (NOW, "rehearsed")))
        assert not table_ii.compare_and_set(LOST)
        assert told(table_ii) == ["rehearsed"]
    assert comment(table_ii) == "Compute node"
    assert told(table_ii) == []
