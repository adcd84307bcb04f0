"""Connections, one SQL text for both engines, and transactions."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import CURRENT_VERSION
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Refused,
)
from support.cluster import Urls

COUNT = "select count(*) from networks"
INSERT = "insert into networks (name, subnet, netmask) values (?, ?, '255.0.0.0')"


def names(database: Database) -> list[str]:
    return [row[0] for row in database.rows("select name from networks order by name")]


def test_a_parameter_is_never_interpreted_as_sql(database: Database) -> None:
    hostile = "'; drop table nodes; -- %s ? \" ` \\ é 🐧"
    database.execute(
        "insert into attributes (scope, owner, name, value) values ('global', 0, 'x', ?)",
        (hostile,),
    )
    assert database.row(
        "select value from attributes where value = ? and '%' = '%'", (hostile,)
    ) == (hostile,)


def test_names_with_other_case_or_trailing_spaces_differ(database: Database) -> None:
    for name in ("lan", "LAN", "lan "):
        database.execute(INSERT, (name, f"{len(names(database))}.0.0.0"))
    assert database.rows("select count(*) from networks where name = 'lan'") == [(1,)]


def test_texts_are_concatenated_with_the_same_operator(database: Database) -> None:
    assert database.row("select 'compute' || '-' || 0") == ("compute-0",)


def test_an_exception_rolls_back_a_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction():
        database.execute(INSERT, ("lan", "10.0.0.0"))
        raise RuntimeError
    assert names(database) == []


def test_a_dry_run_reads_its_own_writes_and_leaves_nothing(database: Database) -> None:
    before = database.revision()
    with database.transaction(dry_run=True):
        database.execute(INSERT, ("lan", "10.0.0.0"))
        assert names(database) == ["lan"]
    assert (names(database), database.revision()) == ([], before)


def test_a_failed_inner_transaction_does_not_roll_back_the_outer_one(database: Database) -> None:
    with database.transaction():
        database.execute(INSERT, ("a", "10.0.0.0"))
        with pytest.raises(Conflict), database.transaction():
            database.execute(INSERT, ("b", "11.0.0.0"))
            database.execute(INSERT, ("b", "12.0.0.0"))
        with database.transaction():
            database.execute(INSERT, ("c", "13.0.0.0"))
        with database.transaction(dry_run=True):
            database.execute(INSERT, ("d", "14.0.0.0"))
    assert names(database) == ["a", "c"]


def test_rolling_back_a_transaction_rolls_back_its_inner_ones(database: Database) -> None:
    with database.transaction(dry_run=True), database.transaction():
        database.execute(INSERT, ("a", "10.0.0.0"))
    assert names(database) == []


def test_each_exclusive_transaction_increments_the_revision(database: Database) -> None:
    before = database.revision()
    with database.transaction():
        pass
    with database.transaction(exclusive=False):
        pass
    assert database.revision() == before + 1


def test_a_read_transaction_reads_one_state_despite_concurrent_writes(
    database: Database, urls: Urls
) -> None:
    with connect(urls.reader, read_only=True) as reader:
        with reader.read_transaction():
            assert reader.row(COUNT) == (0,)
            database.execute(INSERT, ("lan", "10.0.0.0"))
            with reader.read_transaction():
                assert reader.row(COUNT) == (0,)
        assert reader.row(COUNT) == (1,)


def test_an_update_whose_condition_is_false_matches_no_row(database: Database) -> None:
    database.execute(INSERT, ("lan", "10.0.0.0"))
    change = "update networks set mtu = 9000 where name = 'lan' and mtu = 1500"
    assert [database.execute(change), database.execute(change)] == [1, 0]


def test_an_update_to_the_same_value_matches_its_row(database: Database) -> None:
    database.execute(INSERT, ("lan", "10.0.0.0"))
    assert database.execute("update networks set mtu = 1500 where name = 'lan'") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "delete from nodes",
        "update nodes set rack = 9",
        "insert into audit (at, actor, action, decision) values ('', '', '', '')",
    ],
)
def test_a_read_only_connection_rejects_writes(
    table_ii: Database, urls: Urls, statement: str
) -> None:
    with connect(urls.administrator, read_only=True) as reader, pytest.raises(Refused) as raised:
        reader.execute(statement)
    assert "read-only" in str(raised.value)
    assert len(list_nodes(table_ii)) == 8


def test_concurrent_writers_are_serialised_and_lose_nothing(table_ii: Database, urls: Urls) -> None:
    nodes_each = 15
    errors: list[Exception] = []

    def write(first: int) -> None:
        try:
            with connect(urls.administrator) as connection:
                for number in range(first, first + nodes_each):
                    add_nodes(connection, [NewNode(mac=f"00:50:8b:00:00:{number:02x}")])
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            errors.append(error)

    writers = [threading.Thread(target=write, args=(start * nodes_each,)) for start in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    compute = [node for node in list_nodes(table_ii) if node.appliance == "compute"]
    assert errors == []
    assert [node.rank for node in compute] == list(range(4 + 3 * nodes_each))
    assert len({node.ip for node in compute}) == len(compute)


def test_one_of_several_concurrent_updates_wins(table_ii: Database, urls: Urls) -> None:
    update = "update nodes set comment = 'claimed' where id = 4 and comment = 'Compute node'"
    matched: list[int] = []

    def claim() -> None:
        with connect(urls.administrator) as connection, connection.transaction(exclusive=False):
            matched.append(connection.execute(update))

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(matched) == [0, 0, 0, 1]


def test_connecting_to_a_missing_database_is_an_error_with_the_remedy(empty_url: str) -> None:
    missing = empty_url.replace("cluster.sqlite", "typo.sqlite").replace(
        "localhost/t", "localhost/typo_t"
    )
    with pytest.raises(NotFound) as raised:
        connect(missing)
    assert str(raised.value).startswith(f"{missing}: ")
    assert "ansible localhost -m rocks_database" in str(raised.value)


def test_connecting_without_a_schema_is_an_error_with_the_remedy(empty_url: str) -> None:
    connect(empty_url, create=True, check=False).close()
    with pytest.raises(Refused) as raised:
        connect(empty_url)
    assert str(raised.value).startswith(f"{empty_url}: ")
    assert "ansible localhost -m rocks_database" in str(raised.value)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (99, f"version 99.* {CURRENT_VERSION}; update npaci.rocks"),
        (0, "no schema; .*ansible localhost -m rocks_database"),
    ],
)
def test_another_schema_version_is_rejected(
    database: Database, urls: Urls, version: int, message: str
) -> None:
    database.execute("update schema_version set version = ?", (version,))
    with pytest.raises(Refused, match=message) as raised:
        connect(urls.administrator)
    assert str(raised.value).startswith(f"{urls.administrator}: ")


def test_malformed_sql_is_a_description_error(database: Database) -> None:
    with pytest.raises(DescriptionError) as raised:
        database.rows("select nonsense from nowhere")
    assert str(raised.value).startswith(database.location.url)
