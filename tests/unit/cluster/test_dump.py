"""The whole database as text, and back into a new database."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database_admin import (
    create_database,
    dump_to,
    restore_from,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import (
    dump_database,
    parse_dump,
    restore_database,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    add_nodes,
    remove_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import (
    CURRENT_VERSION,
    TABLES,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_hashes import (
    site_key,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
)
from support.cluster import change_node


@pytest.fixture
def full_database(table_ii: Database) -> Database:
    """Return a database with a row in every table, and with texts that break naive formats."""
    put_interface(table_ii, "nfs-0-0", "bmc", mac="02:00:00:00:00:01", network="private")
    set_attribute(
        table_ii, "motd", 'two\nlines\u2028 "quoted" \\ 漢 {{ x }}', Scope(node="web-1-0")
    )
    set_secret(table_ii, "munge", "swordfish")
    table_ii.execute(
        "insert into hardware (node, cpus, memory, counted)"
        " values (4, 8, 32000, '2026-11-22 09:14:05')"
    )
    table_ii.execute(
        "insert into installs (uuid, node, state, live, distribution, arch, generation, profile,"
        " ordered_by, ordered, expires, changed)"
        " values ('u1', 4, 'ordered', 1, 'rocks', 'x86_64', '4c19', 'a0', 'root', '', '', '')"
    )
    table_ii.execute(
        "insert into install_keys (install, name, value) values (1, 'console', 'swordfish')"
    )
    table_ii.execute("insert into install_events (install, at, total) values (1, '', 5000000000)")
    table_ii.execute("insert into audit (at, actor, action, decision) values ('', 'a', 'b', 'c')")
    site_key(table_ii)
    table_ii.execute("insert into node_states (node, behind) values (4, 'timezone: a -> b')")
    remove_nodes(table_ii, ["web-1-0"])
    add_nodes(table_ii, [NewNode(ip="none")])
    return table_ii


def new_database(path: pathlib.Path) -> str:
    """Create a database and return its URL."""
    url = f"sqlite://{path}"
    create_database(url)
    return url


def test_dumping_a_restored_database_gives_the_same_bytes(
    full_database: Database, tmp_path: pathlib.Path
) -> None:
    text = dump_database(full_database, secrets=True)
    with connect(new_database(tmp_path / "new.sqlite")) as database:
        counts = restore_database(database, text)
        assert dump_database(database, secrets=True) == text
        assert all(counts[table] for table in TABLES)
        assert add_nodes(database, [NewNode(ip="none")])[0].id == 10


def test_a_dump_contains_secrets_only_on_request(full_database: Database) -> None:
    assert "swordfish" in dump_database(full_database, secrets=True)
    assert "swordfish" not in dump_database(full_database)
    assert not {"secrets", "install_keys", "site_keys"} & set(
        parse_dump(dump_database(full_database), "dump").columns
    )


def test_a_dump_has_one_line_of_json_for_each_row(full_database: Database) -> None:
    lines = dump_database(full_database).split("\n")
    assert json.loads(lines[0])["format"] == "npaci.rocks cluster database"
    row = '["nodes",4,"00:50:8b:e0:3a:a7","compute-0-0",2,0,0,"10.255.255.245","x86_64",'
    assert row + '"Compute node"]' in lines


def test_restoring_never_overwrites_a_database(table_ii: Database) -> None:
    text = dump_database(table_ii)
    change_node(table_ii, "compute-0-3", comment="new")
    with pytest.raises(Refused) as raised:
        restore_database(table_ii, text)
    assert raised.value.where == table_ii.location.url
    assert table_ii.row("select comment from nodes where name = 'compute-0-3'") == ("new",)


def test_a_database_with_changed_attributes_does_not_count_as_new(database: Database) -> None:
    text = dump_database(database)
    set_attribute(database, "timezone", "UTC")
    with pytest.raises(Refused):
        restore_database(database, text)


def test_a_column_missing_in_an_older_dump_gets_its_default(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    head, *rows = dump_database(table_ii).rstrip("\n").split("\n")
    header = json.loads(head)
    header["columns"]["nodes"].remove("arch")
    values = [json.loads(row) for row in rows]
    without_arch = [row[:8] + row[9:] if row[0] == "nodes" else row for row in values]
    text = "\n".join(json.dumps(line) for line in (header, *without_arch))
    with connect(new_database(tmp_path / "new.sqlite")) as database:
        restore_database(database, text)
        assert database.rows("select distinct arch from nodes") == [("x86_64",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "old.dump:1: not a dump of a cluster database", id="empty"),
        pytest.param("CREATE TABLE nodes;", "old.dump:1: not JSON", id="sql"),
        pytest.param(
            '{"format": "other"}',
            "old.dump:1: not a dump of a cluster database",
            id="another-format",
        ),
        pytest.param("[]", "old.dump:1: not a dump of a cluster database", id="no-header"),
        pytest.param(
            '{"format": "npaci.rocks cluster database"}',
            "old.dump:1: the header",
            id="incomplete-header",
        ),
        pytest.param(
            '{"format": "npaci.rocks cluster database", "schema": 1,'
            ' "columns": {"mysql.user": []}}',
            "old.dump:1: the header",
            id="unknown-table",
        ),
        pytest.param(
            '{"format": "npaci.rocks cluster database", "schema": 99, "columns": {}}',
            "old.dump:1: the dump has schema version 99",
            id="newer",
        ),
    ],
)
def test_a_file_that_is_not_a_dump_is_rejected(text: str, message: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse_dump(text, "old.dump")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param('["nodes",1]', ":2: not a row of a known table", id="short-row"),
        pytest.param('["moons"]', ":2: not a row of a known table", id="empty-row"),
        pytest.param('["moons",1]', ":2: not a row of a known table", id="unknown-table"),
        pytest.param('{"nodes": 1}', ":2: not a row of a known table", id="no-row"),
        pytest.param('[["nodes"],1]', ":2: not a row of a known table", id="no-name"),
        pytest.param('["nodes",', ":2: not JSON", id="cut-off"),
    ],
)
def test_an_error_names_the_damaged_line_of_a_dump(
    database: Database, damage: str, message: str
) -> None:
    header = dump_database(database).split("\n")[0]
    with pytest.raises(DescriptionError, match=message):
        parse_dump(f"{header}\n{damage}\n", "dump")


@pytest.mark.parametrize("column", ["name) select 1; --", "id`", "moon"])
def test_unknown_columns_in_the_header_change_nothing(
    table_ii: Database, tmp_path: pathlib.Path, column: str
) -> None:
    head, *rows = dump_database(table_ii).split("\n")
    header = json.loads(head)
    header["columns"]["nodes"][2] = column
    with connect(new_database(tmp_path / "new.sqlite")) as database:
        before = dump_database(database)
        with pytest.raises(RocksError):
            restore_database(database, "\n".join([json.dumps(header), *rows]))
        assert dump_database(database) == before


def test_a_dump_with_duplicate_names_changes_nothing(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    text = dump_database(table_ii).replace('"network-0-0"', '"compute-0-0"')
    with connect(new_database(tmp_path / "new.sqlite")) as database:
        before = dump_database(database)
        with pytest.raises(RocksError):
            restore_database(database, text)
        assert dump_database(database) == before


def test_a_dump_file_is_private_and_written_only_when_it_changes(
    table_ii: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "cluster.dump"
    url = table_ii.location.url
    results = [dump_to(url, str(path), dry_run=dry_run) for dry_run in (True, False, False, True)]
    assert [result["changed"] for result in results] == [True, True, False, False]
    assert path.stat().st_mode & 0o777 == 0o600
    change_node(table_ii, "compute-0-3", comment="new")
    assert dump_to(url, str(path), dry_run=True)["changed"] is True


def test_restoring_creates_the_database_and_runs_once(
    full_database: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "cluster.dump"
    url = f"sqlite://{tmp_path / 'new.sqlite'}"
    dump_to(full_database.location.url, str(path), secrets=True)
    assert restore_from(url, str(path), dry_run=True)["changed"] is True
    assert not (tmp_path / "new.sqlite").exists()
    result = restore_from(url, str(path))
    assert (result["changed"], result["schema_before"], result["rows"]["nodes"]) == (True, 0, 8)
    assert restore_from(url, str(path))["changed"] is False
    assert restore_from(url, str(path), dry_run=True)["changed"] is False


def test_a_dry_run_of_a_restore_leaves_the_database_new(
    full_database: Database, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "cluster.dump"
    url = new_database(tmp_path / "new.sqlite")
    dump_to(full_database.location.url, str(path))
    assert restore_from(url, str(path), dry_run=True)["rows"]["nodes"] == 8
    assert restore_from(url, str(path))["changed"] is True


def test_creating_a_database_twice_changes_nothing(tmp_path: pathlib.Path) -> None:
    url = f"sqlite://{tmp_path / 'new.sqlite'}"
    results = [create_database(url, dry_run=dry_run) for dry_run in (True, False, False, True)]
    assert [(result["changed"], result["schema_before"]) for result in results] == [
        (True, 0),
        (True, 0),
        (False, CURRENT_VERSION),
        (False, CURRENT_VERSION),
    ]
    assert (tmp_path / "new.sqlite").stat().st_mode & 0o777 == 0o600


def test_accounts_are_rejected_on_sqlite(tmp_path: pathlib.Path) -> None:
    account = {"role": "reader", "user": "reader", "host": "localhost", "credentials": None}
    with pytest.raises(NotFound, match="SQLite has no accounts"):
        create_database(f"sqlite://{tmp_path / 'new.sqlite'}", [account])
