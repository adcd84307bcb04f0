"""One connection, one SQL text for both engines, and transactions of which none is lost."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import add_nodes, list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import CURRENT_VERSION
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Refused,
)
from support.cluster import Urls

COUNT = "select count(*) from networks"
ONE_MORE = "insert into networks (name, subnet, netmask) values (?, ?, '255.0.0.0')"


def names(database: Database) -> list[str]:
    return [row[0] for row in database.rows("select name from networks order by name")]


def test_a_parameter_is_a_value_whatever_it_holds(database: Database) -> None:
    hostile = "'; drop table nodes; -- %s ? \" ` \\ é 🐧"
    database.execute(
        "insert into attributes (scope, owner, name, value) values ('global', 0, 'x', ?)",
        (hostile,),
    )
    assert database.row(
        "select value from attributes where value = ? and '%' = '%'", (hostile,)
    ) == (hostile,)


def test_names_differ_in_case_and_in_trailing_blanks_on_both_engines(database: Database) -> None:
    for name in ("lan", "LAN", "lan "):
        database.execute(ONE_MORE, (name, f"{len(names(database))}.0.0.0"))
    assert database.rows("select count(*) from networks where name = 'lan'") == [(1,)]


def test_texts_are_joined_alike_on_both_engines(database: Database) -> None:
    assert database.row("select 'compute' || '-' || 0") == ("compute-0",)


def test_an_exception_undoes_a_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction():
        database.execute(ONE_MORE, ("lan", "10.0.0.0"))
        raise RuntimeError
    assert names(database) == []


def test_a_rehearsal_sees_its_own_writes_and_leaves_nothing(database: Database) -> None:
    before = database.revision()
    with database.transaction(dry_run=True):
        database.execute(ONE_MORE, ("lan", "10.0.0.0"))
        assert names(database) == ["lan"]
    assert (names(database), database.revision()) == ([], before)


def test_an_inner_transaction_fails_alone_when_its_error_is_caught(database: Database) -> None:
    with database.transaction():
        database.execute(ONE_MORE, ("a", "10.0.0.0"))
        with pytest.raises(Conflict), database.transaction():
            database.execute(ONE_MORE, ("b", "11.0.0.0"))
            database.execute(ONE_MORE, ("b", "12.0.0.0"))
        with database.transaction():
            database.execute(ONE_MORE, ("c", "13.0.0.0"))
        with database.transaction(dry_run=True):
            database.execute(ONE_MORE, ("d", "14.0.0.0"))
    assert names(database) == ["a", "c"]


def test_what_an_inner_transaction_did_goes_with_the_outer_one(database: Database) -> None:
    with database.transaction(dry_run=True), database.transaction():
        database.execute(ONE_MORE, ("a", "10.0.0.0"))
    assert names(database) == []


def test_the_revision_grows_with_each_kept_transaction(database: Database) -> None:
    before = database.revision()
    with database.transaction():
        pass
    with database.transaction(exclusive=False):
        pass
    assert database.revision() == before + 1


def test_a_snapshot_sees_one_state_while_another_writes(database: Database, urls: Urls) -> None:
    with connect(urls.reader, read_only=True) as reader:
        with reader.read_transaction():
            assert reader.row(COUNT) == (0,)
            database.execute(ONE_MORE, ("lan", "10.0.0.0"))
            with reader.read_transaction():
                assert reader.row(COUNT) == (0,)
        assert reader.row(COUNT) == (1,)


def test_a_compare_and_set_that_lost_changed_no_row(database: Database) -> None:
    database.execute(ONE_MORE, ("lan", "10.0.0.0"))
    change = "update networks set mtu = 9000 where name = 'lan' and mtu = 1500"
    assert [database.execute(change), database.execute(change)] == [1, 0]


def test_an_update_that_changes_nothing_still_found_its_row(database: Database) -> None:
    database.execute(ONE_MORE, ("lan", "10.0.0.0"))
    assert database.execute("update networks set mtu = 1500 where name = 'lan'") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "delete from nodes",
        "update nodes set rack = 9",
        "insert into audit (at, actor, action, decision) values ('', '', '', '')",
    ],
)
def test_a_read_only_connection_changes_nothing(
    table_ii: Database, urls: Urls, statement: str
) -> None:
    with connect(urls.administrator, read_only=True) as reader, pytest.raises(Refused) as raised:
        reader.execute(statement)
    assert "only reads" in str(raised.value)
    assert len(list_nodes(table_ii)) == 8


def test_two_writers_at_once_are_serialised_and_neither_is_lost(
    table_ii: Database, urls: Urls
) -> None:
    each, failed = 15, list[Exception]()

    def write(first: int) -> None:
        try:
            with connect(urls.administrator) as own:
                for number in range(first, first + each):
                    add_nodes(own, [NewNode(mac=f"00:50:8b:00:00:{number:02x}")])
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failed.append(error)

    writers = [threading.Thread(target=write, args=(start * each,)) for start in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    compute = [node for node in list_nodes(table_ii) if node.appliance == "compute"]
    assert failed == []
    assert [node.rank for node in compute] == list(range(4 + 3 * each))
    assert len({node.ip for node in compute}) == len(compute)


def test_two_compare_and_sets_in_parallel_transactions_have_one_winner(
    table_ii: Database, urls: Urls
) -> None:
    won = []

    def claim() -> None:
        with connect(urls.administrator) as own, own.transaction(exclusive=False):
            won.append(
                own.execute(
                    "update nodes set comment = 'claimed' where id = 4 and comment = 'Compute node'"
                )
            )

    claims = [threading.Thread(target=claim) for _ in range(4)]
    for one in claims:
        one.start()
    for one in claims:
        one.join(60)
    assert sorted(won) == [0, 0, 0, 1]


def test_a_database_that_does_not_exist_says_how_to_make_it(empty_url: str) -> None:
    missing = empty_url.replace("cluster.sqlite", "typo.sqlite").replace(
        "localhost/t", "localhost/typo_t"
    )
    with pytest.raises(NotFound) as raised:
        connect(missing)
    assert (
        str(raised.value)
        == f"{missing}: no such database; create it: ansible localhost -m rocks_database"
    )


def test_a_database_without_a_schema_says_how_to_make_it(empty_url: str) -> None:
    connect(empty_url, create=True, check=False).close()
    with pytest.raises(Refused) as raised:
        connect(empty_url)
    assert (
        str(raised.value)
        == f"{empty_url}: the database has no schema; run: ansible localhost -m rocks_database"
    )


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            99,
            f"the schema has version 99, this program knows {CURRENT_VERSION}; update npaci.rocks",
        ),
        (0, "the database has no schema; run: ansible localhost -m rocks_database"),
    ],
)
def test_another_schema_version_is_refused(
    database: Database, urls: Urls, version: int, message: str
) -> None:
    database.execute("update schema_version set version = ?", (version,))
    with pytest.raises(Refused) as raised:
        connect(urls.administrator)
    assert str(raised.value) == f"{urls.administrator}: {message}"


def test_sql_that_the_engine_does_not_understand_is_a_description_error(database: Database) -> None:
    with pytest.raises(DescriptionError) as raised:
        database.rows("select nonsense from nowhere")
    assert str(raised.value).startswith(database.location.url)
