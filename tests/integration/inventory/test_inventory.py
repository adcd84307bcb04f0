"""The inventory plugin: groups by membership, rack and SQL (paper, 6.4); no templates."""

from __future__ import annotations

import pathlib
import sqlite3
import subprocess
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import command, inventory
from support.cluster import TABLE_II, Urls

CONFIG = """
plugin: npaci.rocks.rocks
query_groups:
  cabinet1: select name from nodes where rack=1
  busy: >-
    select nodes.name from nodes,memberships
    where nodes.membership = memberships.id and memberships.name = 'Compute'
"""
COMPUTE = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]


@pytest.fixture
def path(tmp_path: pathlib.Path, table_ii: Database) -> pathlib.Path:
    """Write the configuration of the inventory for the cluster of the paper."""
    config = tmp_path / "rocks.yml"
    config.write_text(CONFIG)
    return config


@pytest.fixture
def env(urls: Urls) -> dict[str, str]:
    """Return the environment variable that selects the cluster of the paper."""
    return {"ROCKS_DATABASE": urls.administrator}


def list_inventory(path: pathlib.Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ansible-inventory."""
    return command("ansible-inventory", "-i", str(path), "--list", env=env)


def test_the_inventory_has_the_groups_of_table_ii(path: pathlib.Path, env: dict[str, str]) -> None:
    data = inventory(path, env)
    groups = {name: value["hosts"] for name, value in data.items() if "hosts" in value}
    assert groups["compute"] == groups["busy"] == groups["appliance_compute"] == COMPUTE
    assert groups["rack_1"] == groups["cabinet1"] == ["web-1-0"]
    assert len(groups["rack_0"]) == 7
    assert groups["nfs_server"] == ["nfs-0-0"]
    assert sorted(groups["arch_x86_64"]) == sorted(row[2] for row in TABLE_II)


def test_the_inventory_has_the_variables_of_a_node(path: pathlib.Path, env: dict[str, str]) -> None:
    variables = inventory(path, env)["_meta"]["hostvars"]["compute-0-3"]
    assert {
        "ansible_host": "10.255.255.242",
        "rocks_id": 7,
        "rocks_mac": "00:50:8b:e0:40:93",
        "rocks_membership": "Compute",
        "rocks_appliance": "compute",
        "rocks_rack": 0,
        "rocks_rank": 3,
        "rocks_arch": "x86_64",
    }.items() <= variables.items()


def test_rocks_query_makes_a_group_without_editing_a_file(
    path: pathlib.Path, env: dict[str, str]
) -> None:
    query = {"ROCKS_QUERY": "select name from nodes where `rank` > 1"}
    process = command("ansible", "query", "-i", str(path), "--list-hosts", env={**env, **query})
    assert process.stdout.split() == ["hosts", "(2):", "compute-0-2", "compute-0-3"]


def test_constructed_expressions_work_also_for_rack_0(
    path: pathlib.Path, env: dict[str, str], table_ii: Database
) -> None:
    path.write_text(
        """
plugin: npaci.rocks.rocks
strict: true
compose: {position: "rocks_rack ~ '/' ~ rocks_rank"}
groups: {first: rocks_rank == 0}
keyed_groups: [{key: rocks_rack | string, prefix: cabinet}]
"""
    )
    data = inventory(path, env)
    assert data["_meta"]["hostvars"]["compute-0-3"]["position"] == "0/3"
    assert len(data["cabinet_0"]["hosts"]) == 7
    assert "web-1-0" in data["first"]["hosts"]


def test_a_cached_inventory_works_without_the_database(
    path: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    path.write_text(
        CONFIG + f"cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path / 'cache'}\n"
    )
    first = inventory(path, env)
    pathlib.Path(env["ROCKS_DATABASE"].removeprefix("sqlite://")).unlink()
    assert inventory(path, env) == first


FAILING_QUERIES = [
    pytest.param("delete from nodes", "not a query", id="write"),
    pytest.param("select name from nodez", "no such table", id="unknown-table"),
    pytest.param("select name from networks", "'private'", id="not-nodes"),
    pytest.param("select value from secrets", "prohibited", id="secret"),
    pytest.param(
        "with recursive n(i) as (select 1 union all select i + 1 from n)"
        " select i from n where i < 0",
        "time limit",
        id="endless",
    ),
]


@pytest.mark.parametrize(("sql", "message"), FAILING_QUERIES)
def test_a_failing_query_is_one_error(
    path: pathlib.Path, env: dict[str, str], sql: str, message: str, table_ii: Database
) -> None:
    path.write_text(f'plugin: npaci.rocks.rocks\ntime_limit: 0.3\nquery_groups:\n  bad: "{sql}"\n')
    process = list_inventory(path, {**env, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"})
    assert process.returncode != 0
    assert message in " ".join(process.stderr.split())
    assert table_ii.rows("select count(*) from nodes") == [(8,)]


def test_a_misspelled_option_is_rejected_with_the_known_ones(
    path: pathlib.Path, env: dict[str, str]
) -> None:
    path.write_text(
        "plugin: npaci.rocks.rocks\nquery_group: {rack1: select name from nodes where rack=1}\n"
    )
    errors = " ".join(list_inventory(path, env).stderr.split())
    assert f"{path}: unknown option 'query_group'" in errors
    assert "query_groups" in errors


def test_a_missing_database_gives_an_empty_inventory_and_a_warning(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    process = list_inventory(path, {"ROCKS_DATABASE": f"sqlite://{tmp_path}/none"})
    assert process.returncode == 0
    assert "no such database" in " ".join(process.stderr.split())


def test_an_unreachable_server_is_an_error(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    url = f"mysql://root@localhost/cluster?socket={tmp_path}/missing"
    env = {"ROCKS_DATABASE": url, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    assert list_inventory(path, env).returncode != 0


def set_template_as_value(database: Database) -> None:
    """Set an attribute to a text that looks like a template."""
    database.execute(
        "insert into attributes (scope, owner, name, value) values ('global', 0, 'motto', ?)",
        ("{{ 7 * 7 }}",),
    )


def motto(path: pathlib.Path, env: dict[str, str], bin: pathlib.Path) -> str:
    """Return what a task prints of the attribute."""
    process = command(
        *("ansible", "compute-0-0", "-i", str(path), "-m", "debug"),
        *("-a", "msg={{ rocks_attributes.motto }}"),
        env=env,
        bin=bin,
    )
    return process.stdout + process.stderr


@pytest.mark.parametrize("release", ["2.16", "2.18", "current"])
def test_values_of_the_database_are_never_rendered_as_templates(
    path: pathlib.Path, env: dict[str, str], table_ii: Database, release: str, old_ansible: Any
) -> None:
    set_template_as_value(table_ii)
    output = motto(path, env, old_ansible(release))
    assert '"msg": "{{ 7 * 7 }}"' in output
    assert "49" not in output


def test_reading_the_inventory_does_not_change_the_database(
    path: pathlib.Path, env: dict[str, str]
) -> None:
    file = pathlib.Path(env["ROCKS_DATABASE"].removeprefix("sqlite://"))
    with sqlite3.connect(file) as connection:
        before = list(connection.iterdump())
    inventory(path, env)
    with sqlite3.connect(file) as connection:
        assert list(connection.iterdump()) == before
