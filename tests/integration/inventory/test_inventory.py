"""The inventory plugin: groups by membership, rack and SQL (paper, 6.4); no templates."""

from __future__ import annotations

import pathlib
import sqlite3
import subprocess
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from support.ansible import ROOT, command, inventory
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


@pytest.mark.parametrize("release", ["2.16", "current"])
@pytest.mark.parametrize("key", ["rocks_rack", "rocks_rack | string", "[rocks_rack | string]"])
def test_constructed_expressions_work_also_for_racks_0_and_100(
    path: pathlib.Path,
    env: dict[str, str],
    table_ii: Database,
    key: str,
    release: str,
    old_ansible: Any,
) -> None:
    path.write_text(
        f"""
plugin: npaci.rocks.rocks
strict: true
compose: {{position: "rocks_rack ~ '/' ~ rocks_rank"}}
groups: {{first: rocks_rank == 0}}
keyed_groups: [{{key: "{key}", prefix: cabinet}}]
"""
    )
    add_nodes(table_ii, [NewNode(rack=100)])
    data = inventory(path, env, old_ansible(release))
    assert data["cabinet_100"]["hosts"] == ["compute-100-0"]
    assert data["_meta"]["hostvars"]["compute-0-3"]["position"] == "0/3"
    assert len(data["cabinet_0"]["hosts"]) == 7
    assert "web-1-0" in data["first"]["hosts"]


@pytest.mark.parametrize(
    "line", ["plugin: npaci.rocks.rocks", "plugin: 'npaci.rocks.rocks'  # nodes", "plugin: rocks"]
)
def test_the_inventory_file_can_have_any_name(
    env: dict[str, str], tmp_path: pathlib.Path, table_ii: Database, line: str
) -> None:
    path = tmp_path / "cluster.yml"
    path.write_text(f"---\n{line}\n")
    assert inventory(path, env)["compute"]["hosts"] == COMPUTE


def test_a_group_of_a_query_can_contain_hyphens(path: pathlib.Path, env: dict[str, str]) -> None:
    path.write_text(
        "plugin: npaci.rocks.rocks\nquery_groups: {big-memory: select name from nodes}\n"
    )
    process = command("ansible", "big-memory", "-i", str(path), "--list-hosts", env=env)
    assert "(8)" in process.stdout


@pytest.mark.parametrize("group", ["compute", "rack_1", "appliance_nas", "web-1-0"])
def test_a_group_of_a_query_cannot_add_nodes_to_another_group(
    path: pathlib.Path, env: dict[str, str], group: str
) -> None:
    path.write_text(
        f"plugin: npaci.rocks.rocks\nquery_groups: {{{group}: select name from nodes}}\n"
    )
    process = list_inventory(path, env)
    assert process.returncode == 4
    assert f"group '{group}'" in process.stderr.splitlines()[0]


def test_a_cluster_of_100_racks_and_12000_nodes(
    path: pathlib.Path, env: dict[str, str], table_ii: Database
) -> None:
    add_nodes(
        table_ii, [NewNode(rack=100 + number % 100) for number in range(12_000 - len(TABLE_II))]
    )
    path.write_text("plugin: npaci.rocks.rocks\n")
    data = inventory(path, env)
    assert len(data["_meta"]["hostvars"]) == 12_000
    assert len(data["rack_100"]["hosts"]) == 120
    assert data["rack_199"]["hosts"][0] == "compute-199-0"


def test_names_without_racks(path: pathlib.Path, env: dict[str, str], table_ii: Database) -> None:
    set_attribute(table_ii, "name_pattern", "c{rank:04}", Scope(appliance="compute"))
    add_nodes(table_ii, [NewNode(), NewNode(rack=7)])
    assert inventory(path, env)["rack_7"]["hosts"] == ["c0005"]
    assert inventory(path, env)["compute"]["hosts"] == [*COMPUTE, "c0004", "c0005"]


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
    path.write_text(f'plugin: npaci.rocks.rocks\ntime_limit: 2\nquery_groups:\n  bad: "{sql}"\n')
    process = list_inventory(path, env)
    assert process.returncode == 4
    reason = process.stderr.splitlines()[0]
    assert "group 'bad'" in reason
    assert message in reason
    assert table_ii.rows("select count(*) from nodes") == [(8,)]


def test_a_misspelled_option_is_rejected_with_the_known_ones(
    path: pathlib.Path, env: dict[str, str]
) -> None:
    path.write_text(
        "plugin: npaci.rocks.rocks\nquery_group: {rack1: select name from nodes where rack=1}\n"
    )
    process = list_inventory(path, env)
    assert process.returncode == 4
    reason = process.stderr.splitlines()[0]
    assert f"{path}: unknown option 'query_group'" in reason
    assert "query_groups" in reason


