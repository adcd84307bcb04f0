"""SQLite: the file, its mode, its lock, and the safeguards of a read-only connection."""

from __future__ import annotations

import pathlib
import sqlite3
import time

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import inventory
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.engines import (
    sqlite,
    sqlite_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode, Node
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import QueryResult, select
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import HIDDEN_TABLES
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
    Unavailable,
)
from support.cluster import fill


@pytest.fixture
def url(tmp_path: pathlib.Path) -> str:
    """Return the cluster of the paper in a file whose name is escaped in the URL."""
    escaped = f"sqlite://{tmp_path}/a%20b%23c%3Fd.sqlite"
    with connect(escaped, create=True, check=False) as database:
        migrate(database)
        fill(database)
    return escaped


def test_the_url_is_unescaped_and_only_the_owner_can_read_the_file(
    url: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "a b#c?d.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    for file in tmp_path.iterdir():
        assert file.name.startswith(path.name)
        assert file.stat().st_mode & 0o077 == 0


def test_an_error_names_the_missing_folder(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError) as raised:
        connect(f"sqlite://{tmp_path}/no/such/cluster.sqlite", create=True)
    assert raised.value.where == f"{tmp_path}/no/such/cluster.sqlite"
    with pytest.raises(NotFound):
        connect(f"sqlite://{tmp_path}/no/such/cluster.sqlite")


def test_a_file_that_is_not_a_database_is_rejected(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "cluster.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    for read_only in (False, True):
        with pytest.raises(DescriptionError, match=r"cluster.sqlite: .*SQLite"):
            connect(f"sqlite://{path}", read_only=read_only)


def test_a_folder_is_rejected_as_database(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Unavailable, match=str(tmp_path)):
        connect(f"sqlite://{tmp_path}")


def test_a_second_writer_fails_after_its_waiting_time_and_readers_continue(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    with (
        connect(url) as first,
        connect(url) as second,
        connect(url, read_only=True) as reader,
        first.transaction(),
    ):
        started = time.monotonic()
        with pytest.raises(Unavailable, match="another writer"), second.transaction():
            pytest.fail("two writers at the same time")
        assert 0.1 < time.monotonic() - started < 5
        assert len(list_nodes(reader)) == 8


@pytest.mark.parametrize(
    "statement",
    [
        "pragma query_only = off",
        "pragma writable_schema = on",
        "attach database ':memory:' as other",
        "delete from nodes",
        "create temporary table t (i int)",
        "select value from secrets",
        "select 1 from install_keys",
        "select load_extension('x')",
        "reindex",
        "analyze",
    ],
)
def test_a_read_only_connection_rejects_writes_and_secrets(url: str, statement: str) -> None:
    with connect(url, read_only=True) as reader:
        with pytest.raises(Refused, match="read-only"):
            reader.execute(statement)
        assert len(list_nodes(reader)) == 8


def test_a_file_that_cannot_be_written_is_an_error_about_the_file(url: str) -> None:
    with connect(url) as database:
        database.execute("pragma query_only = on")  # as on a read-only file system, also as root
        with pytest.raises(Unavailable, match=r"cannot be written.*lsattr") as raised:
            database.execute("delete from nodes")
    assert "secret" not in str(raised.value)


def test_each_safeguard_of_a_read_only_connection_suffices(
    url: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "a b#c?d.sqlite"
    only_mode = sqlite3.connect(
        f"file:{str(path).replace('#', '%23').replace('?', '%3f')}?mode=ro", uri=True
    )
    only_pragma = sqlite3.connect(path)
    only_authorizer = sqlite3.connect(path)
    only_pragma.execute("pragma query_only = on")
    only_authorizer.set_authorizer(sqlite_reader.authorizer(HIDDEN_TABLES))
    for connection in (only_mode, only_pragma, only_authorizer):
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute("delete from nodes")
        connection.close()


def test_foreign_keys_are_enforced(url: str) -> None:
    with connect(url) as database:
        assert database.row("pragma foreign_keys") == (1,)
        assert database.rows("pragma foreign_key_check") == []
        assert database.rows("pragma integrity_check") == [("ok",)]


@pytest.mark.parametrize(
    "sql",
    [
        "select instr(zeroblob(30000000), zeroblob(15000000) || x'01')",
        "with recursive g(t, n) as (select 'aaaaaaaa', 1"
        " union all select t || t, n + 1 from g where n < 29) select max(length(t)) from g",
        "select randomblob(1000000000), randomblob(1000000000)",
        "select zeroblob(9999999999)",
    ],
)
def test_one_call_of_a_function_cannot_exceed_the_limits(url: str, sql: str) -> None:
    """SQLite itself looks at the time only between two instructions."""
    started = time.monotonic()
    with connect(url, read_only=True) as reader:
        with pytest.raises(Refused, match=r"its (time|memory) limit"):
            select(reader, sql, seconds=1.0)
        assert select(reader, "select count(*) from nodes").rows == [(8,)]
    assert time.monotonic() - started < 30


def test_bytes_and_numbers_keep_their_type(url: str) -> None:
    with connect(url, read_only=True) as reader:
        (row,) = select(reader, "select x'c3a4', 1, 0.5, 'ä', null, 9223372036854775807").rows
    assert row == ("ä", 1, 0.5, "ä", None, 9223372036854775807)


def test_an_inventory_is_read_again_if_a_node_was_added_in_the_meantime(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's query reads the newest state, and not that of the read transaction."""
    added: list[Node] = []

    def select_after_a_new_node(database: Database, sql: str, *, seconds: float) -> QueryResult:
        if not added:
            with connect(url) as writer:
                added.extend(add_nodes(writer, [NewNode(mac="00:00:00:00:00:99")]))
        return select(database, sql, seconds=seconds)

    monkeypatch.setattr(inventory, "select", select_after_a_new_node)
    with connect(url, read_only=True) as reader:
        loaded = inventory.load_inventory(reader, {"all_nodes": "select name from nodes"})
    assert len(loaded.queries["all_nodes"]) == len(loaded.hosts) == 9
