"""The lookup hands rows of the database to a playbook, and cannot change one."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import command
from support.cluster import Urls


def ask(urls: Urls, sql: str) -> str:
    """What ``debug`` prints of the lookup's rows."""
    asked = f'msg={{{{ query("npaci.rocks.rocks_sql", "{sql}") | to_json }}}}'
    ended = command(
        "ansible",
        "localhost",
        "-m",
        "debug",
        "-a",
        asked,
        env={"ROCKS_DATABASE": urls.administrator},
    )
    return " ".join((ended.stdout + ended.stderr).split())


def test_a_query_of_one_column_returns_values(table_ii: Database, urls: Urls) -> None:
    assert r'"[\"web-1-0\"]"' in ask(urls, "select name from nodes where rack=1")


def test_a_query_of_several_columns_returns_dictionaries(table_ii: Database, urls: Urls) -> None:
    said = ask(urls, "select name, rack from nodes where id in (3, 8) order by id")
    assert r"[{\"name\": \"nfs-0-0\", \"rack\": 0}, {\"name\": \"web-1-0\", \"rack\": 1}]" in said


@pytest.mark.parametrize(
    ("sql", "what"),
    [("delete from nodes", "a query only reads"), ("select value from secrets", "prohibited")],
)
def test_a_failing_lookup_is_one_error(table_ii: Database, urls: Urls, sql: str, what: str) -> None:
    assert what in ask(urls, sql)
    assert table_ii.rows("select count(*) from nodes") == [(8,)]
