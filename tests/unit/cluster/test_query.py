"""A user's SQL reads, sees no secret, and ends (paper, 6.4: any SQL query, including joins)."""

from __future__ import annotations

import time

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import (
    QueryResult,
    first_word,
    select,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.secret_values import set_secret
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    Refused,
    RocksError,
)
from support.cluster import TABLE_II

COMPUTE = """select nodes.name from nodes,memberships where \
nodes.membership = memberships.id and \
memberships.name = 'Compute'"""
ENDLESS = "select count(*) from " + ", ".join(f"nodes n{number}" for number in range(14))


def test_the_papers_first_query_selects_cabinet_1(reader: Database) -> None:
    assert select(reader, "select name from nodes where rack=1") == QueryResult(
        ("name",), [("web-1-0",)]
    )


def test_the_papers_second_query_selects_the_compute_nodes(reader: Database) -> None:
    assert select(reader, COMPUTE).rows == [(f"compute-0-{rank}",) for rank in range(4)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        pytest.param("  SELECT 1 ;\n", [(1,)], id="semicolon"),
        pytest.param("-- a word\n/* and\nmore */ select 1", [(1,)], id="comments"),
        pytest.param(
            "with few as (select name from nodes where rack = 1) select * from few",
            [("web-1-0",)],
            id="with",
        ),
        pytest.param(
            "select count(*), sum(rack), avg(rack) from nodes", [(8, 1, 0.125)], id="sums"
        ),
        pytest.param("select 'é', null, 1.5", [("é", None, 1.5)], id="values"),
        pytest.param("select name from nodes where name = 'none'", [], id="nothing"),
        pytest.param(
            "select ip from nodes where mac = '00:30:c1:d8:ac:80'", [("10.1.1.1",)], id="as-printed"
        ),
        pytest.param(
            "select rank from nodes where name = 'compute-0-3'", [(3,)], id="rank-needs-no-quotes"
        ),
        pytest.param(
            "select name || '.local' from nodes where id = 8",
            [("web-1-0.local",)],
            id="joined-texts",
        ),
    ],
)
def test_a_query_gives_plain_values(reader: Database, sql: str, rows: list[object]) -> None:
    assert select(reader, sql).rows == rows


@pytest.mark.parametrize(
    "sql",
    [
        "delete from nodes",
        "insert into appliances (name) values ('x')",
        "update nodes set rack = 7",
        "drop table nodes",
        "create table t (i int)",
        "create temporary table t (i int)",
        "alter table nodes add x int",
        "truncate nodes",
        "grant all on *.* to reader",
        "set global read_only = 0",
        "pragma query_only = off",
        "attach database '/tmp/x' as x",
        "vacuum into '/tmp/x'",
        "begin",
        "commit",
        "lock tables nodes write",
        "load data infile '/etc/passwd' into table nodes",
        "do sleep(9)",
        "call x()",
        "begin not atomic delete from nodes; end",
        "/*!50000 delete from nodes */",
        "",
        ";",
        "-- nothing",
    ],
)
def test_what_does_not_begin_as_a_query_is_refused_in_one_sentence(
    reader: Database, sql: str
) -> None:
    with pytest.raises(Refused) as raised:
        select(reader, sql)
    assert "a query only reads; begin it with select, with, values" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("with gone as (select 1) delete from nodes", id="with-delete"),
        pytest.param("with n as (select 1) update nodes set rack = 7", id="with-update"),
        pytest.param(
            "with n as (select 1) insert into appliances (name) select 'x'", id="with-insert"
        ),
        pytest.param("select 1; delete from nodes", id="two-statements"),
        pytest.param("select 1; select 2", id="two-queries"),
        pytest.param("select name into outfile '/tmp/rocks-out' from nodes", id="outfile"),
        pytest.param("select load_extension('/tmp/x')", id="extension"),
        pytest.param("select * from nodes where", id="syntax"),
        pytest.param("select nme from nodes", id="unknown-column"),
        pytest.param("select * from moons", id="unknown-table"),
    ],
)
def test_what_hides_behind_a_query_is_refused_by_the_engine(
    reader: Database, table_ii: Database, sql: str
) -> None:
    with pytest.raises((Refused, DescriptionError)) as raised:
        select(reader, sql)
    assert str(raised.value).startswith(f"SQL {sql!r}: ") and "\n" not in str(raised.value)
    assert table_ii.rows(
        "select id, mac, name, membership, rack, `rank`, ip, comment from nodes order by id"
    ) == list(TABLE_II)


