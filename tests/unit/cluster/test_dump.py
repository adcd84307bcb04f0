"""The whole database as a text, and back into a new one."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import put_attribute
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database_admin import (
    dump_to,
    make,
    restore_from,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump, parse, restore
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import put_interface
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import add, change, remove
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import CURRENT, TABLES
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.secret_values import put_secret
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
)


@pytest.fixture
def full(table_ii: Database) -> Database:
    """A row in every table, with the texts that break naive formats."""
    put_interface(table_ii, "nfs-0-0", "bmc", mac="02:00:00:00:00:01", network="private")
    put_attribute(
        table_ii, "motd", 'two\nlines\u2028 "quoted" \\ 漢 {{ x }}', Scope(node="web-1-0")
    )
    put_secret(table_ii, "munge", "swordfish")
    table_ii.execute(
        "insert into hardware (node, cpus, memory, counted) values (4, 8, 32000, '2026-11-22 09:14:05')"
    )
    table_ii.execute(
        "insert into installs (uuid, node, state, live, distribution, arch, generation, profile, ordered_by, ordered,"
        " expires, changed) values ('u1', 4, 'ordered', 1, 'rocks', 'x86_64', '4c19', 'a0', 'root', '', '', '')"
    )
    table_ii.execute(
        "insert into install_keys (install, name, value) values (1, 'console', 'swordfish')"
    )
    table_ii.execute("insert into install_events (install, at, total) values (1, '', 5000000000)")
    table_ii.execute("insert into audit (at, actor, action, decision) values ('', 'a', 'b', 'c')")
    remove(table_ii, ["web-1-0"])
    add(table_ii, [NewNode(ip="none")])
    return table_ii


def fresh(path: pathlib.Path) -> str:
    url = f"sqlite://{path}"
    make(url)
    return url


def test_a_restored_database_dumps_to_the_same_bytes(
    full: Database, tmp_path: pathlib.Path
) -> None:
    text = dump(full, secrets=True)
    with connect(fresh(tmp_path / "new.sqlite")) as database:
        counts = restore(database, text)
        assert dump(database, secrets=True) == text
        assert all(counts[table] for table in TABLES)
        assert add(database, [NewNode(ip="none")])[0].id == 10


def test_a_dump_holds_secrets_only_on_request(full: Database) -> None:
    assert "swordfish" in dump(full, secrets=True)
    assert "swordfish" not in dump(full)
    assert not {"secrets", "install_keys"} & set(parse(dump(full), "dump").columns)


def test_each_row_is_a_line_of_json(full: Database) -> None:
    lines = dump(full).split("\n")
    assert json.loads(lines[0])["format"] == "npaci.rocks cluster database"
    assert (
        '["nodes",4,"00:50:8b:e0:3a:a7","compute-0-0",2,0,0,"10.255.255.245","x86_64","Compute node"]'
        in lines
    )


def test_nothing_that_is_there_is_overwritten(table_ii: Database) -> None:
    text = dump(table_ii)
    change(table_ii, "compute-0-3", comment="new")
    with pytest.raises(Refused) as raised:
        restore(table_ii, text)
    assert str(raised.value) == (
        f"{table_ii.location.url}: somebody has written into this database already;"
        " restore into a new one (another file or name), then let rocks.yml point there"
    )
    assert table_ii.row("select comment from nodes where name = 'compute-0-3'") == ("new",)


def test_a_database_whose_memberships_were_changed_is_not_new(database: Database) -> None:
    text = dump(database)
    put_attribute(database, "timezone", "UTC")
    with pytest.raises(Refused):
        restore(database, text)


def test_an_older_dump_without_a_newer_column_takes_its_default(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    head, *rows = dump(table_ii).rstrip("\n").split("\n")
    older = json.loads(head)
    older["columns"]["nodes"].remove("arch")
    cut = [json.loads(row) for row in rows]
    text = "\n".join(
        [
            json.dumps(older),
            *(json.dumps(row[:8] + row[9:] if row[0] == "nodes" else row) for row in cut),
        ]
    )
    with connect(fresh(tmp_path / "new.sqlite")) as database:
        restore(database, text)
        assert database.rows("select distinct arch from nodes") == [("x86_64",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "", "old.dump:1: not a dump of a cluster database; the first line", id="empty"
        ),
        pytest.param("CREATE TABLE nodes;", "old.dump:1: not JSON", id="sql"),
        pytest.param(
            '{"format": "other"}',
            "old.dump:1: not a dump of a cluster database",
            id="another-format",
        ),
        pytest.param("[]", "old.dump:1: not a dump of a cluster database", id="no-head"),
        pytest.param(
            '{"format": "npaci.rocks cluster database"}',
            "old.dump:1: the head does not fit",
            id="half-a-head",
        ),
        pytest.param(
            '{"format": "npaci.rocks cluster database", "schema": 1, "columns": {"mysql.user": []}}',
            "old.dump:1: the head does not fit",
            id="a-strange-table",
        ),
        pytest.param(
            '{"format": "npaci.rocks cluster database", "schema": 99, "columns": {}}',
            f"old.dump:1: the dump has schema version 99, this program knows {CURRENT}; update npaci.rocks",
            id="newer",
        ),
    ],
)
def test_what_is_no_dump_is_refused(text: str, message: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse(text, "old.dump")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(
            '["nodes",1]', ":2: not a row of a known table; the dump is damaged", id="short-row"
        ),
        pytest.param('["moons"]', ":2: not a row of a known table", id="empty-row"),
        pytest.param('["moons",1]', ":2: not a row of a known table", id="unknown-table"),
        pytest.param('{"nodes": 1}', ":2: not a row of a known table", id="no-row"),
        pytest.param('[["nodes"],1]', ":2: not a row of a known table", id="no-name"),
        pytest.param('["nodes",', ":2: not JSON", id="cut-off"),
    ],
)
def test_a_damaged_line_is_named(database: Database, damage: str, message: str) -> None:
    head = dump(database).split("\n")[0]
    with pytest.raises(DescriptionError) as raised:
        parse(f"{head}\n{damage}\n", "dump")
    assert message in str(raised.value)


@pytest.mark.parametrize("column", ["name) select 1; --", "id`", "moon"])
def test_a_head_that_names_strange_columns_changes_nothing(
    table_ii: Database, tmp_path: pathlib.Path, column: str
) -> None:
    head, *rows = dump(table_ii).split("\n")
    twisted = json.loads(head)
    twisted["columns"]["nodes"][2] = column
    with connect(fresh(tmp_path / "new.sqlite")) as database:
        before = dump(database)
        with pytest.raises(RocksError):
            restore(database, "\n".join([json.dumps(twisted), *rows]))
        assert dump(database) == before


def test_a_dump_that_contradicts_itself_changes_nothing(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    text = dump(table_ii).replace('"network-0-0"', '"compute-0-0"')
    with connect(fresh(tmp_path / "new.sqlite")) as database:
        before = dump(database)
        with pytest.raises(RocksError):
            restore(database, text)
        assert dump(database) == before


def test_a_dump_is_written_for_its_owner_alone_and_only_when_it_changed(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    path, url = tmp_path / "cluster.dump", table_ii.location.url
    assert [
        dump_to(url, str(path), keep=keep)["changed"] for keep in (False, True, True, False)
    ] == [
        True,
        True,
        False,
        False,
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    change(table_ii, "compute-0-3", comment="new")
    assert dump_to(url, str(path), keep=False)["changed"] is True


def test_a_dump_goes_into_a_database_that_is_made_for_it(
    full: Database, tmp_path: pathlib.Path
) -> None:
    path, url = tmp_path / "cluster.dump", f"sqlite://{tmp_path / 'new.sqlite'}"
    dump_to(full.location.url, str(path), secrets=True)
    assert restore_from(url, str(path), keep=False)["changed"] is True
    assert not (tmp_path / "new.sqlite").exists()
    done = restore_from(url, str(path))
    assert (done["changed"], done["schema_before"], done["rows"]["nodes"]) == (True, 0, 8)
    assert restore_from(url, str(path))["changed"] is False
    assert restore_from(url, str(path), keep=False)["changed"] is False


def test_a_rehearsed_restore_leaves_the_new_database_new(
    full: Database, tmp_path: pathlib.Path
) -> None:
    path, url = tmp_path / "cluster.dump", fresh(tmp_path / "new.sqlite")
    dump_to(full.location.url, str(path))
    assert restore_from(url, str(path), keep=False)["rows"]["nodes"] == 8
    assert restore_from(url, str(path))["changed"] is True


def test_making_a_database_twice_changes_nothing(tmp_path: pathlib.Path) -> None:
    url = f"sqlite://{tmp_path / 'new.sqlite'}"
    done = [make(url, keep=keep) for keep in (False, True, True, False)]
    now = (False, CURRENT)
    assert [(one["changed"], one["schema_before"]) for one in done] == [
        (True, 0),
        (True, 0),
        now,
        now,
    ]
    assert (tmp_path / "new.sqlite").stat().st_mode & 0o777 == 0o600


def test_sqlite_has_no_accounts(tmp_path: pathlib.Path) -> None:
    account = {"role": "reader", "user": "reader", "host": "localhost", "credentials": None}
    with pytest.raises(NotFound) as raised:
        make(f"sqlite://{tmp_path / 'new.sqlite'}", [account])
    assert "SQLite has no accounts; its file's owner and mode are what protects it" in str(
        raised.value
    )