def test_a_missing_database_gives_an_empty_inventory_and_a_warning(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    process = list_inventory(path, {"ROCKS_DATABASE": f"sqlite://{tmp_path}/none"})
    assert process.returncode == 0
    assert "no such database" in " ".join(process.stderr.split())


def unusable_databases(folder: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Return URLs of databases that cannot be read, each with words of the reason."""
    (folder / "broken").write_text("not a database " * 100)
    (folder / "empty").touch()
    return {
        "missing": (f"sqlite://{folder}/missing", "no such database"),
        "broken": (f"sqlite://{folder}/broken", "not a usable SQLite database"),
        "without-schema": (f"sqlite://{folder}/empty", "no schema"),
        "away": (f"mysql://root@localhost/cluster?socket={folder}/socket", f"{folder}/socket"),
    }


UNUSABLE = ["missing", "broken", "without-schema", "away"]
PING = ("-m", "ping")


@pytest.mark.parametrize("state", UNUSABLE)
def test_a_command_for_nodes_fails_with_the_reason_first(
    path: pathlib.Path, tmp_path: pathlib.Path, state: str
) -> None:
    url, reason = unusable_databases(tmp_path)[state]
    process = command("ansible", "all", "-i", str(path), *PING, env={"ROCKS_DATABASE": url})
    assert process.returncode == 4
    assert process.stdout == ""
    first, second = process.stderr.strip().splitlines()
    assert reason in first
    assert "-i localhost," in second


@pytest.mark.parametrize("release", ["2.16", "2.18", "current"])
def test_every_release_reports_a_wrong_column_first_and_fails(
    path: pathlib.Path, env: dict[str, str], release: str, old_ansible: Any
) -> None:
    query = {"ROCKS_QUERY": "select nam from nodes"}
    process = command(
        *("ansible", "query", "-i", str(path), *PING),
        env={**env, **query},
        bin=old_ansible(release),
    )
    assert process.returncode == 4
    assert process.stdout == ""
    assert "group 'query'" in process.stderr.splitlines()[0]
    assert "nam" in process.stderr.splitlines()[0]


def test_a_failing_inventory_fails_the_command_for_hosts_of_another_inventory(
    path: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "hosts").write_text("other ansible_connection=local\n")
    sources = ("-i", str(tmp_path / "hosts"), "-i", str(path))
    query = {"ROCKS_QUERY": "select nam from nodes"}
    process = command("ansible", "other", *sources, *PING, env={**env, **query})
    assert process.returncode == 4
    assert process.stdout == ""


@pytest.mark.parametrize("state", UNUSABLE)
def test_localhost_needs_no_database(
    path: pathlib.Path, tmp_path: pathlib.Path, state: str
) -> None:
    url, reason = unusable_databases(tmp_path)[state]
    process = command("ansible", "localhost", "-i", str(path), *PING, env={"ROCKS_DATABASE": url})
    assert process.returncode == 0
    assert "pong" in process.stdout
    assert "".join(reason.split()) in "".join(process.stderr.split())


@pytest.mark.parametrize("state", UNUSABLE)
@pytest.mark.parametrize("playbook", ["frontend", "rebuild-dist", "restore"])
def test_the_playbooks_of_the_frontend_need_no_database(
    path: pathlib.Path, tmp_path: pathlib.Path, state: str, playbook: str
) -> None:
    process = command(
        *("ansible-playbook", "-i", str(path), "--list-hosts", f"playbooks/{playbook}.yml"),
        env={"ROCKS_DATABASE": unusable_databases(tmp_path)[state][0]},
    )
    assert process.returncode == 0, process.stderr
    assert "localhost" in process.stdout


@pytest.mark.parametrize("playbook", ["reinstall", "verify"])
def test_a_playbook_for_nodes_fails_without_a_database(
    path: pathlib.Path, tmp_path: pathlib.Path, playbook: str
) -> None:
    process = command(
        *("ansible-playbook", "-i", str(path), "-e", "nodes=compute"),
        f"playbooks/{playbook}.yml",
        env={"ROCKS_DATABASE": f"sqlite://{tmp_path}/none"},
    )
    assert process.returncode == 4
    assert "no such database" in process.stderr.splitlines()[0]


@pytest.mark.parametrize("configuration", ["ansible.cfg", "frontend"])
def test_an_inventory_file_that_no_plugin_reads_fails_the_command(
    path: pathlib.Path, env: dict[str, str], tmp_path: pathlib.Path, configuration: str
) -> None:
    """Both configurations must set Ansible's option, because here our plugin never runs."""
    file = ROOT / "ansible.cfg"
    if configuration == "frontend":
        template = ROOT / "roles/frontend/templates/ansible.cfg.j2"
        section = template.read_text().partition("[inventory]")
        file = tmp_path / "ansible.cfg"
        file.write_text("".join(section[1:]))
    process = command(
        *("ansible", "localhost", "-i", str(tmp_path / "rokcs.yml"), *PING),
        env={**env, "ANSIBLE_CONFIG": str(file)},
    )
    assert process.returncode != 0
    assert process.stdout == ""


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
