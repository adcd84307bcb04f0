"""The lookup returns rows of the database to a playbook, and cannot change one."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import command
from support.cluster import Urls


def look_up(urls: Urls, sql: str) -> str:
    """Return what the module ``debug`` prints of the lookup's result."""
    message = f'msg={{{{ query("npaci.rocks.rocks_sql", "{sql}") | to_json }}}}'
    process = command(
        *("ansible", "localhost", "-m", "debug", "-a", message),
        env={"ROCKS_DATABASE": urls.administrator},
    )
    return " ".join((process.stdout + process.stderr).split())


def test_a_query_of_one_column_returns_values(table_ii: Database, urls: Urls) -> None:
    assert r'"[\"web-1-0\"]"' in look_up(urls, "select name from nodes where rack=1")


def test_a_query_of_several_columns_returns_dictionaries(table_ii: Database, urls: Urls) -> None:
    output = look_up(urls, "select name, rack from nodes where id in (3, 8) order by id")
    assert r"[{\"name\": \"nfs-0-0\", \"rack\": 0}, {\"name\": \"web-1-0\", \"rack\": 1}]" in output


@pytest.mark.parametrize(
    ("sql", "message"),
    [("delete from nodes", "not a query"), ("select value from secrets", "prohibited")],
)
def test_a_failing_lookup_is_one_error(
    table_ii: Database, urls: Urls, sql: str, message: str
) -> None:
    assert message in look_up(urls, sql)
    assert table_ii.rows("select count(*) from nodes") == [(8,)]