@pytest.mark.parametrize(
    "sql",
    [
        "select value from secrets",
        "select value from install_keys",
        "select count(*) from secrets",
        "select name from nodes where exists (select 1 from secrets where value like 's%')",
        "select nodes.name, s.value from nodes left join secrets s on s.node = nodes.id",
        "with s as (select * from secrets) select * from s",
    ],
)
def test_no_query_sees_a_secret(reader: Database, table_ii: Database, sql: str) -> None:
    set_secret(table_ii, "munge", "swordfish")
    with pytest.raises(RocksError) as raised:
        select(reader, sql)
    assert "swordfish" not in str(raised.value)
    assert "secrets cannot be queried" in str(raised.value)


def test_a_query_that_runs_too_long_is_stopped_and_the_connection_goes_on(reader: Database) -> None:
    started = time.monotonic()
    with pytest.raises(Refused) as raised:
        select(reader, ENDLESS, seconds=0.3)
    assert time.monotonic() - started < 5
    assert "the query took too long and was stopped" in str(raised.value)
    assert str(raised.value).endswith("; narrow it, or raise the time limit")
    assert select(reader, "select 1").rows == [(1,)]


def test_half_a_character_is_no_sql(reader: Database) -> None:
    with pytest.raises(DescriptionError) as raised:
        select(reader, "select '\udcff'")
    assert str(raised.value).isprintable() and "holds half a character" in str(raised.value)


@pytest.mark.parametrize(
    ("seconds", "limit"), [(0, 1), (-1, 1), (241, 1), (float("nan"), 1), (1, -1)]
)
def test_a_limit_that_is_none_is_refused(reader: Database, seconds: float, limit: int) -> None:
    with pytest.raises(DescriptionError) as raised:
        select(reader, "select 1", seconds=seconds, limit=limit)
    assert "seconds above 0 and at most 240" in str(raised.value)


def test_more_rows_than_wanted_are_an_error_not_a_shorter_answer(reader: Database) -> None:
    assert len(select(reader, "select name from nodes", limit=8).rows) == 8
    with pytest.raises(Refused) as raised:
        select(reader, "select name from nodes", limit=7)
    assert (
        str(raised.value)
        == "SQL 'select name from nodes': more than 7 rows; narrow it, or raise the limit"
    )
    assert select(reader, "select 1").rows == [(1,)]


def test_an_endless_answer_is_cut_at_the_limit(reader: Database) -> None:
    rows = "select n1.name from " + ", ".join(f"nodes n{number}" for number in range(1, 9))
    started = time.monotonic()
    with pytest.raises(Refused) as raised:
        select(reader, rows, limit=1000)
    assert time.monotonic() - started < 5
    assert "more than 1000 rows" in str(raised.value)
    assert select(reader, "select 1").rows == [(1,)]


def test_a_connection_that_can_write_runs_no_strangers_sql(table_ii: Database) -> None:
    with pytest.raises(Refused) as raised:
        select(table_ii, "select 1")
    assert (
        str(raised.value)
        == f"{table_ii.location.url}: this connection can write; open it with read_only=True"
    )


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("select 1", "select"),
        ("(( SELECT 1", "select"),
        ("# c\n-- d\n/* e */with", "with"),
        ("/* open", ""),
        ("1", ""),
        ("--", ""),
        ("-", ""),
    ],
)
def test_the_verb_stands_behind_blanks_comments_and_brackets(sql: str, word: str) -> None:
    assert first_word(sql) == word
