# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures: the cluster database with Tables II and III of the paper.

A ``conftest.py`` imports the fixtures that it needs.  The database is SQLite, or with
``--engine=mariadb`` a real server that is started once for each run.
"""

from __future__ import annotations

import functools
import pathlib
import shutil
import uuid
from typing import Any, Callable, Iterator, NamedTuple, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import grant_role
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import ensure_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import (
    CURRENT_VERSION,
    TABLES,
    VERSIONS,
)

from .mariadb import Server, fast_folder, server

# id, MAC, name, membership, rack, rank, IP, comment: Table II as it is printed.
TABLE_II = (
    (1, "00:30:c1:d8:ac:80", "frontend-0", 1, 0, 0, "10.1.1.1", "Gateway machine"),
    (2, "00:01:e7:1a:be:00", "network-0-0", 4, 0, 0, "10.255.255.253", "Switch for Cabinet 0"),
    (3, "00:50:8b:a5:4d:b1", "nfs-0-0", 7, 0, 0, "10.255.255.249", "NFS Server in Cabinet 0"),
    (4, "00:50:8b:e0:3a:a7", "compute-0-0", 2, 0, 0, "10.255.255.245", "Compute node"),
    (5, "00:50:8b:e0:44:5e", "compute-0-1", 2, 0, 1, "10.255.255.244", "Compute node"),
    (6, "00:50:8b:e0:40:95", "compute-0-2", 2, 0, 2, "10.255.255.243", "Compute node"),
    (7, "00:50:8b:e0:40:93", "compute-0-3", 2, 0, 3, "10.255.255.242", "Compute node"),
    (8, "00:50:8b:c5:c7:d3", "web-1-0", 8, 1, 0, "10.255.255.246", "Web Server in Cabinet 1"),
)
READER = "reader"
PASSWORD = "quite public"
SHARED_DATABASE = "cluster"
NETWORK = ("private", "10.0.0.0", "255.0.0.0", "cluster", "private")


def fill(database: Database) -> None:
    """Add Table II and its network to a new database, which already contains Table III."""
    with database.transaction():
        database.execute(
            "insert into networks (name, subnet, netmask, zone, kind) values (?, ?, ?, ?, ?)",
            NETWORK,
        )
        database.execute_many(
            "insert into nodes (id, mac, name, membership, rack, `rank`, ip, comment)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            TABLE_II,
        )


class Urls(NamedTuple):
    """The URLs of the database for a test."""

    administrator: str
    reader: str
    """With the account that sees no secret."""


def engine_of(config: pytest.Config) -> str:
    """Return the engine that ``--engine`` selects."""
    return str(config.getoption("--engine"))


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest) -> Iterator[Optional[Server]]:
    """Run one MariaDB server for the session; None with ``--engine=sqlite``."""
    if engine_of(request.config) != "mariadb":
        yield None
        return
    with fast_folder() as folder, server(folder) as started:
        yield started


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], pathlib.Path]:
    """Return a function that returns an SQLite file with the schema, to be copied by each test."""

    @functools.lru_cache(maxsize=1)
    def create() -> pathlib.Path:
        path = tmp_path_factory.mktemp("template") / "cluster.sqlite"
        with connect(f"sqlite://{path}", create=True, check=False) as database:
            migrate(database)
        return path

    return create


@pytest.fixture
def empty_url(mariadb: Optional[Server], tmp_path: pathlib.Path) -> Iterator[str]:
    """Return the URL of a database without a schema; on SQLite the file does not exist."""
    if mariadb is None:
        yield f"sqlite://{tmp_path / 'cluster.sqlite'}"
        return
    name = f"t{uuid.uuid4().hex[:12]}"
    yield mariadb.create(name)
    mariadb.drop(name)


@pytest.fixture(scope="session")
def mariadb_urls(
    mariadb: Optional[Server], tmp_path_factory: pytest.TempPathFactory
) -> Optional[Urls]:
    """Create a database with the schema and its accounts once: 30 definitions take a while."""
    if mariadb is None:
        return None
    administrator = mariadb.create(SHARED_DATABASE)
    with connect(administrator, check=False) as database:
        migrate(database)
        grant_role(database, "reader", READER, password=PASSWORD)
    credentials = tmp_path_factory.mktemp("accounts") / "reader.cnf"
    credentials.write_text(f"[client]\npassword = {PASSWORD}\n", encoding="utf-8")
    credentials.chmod(0o600)
    return Urls(administrator, mariadb.url(SHARED_DATABASE, READER, str(credentials)))


def reset(database: Database) -> None:
    """Reset a MariaDB database to its state after the migration, including the ids."""
    steps = [step for version in VERSIONS for step in version.steps]
    first_rows = [step.sql for step in steps if step.sql.lstrip().startswith("insert")]
    for table in reversed(TABLES):
        database.execute(f"delete from {table}")
        if "id" in database.columns(table):
            database.execute(f"alter table {table} auto_increment = 1")
    for statement in first_rows:
        database.execute(statement)
    database.execute(
        "update schema_version set version = ?, step = 0, revision = 0", (CURRENT_VERSION,)
    )


@pytest.fixture
def urls(
    mariadb_urls: Optional[Urls],
    sqlite_template: Callable[[], pathlib.Path],
    tmp_path: pathlib.Path,
) -> Urls:
    """Return the URLs of a new database with the schema and Table III."""
    if mariadb_urls:
        with connect(mariadb_urls.administrator, check=False) as database:
            reset(database)
        return mariadb_urls
    path = tmp_path / "cluster.sqlite"
    shutil.copyfile(sqlite_template(), path)
    return Urls(f"sqlite://{path}", f"sqlite://{path}")


@pytest.fixture
def database(urls: Urls) -> Iterator[Database]:
    """Open a new database with the schema and Table III."""
    with connect(urls.administrator) as opened:
        yield opened


@pytest.fixture
def table_ii(database: Database) -> Database:
    """Open the cluster of the paper."""
    fill(database)
    return database


def change_node(database: Database, node_name: str, **changes: Any) -> Node:
    """Change fields of one node, and return the new row."""
    node: Node = ensure_nodes(database, [{**changes, "was": node_name}])[0].after
    return node


def has_mac(database: Database, mac: str) -> bool:
    """Whether a row of ``nodes`` has this MAC."""
    return database.row("select 1 from nodes where mac = ?", (mac,)) is not None


@pytest.fixture
def reader(table_ii: Database, urls: Urls) -> Iterator[Database]:
    """Open the cluster of the paper with the account that runs users' SQL."""
    with connect(urls.reader, read_only=True) as opened:
        yield opened
