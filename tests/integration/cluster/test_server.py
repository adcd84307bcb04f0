"""MariaDB itself: away and back, two writers, what Kea reads, and dumps that go from one engine to the other."""

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
def own_folder() -> Iterator[pathlib.Path]:
    with fast_folder() as folder:
        yield folder


def filled(where: Server) -> str:
    url = where.create("cluster")
    with connect(url, check=False) as database:
        migrate(database)
        fill(database)
    return url


def test_a_connection_recovers_after_a_restart_of_the_server(
    own_folder: pathlib.Path,
) -> None:
    with contextlib.ExitStack() as first:
        running = first.enter_context(server(own_folder))
        url = filled(running)
        database = first.enter_context(connect(url))
        assert len(list_nodes(database)) == 8
        running.daemon.kill()
        for _attempt in range(2):
            with pytest.raises(Unavailable) as raised:
                list_nodes(database)
            assert str(raised.value).startswith(f"{url}: the database server does not answer (")
        with pytest.raises(Unavailable):
            connect(url)
        with server(own_folder):
            assert len(list_nodes(database)) == 8
            change_node(database, "compute-0-3", comment="back")


def test_a_transaction_does_not_continue_on_a_new_connection(own_folder: pathlib.Path) -> None:
    with server(own_folder) as running, connect(filled(running)) as database:
        with pytest.raises(Unavailable), database.transaction():
            database.execute("update nodes set comment = 'half' where id = 4")
            number = database.row("select connection_id()")
            with contextlib.closing(running.root()) as root:
                root.query(f"kill {number[0] if number else 0}")
            with pytest.raises(Unavailable):
                database.execute("update nodes set comment = 'half' where id = 5")
            with pytest.raises(Unavailable) as raised:
                database.execute("update nodes set comment = 'half' where id = 6")
            assert "the connection was lost within a transaction; run it again" in str(raised.value)
            raise raised.value
        assert database.row("select count(*) from nodes where comment = 'half'") == (0,)


def _insert_until_killed(url: str) -> None:
    with connect(url) as database:
        number = 0
        while True:
            number += 1
            add_nodes(
                database,
                [
                    NewNode(mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")
                    for _ in range(1)
                ],
            )


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
                with pytest.raises(Unavailable) as raised:
                    add_nodes(third, [NewNode()])
                assert 0.5 < time.monotonic() - started < 5
                assert "another writer is in the way" in str(raised.value)
                assert str(raised.value).endswith("; run it again when it ended")
        assert (first.name, add_nodes(table_ii, [NewNode()])[0].name) == (
            "compute-0-4",
            "compute-0-5",
        )


def test_kea_can_look_up_nodes_by_binary_mac_and_numeric_address(
    table_ii: Database,
) -> None:
    look_up = "select name, ipv4 from nodes where hwaddr = unhex('00508be04093')"
    assert table_ii.rows(look_up) == [("compute-0-3", 0x0AFFFFF2)]
    change_node(table_ii, "compute-0-3", mac="02:00:00:00:00:01", ip="10.2.0.1")
    assert table_ii.rows(look_up) == []
    look_up = look_up.replace("00508be04093", "020000000001")
    assert table_ii.rows(look_up) == [("compute-0-3", 0x0A020001)]
    assert table_ii.rows(f"explain {look_up}")[0][3] == "const"


def test_other_programs_that_write_update_the_lookup_columns(table_ii: Database) -> None:
    table_ii.execute(
        "insert into interfaces (node, name, mac, ip) values (7, 'eth1', '02:00:00:00:00:02', '10.2.0.2')"
    )
    table_ii.execute("update nodes set mac = null, ip = null where id = 7")
    assert table_ii.rows("select hex(hwaddr), ipv4 from interfaces") == [
        ("020000000002", 0x0A020002)
    ]
    assert table_ii.rows("select hwaddr, ipv4 from nodes where id = 7") == [(None, None)]


def test_a_dump_can_be_restored_on_the_other_engine(
    table_ii: Database, mariadb: Server, tmp_path: pathlib.Path
) -> None:
    path, sqlite, again = (
        str(tmp_path / "dump"),
        f"sqlite://{tmp_path / 'new.sqlite'}",
        mariadb.url("again"),
    )
    change_node(table_ii, "web-1-0", comment="漢 ' \" \\")
    dump_to(table_ii.location.url, path, secrets=True)
    try:
        assert [restore_from(url, path)["changed"] for url in (sqlite, again, sqlite)] == [
            True,
            True,
            False,
        ]
        texts = []
        for url in (table_ii.location.url, sqlite, again):
            with connect(url) as database:
                texts.append(dump_database(database, secrets=True))
        assert texts[0] == texts[1] == texts[2]
        with connect(again) as database:
            assert add_nodes(database, [NewNode(ip="none")])[0].id == 9
            assert find_node(database, "web-1-0").comment == "漢 ' \" \\"
    finally:
        mariadb.drop("again")


def test_server_settings_do_not_change_the_meaning_of_statements(
    own_folder: pathlib.Path,
) -> None:
    hostile = (
        "--sql-mode=ANSI_QUOTES",
        "--transaction-isolation=SERIALIZABLE",
        "--character-set-server=latin1",
        "--group-concat-max-len=1024",
        "--innodb-strict-mode=0",
    )
    with server(own_folder, *hostile) as running, connect(filled(running)) as database:
        change_node(database, "web-1-0", comment="漢")
        assert database.row('select name from nodes where name = "web-1-0"') == ("web-1-0",)
        added = add_nodes(database, [NewNode() for _ in range(60)])
        assert (added[-1].name, len({node.ip for node in added})) == ("compute-0-63", 60)
        assert find_node(database, "web-1-0").comment == "漢"
