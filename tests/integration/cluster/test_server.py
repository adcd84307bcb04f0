"""MariaDB: outages, concurrent writers, the columns for Kea, dumps to and from SQLite."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pathlib
import signal
import time
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database_admin import (
    dump_to,
    restore_from,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node, list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from support.cluster import TABLE_II, Urls, change_node, fill
from support.mariadb import Server, fast_folder, server
from support.waiting import until


@pytest.fixture
def server_folder() -> Iterator[pathlib.Path]:
    with fast_folder() as folder:
        yield folder


def create_table_ii(running: Server) -> str:
    """Create the cluster of the paper on the server, and return its URL."""
    url = running.create("cluster")
    with connect(url, check=False) as database:
        migrate(database)
        fill(database)
    return url


def test_a_connection_recovers_after_a_restart_of_the_server(
    server_folder: pathlib.Path,
) -> None:
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(server(server_folder))
        url = create_table_ii(running)
        database = stack.enter_context(connect(url))
        assert len(list_nodes(database)) == 8
        running.daemon.kill()
        for _attempt in range(2):
            with pytest.raises(Unavailable, match="does not answer") as raised:
                list_nodes(database)
            assert raised.value.where == url
        with pytest.raises(Unavailable):
            connect(url)
        with server(server_folder):
            assert len(list_nodes(database)) == 8
            change_node(database, "compute-0-3", comment="back")


def test_a_transaction_does_not_continue_on_a_new_connection(server_folder: pathlib.Path) -> None:
    with server(server_folder) as running, connect(create_table_ii(running)) as database:
        with pytest.raises(Unavailable), database.transaction():
            database.execute("update nodes set comment = 'half' where id = 4")
            number = database.row("select connection_id()")
            with contextlib.closing(running.root()) as root:
                root.query(f"kill {number[0] if number else 0}")
            with pytest.raises(Unavailable):
                database.execute("update nodes set comment = 'half' where id = 5")
            with pytest.raises(Unavailable, match="lost during a transaction") as raised:
                database.execute("update nodes set comment = 'half' where id = 6")
            raise raised.value
        assert database.row("select count(*) from nodes where comment = 'half'") == (0,)


def _insert_until_killed(url: str) -> None:
    with connect(url) as database:
        number = 0
        while True:
            number += 1
            mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
            add_nodes(database, [NewNode(mac=mac)])


def test_a_killed_writer_leaves_complete_rows_and_no_lock(table_ii: Database, urls: Urls) -> None:
    fork = multiprocessing.get_context("fork")
    for _round in range(3):
        writer = fork.Process(target=_insert_until_killed, args=(urls.administrator,))
        writer.start()
        until(lambda: len(list_nodes(table_ii)) > len(TABLE_II) + 5, 30, "more nodes")
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        table_ii.execute("delete from nodes where id > 8")
        added = add_nodes(table_ii, [NewNode()])[0]
        assert (added.name, added.ip) == ("compute-0-4", "10.255.255.254")
        table_ii.execute("delete from nodes where id > 8")


def test_a_writer_waits_for_another_and_then_reads_its_rows(table_ii: Database, urls: Urls) -> None:
    with connect(urls.administrator) as other:
        with other.transaction():
            first = add_nodes(other, [NewNode()])[0]
            assert len(list_nodes(table_ii)) == 8
            with connect(urls.administrator) as third:
                third.execute("set session innodb_lock_wait_timeout = 1")
                started = time.monotonic()
                with pytest.raises(Unavailable, match="another writer"):
                    add_nodes(third, [NewNode()])
                assert 0.5 < time.monotonic() - started < 40  # MariaDB's default is 50 s
        second = add_nodes(table_ii, [NewNode()])[0]
        assert (first.name, second.name) == ("compute-0-4", "compute-0-5")


def test_kea_can_look_up_nodes_by_binary_mac_and_numeric_address(
    table_ii: Database,
) -> None:
    query = "select name, ipv4 from nodes where hwaddr = unhex('00508be04093')"
    assert table_ii.rows(query) == [("compute-0-3", 0x0AFFFFF2)]
    change_node(table_ii, "compute-0-3", mac="02:00:00:00:00:01", ip="10.2.0.1")
    assert table_ii.rows(query) == []
    query = query.replace("00508be04093", "020000000001")
    assert table_ii.rows(query) == [("compute-0-3", 0x0A020001)]
    assert table_ii.rows(f"explain {query}")[0][3] == "const"


def test_other_programs_that_write_update_the_lookup_columns(table_ii: Database) -> None:
    table_ii.execute(
        "insert into interfaces (node, name, mac, ip)"
        " values (7, 'eth1', '02:00:00:00:00:02', '10.2.0.2')"
    )
    table_ii.execute("update nodes set mac = null, ip = null where id = 7")
    assert table_ii.rows("select hex(hwaddr), ipv4 from interfaces") == [
        ("020000000002", 0x0A020002)
    ]
    assert table_ii.rows("select hwaddr, ipv4 from nodes where id = 7") == [(None, None)]


def test_a_dump_can_be_restored_on_the_other_engine(
    table_ii: Database, mariadb: Server, tmp_path: pathlib.Path
) -> None:
    path = str(tmp_path / "dump")
    sqlite_url = f"sqlite://{tmp_path / 'new.sqlite'}"
    mariadb_url = mariadb.url("restored")
    change_node(table_ii, "web-1-0", comment="漢 ' \" \\")
    dump_to(table_ii.location.url, path, secrets=True)
    try:
        results = [restore_from(url, path) for url in (sqlite_url, mariadb_url, sqlite_url)]
        assert [result["changed"] for result in results] == [True, True, False]
        original = dump_database(table_ii, secrets=True)
        for url in (sqlite_url, mariadb_url):
            with connect(url) as database:
                assert dump_database(database, secrets=True) == original
        with connect(mariadb_url) as database:
            assert add_nodes(database, [NewNode(ip="none")])[0].id == 9
            assert find_node(database, "web-1-0").comment == "漢 ' \" \\"
    finally:
        mariadb.drop("restored")


def test_server_settings_do_not_change_the_meaning_of_statements(
    server_folder: pathlib.Path,
) -> None:
    hostile = (
        "--sql-mode=ANSI_QUOTES",
        "--transaction-isolation=SERIALIZABLE",
        "--character-set-server=latin1",
        "--group-concat-max-len=1024",
        "--innodb-strict-mode=0",
    )
    with server(server_folder, *hostile) as running, connect(create_table_ii(running)) as database:
        change_node(database, "web-1-0", comment="漢")
        assert database.row('select name from nodes where name = "web-1-0"') == ("web-1-0",)
        added = add_nodes(database, [NewNode() for _ in range(60)])
        assert (added[-1].name, len({node.ip for node in added})) == ("compute-0-63", 60)
        assert find_node(database, "web-1-0").comment == "漢"
