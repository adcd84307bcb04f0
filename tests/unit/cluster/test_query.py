"""Users' SQL reads, sees no secret, and has limits (paper, 6.4: any query, including joins)."""

from __future__ import annotations

import time

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import (
    QueryResult,
    first_word,
    select,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
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


def test_the_first_query_of_the_paper_selects_rack_1(reader: Database) -> None:
    assert select(reader, "select name from nodes where rack=1") == QueryResult(
        ("name",), [("web-1-0",)]
    )


def test_the_second_query_of_the_paper_selects_the_compute_nodes(reader: Database) -> None:
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
def test_a_query_returns_plain_values(reader: Database, sql: str, rows: list[object]) -> None:
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
def test_a_statement_that_does_not_begin_like_a_query_is_refused(
    reader: Database, sql: str
) -> None:
    with pytest.raises(Refused, match="select, with, values") as raised:
        select(reader, sql)
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
def test_the_engine_refuses_writes_hidden_in_a_query(
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
def test_no_query_returns_a_secret(reader: Database, table_ii: Database, sql: str) -> None:
    set_secret(table_ii, "munge", "swordfish")
    with pytest.raises(RocksError) as raised:
        select(reader, sql)
    assert "swordfish" not in str(raised.value)
    assert "secrets cannot be queried" in str(raised.value)


def test_a_query_over_its_time_limit_is_stopped_and_the_connection_stays_usable(
    reader: Database,
) -> None:
    started = time.monotonic()
    with pytest.raises(Refused) as raised:
        select(reader, ENDLESS, seconds=0.3)
    assert time.monotonic() - started < 5
    assert "time limit" in str(raised.value)
    assert select(reader, "select 1").rows == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "/*! set statement max_statement_time=0 for */ select sleep(5)",
        "/*M!100100 set statement max_statement_time=0 for */ select sleep(5)",
        "select /*!50000 1 */",
    ],
)
def test_a_comment_that_a_server_executes_is_refused(reader: Database, sql: str) -> None:
    with pytest.raises(Refused, match="comment"):
        select(reader, sql)


def test_sql_with_a_lone_surrogate_is_rejected(reader: Database) -> None:
    with pytest.raises(DescriptionError, match="surrogate") as raised:
        select(reader, "select '\udcff'")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("seconds", "limit"), [(0, 1), (-1, 1), (241, 1), (float("nan"), 1), (1, -1)]
)
def test_limits_out_of_range_are_rejected(reader: Database, seconds: float, limit: int) -> None:
    with pytest.raises(DescriptionError, match="at most 240 seconds"):
        select(reader, "select 1", seconds=seconds, limit=limit)


def test_more_rows_than_the_limit_are_an_error(reader: Database) -> None:
    assert len(select(reader, "select name from nodes", limit=8).rows) == 8
    with pytest.raises(Refused, match="'select name from nodes': more than 7 rows"):
        select(reader, "select name from nodes", limit=7)
    assert select(reader, "select 1").rows == [(1,)]


def test_an_endless_result_is_stopped_at_the_row_limit(reader: Database) -> None:
    rows = "select n1.name from " + ", ".join(f"nodes n{number}" for number in range(1, 9))
    started = time.monotonic()
    with pytest.raises(Refused, match="more than 1000 rows"):
        select(reader, rows, limit=1000)
    assert time.monotonic() - started < 5
    assert select(reader, "select 1").rows == [(1,)]


def test_user_queries_are_refused_on_a_writable_connection(table_ii: Database) -> None:
    with pytest.raises(Refused, match="read_only=True") as raised:
        select(table_ii, "select 1")
    assert raised.value.where == table_ii.location.url


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
def test_first_word_skips_spaces_comments_and_parentheses(sql: str, word: str) -> None:
    assert first_word(sql) == word
