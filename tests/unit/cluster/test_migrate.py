"""A migration moves the schema forward, step by step, however often it is interrupted."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import (
    Database,
    connect,
    schema_version,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    list_networks,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import (
    CURRENT_VERSION,
    VERSIONS,
    Step,
    Version,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Refused, RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.install.orders import load_candidates
from ansible_collections.npaci.rocks.plugins.module_utils.install.recipes import load_recipes
from support.cluster import fill

NEXT = Version(
    CURRENT_VERSION + 1,
    (
        Step("create table if not exists moons (id {id}, name varchar(9) not null unique){table}"),
        Step("insert into moons (name) values ('Io')"),
        Step("insert into moons (name) values ('Europa')"),
    ),
)


def open_empty(url: str) -> Database:
    return connect(url, create=True, check=False)


def test_a_migration_creates_the_schema_and_a_second_one_changes_nothing(empty_url: str) -> None:
    with open_empty(empty_url) as database:
        assert [migrate(database), migrate(database)] == [
            (0, CURRENT_VERSION),
            (CURRENT_VERSION, CURRENT_VERSION),
        ]
        fill(database)
    connect(empty_url).close()


def test_a_dry_run_of_a_migration_changes_nothing(empty_url: str) -> None:
    with open_empty(empty_url) as database:
        assert migrate(database, dry_run=True) == (0, CURRENT_VERSION)
        assert schema_version(database) == 0


def test_a_migration_keeps_existing_rows(empty_url: str) -> None:
    with open_empty(empty_url) as database:
        migrate(database)
        fill(database)
        assert migrate(database, versions=(*VERSIONS, NEXT)) == (
            CURRENT_VERSION,
            CURRENT_VERSION + 1,
        )
        assert database.row("select count(*) from nodes") == (8,)
        assert database.rows("select name from moons order by id") == [("Io",), ("Europa",)]


@pytest.mark.parametrize("good_steps", range(len(VERSIONS[0].steps) + 1))
def test_an_interrupted_migration_continues_where_it_stopped(
    empty_url: str, good_steps: int
) -> None:
    failing = Version(1, (*VERSIONS[0].steps[:good_steps], Step("nonsense")))
    with open_empty(empty_url) as database, pytest.raises(RocksError):
        migrate(database, versions=(failing,))
    with open_empty(empty_url) as database:
        assert schema_version(database) == 0
        migrate(database)
        fill(database)
        assert database.row("select count(*) from memberships") == (9,)


def test_repeating_a_definition_does_no_harm(
    database: Database,
) -> None:
    definitions = tuple(
        step for step in VERSIONS[0].steps if not step.sql.strip().startswith("insert")
    )
    database.execute("update schema_version set version = 0, step = 0")
    migrate(database, versions=(Version(1, definitions),))
    fill(database)


def test_concurrent_migrations_run_once(empty_url: str) -> None:
    open_empty(empty_url).close()
    errors: list[Exception] = []

    def run() -> None:
        try:
            with open_empty(empty_url) as database:
                migrate(database)
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with connect(empty_url) as database:
        assert database.row("select count(*) from appliances") == (7,)


def test_private_networks_of_version_1_stay_bootable(empty_url: str) -> None:
    with open_empty(empty_url) as database:
        migrate(database, versions=VERSIONS[:1])
        fill(database)
        database.execute(
            "insert into networks (name, subnet, netmask, kind)"
            " values ('bmc', '192.168.0.0', '255.255.0.0', 'management')"
        )
        migrate(database)
        assert [(network.name, network.boot) for network in list_networks(database)] == [
            ("private", True),
            ("bmc", False),
        ]


@pytest.mark.parametrize("released", range(1, len(VERSIONS)))
def test_orders_of_every_released_schema_are_kept_without_a_recipe(
    empty_url: str, released: int
) -> None:
    with open_empty(empty_url) as database:
        migrate(database, versions=VERSIONS[:released])
        fill(database)
        database.execute(
            "insert into installs (uuid, node, state, distribution, arch, generation, profile,"
            " ordered_by, ordered, expires, changed)"
            " values ('u1', 4, 'up', 'rocks', 'x86_64', '4c19', 'a0', 'root', '', '', '')"
        )
        migrate(database)
        assert schema_version(database) == CURRENT_VERSION
        (candidate,) = load_candidates(database, ["compute-0-0"])
        assert candidate.last and candidate.last.pin.generation == "4c19"
        assert load_recipes(database, [candidate.last]) == {}


def test_a_newer_schema_is_never_downgraded(database: Database) -> None:
    database.execute("update schema_version set version = 99")
    with pytest.raises(Refused, match=rf"version 99.* {CURRENT_VERSION}; update npaci.rocks"):
        migrate(database)
