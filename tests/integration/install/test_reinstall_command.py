"""``ansible compute -m rocks_reinstall``: one process for all nodes (paper, 6.3).

The boot method is a program of the test (``outlet_command``).  It advances the orders in the
database, as the HTTP service would for a real machine.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import ROOT, command, module
from support.cluster import Urls
from support.frontend import GENERATION, publish

MACHINE = '''
"""A machine that is switched on and installs at once."""
import sys
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit
audit = Audit("node", "event", "200")
with connect("{url}") as database:
    (order,) = orders.list_live(database, [sys.argv[1]])
    for state in ("booted", "installing", "installed", "up"):
        order = orders.advance(database, order, state, now=timestamps.now(), audit=audit)
'''
COMPUTE = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]


@pytest.fixture
def env(table_ii: Database, urls: Urls, tmp_path: pathlib.Path) -> dict[str, str]:
    """The paper's cluster, a published distribution, and machines that install when switched on."""
    publish(tmp_path / "install")
    (tmp_path / "rocks.yml").write_text(
        f"database: {urls.administrator}\ndistributions: {tmp_path / 'install'}\nscheduler: none\n"
    )
    (tmp_path / "rocks_inventory_rocks.yml").write_text("plugin: npaci.rocks.rocks\n")
    machine = tmp_path / "machine.py"
    machine.write_text(MACHINE.format(url=urls.administrator))
    switch = tmp_path / "switch"
    switch.write_text(
        f"#!/bin/sh\nPYTHONPATH={ROOT}/.collections exec {sys.executable} {machine} $1\n"
    )
    switch.chmod(0o755)
    for name, value in (
        ("timezone", "UTC"),
        ("reinstall_by", "outlet"),
        ("outlet_command", f"{switch} {{node}}"),
    ):
        table_ii.execute(
            "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
            (name, value),
        )
    return {
        "ROCKS_CONFIG": str(tmp_path / "rocks.yml"),
        "inventory": str(tmp_path / "rocks_inventory_rocks.yml"),
    }


def run_module(env: dict[str, str], pattern: str, *words: str) -> str:
    """Run the command, and return its output."""
    result = command(
        "ansible", pattern, "-i", env["inventory"], "-m", "rocks_reinstall", *words, env=env
    )
    return result.stdout + result.stderr


def test_all_compute_nodes_come_up_and_a_second_run_changes_nothing(
    env: dict[str, str], table_ii: Database
) -> None:
    output = run_module(env, "compute")
    assert "4 nodes: 4 up" in output, output
    for node in COMPUTE:
        assert f"{node} up" in output
    rows = table_ii.rows("select state, generation from installs")
    assert rows == [("up", GENERATION)] * 4
    again = run_module(env, "compute")
    assert '"changed": false' in again
    assert "it runs generation" in again


def test_check_mode_lists_the_verdict_and_reason_of_each_node(
    env: dict[str, str], table_ii: Database
) -> None:
    output = run_module(env, "all", "--check")
    assert "compute-0-0 order" in output
    assert "8 nodes: 4 would be ordered, 4 refused (frontend-0, network-0-0, nfs-0-0" in output
    assert "frontend-0 refused" in output
    assert "network-0-0 refused: the appliance 'network' has no root" in output
    assert 'nfs-0-0 refused: no profile for the root "nas"' in output
    assert table_ii.rows("select count(*) from installs") == [(0,)]


def test_without_a_scheduler_in_the_settings_or_the_options_nothing_is_ordered(
    env: dict[str, str], table_ii: Database
) -> None:
    config = pathlib.Path(env["ROCKS_CONFIG"])
    config.write_text(config.read_text().replace("scheduler: none\n", ""))
    for words in ((), ("--check",)):
        output = run_module(env, "compute", *words)
        assert "no scheduler is set" in output and "slurm, pbs, none" in output
    assert table_ii.rows("select count(*) from installs") == [(0,)]
    assert "4 nodes: 4 up" in run_module(env, "compute", "-a", "scheduler=none")


def test_a_query_can_select_the_nodes(env: dict[str, str], table_ii: Database) -> None:
    query = {"ROCKS_QUERY": "select name from nodes where name like 'compute-%' and `rank` >= 2"}
    assert "2 nodes: 2 up" in run_module({**env, **query}, "query")


def run_with_foreign_host(
    env: dict[str, str], folder: pathlib.Path, pattern: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with a second inventory, whose group ``compute`` has a host of its own."""
    (folder / "hosts").write_text("[compute]\nfile-server\n")
    sources = ("-i", env["inventory"], "-i", str(folder / "hosts"))
    return command("ansible", pattern, *sources, "-m", "rocks_reinstall", *words, env=env)


def test_a_foreign_host_in_the_group_is_skipped_with_a_warning(
    env: dict[str, str], table_ii: Database, tmp_path: pathlib.Path
) -> None:
    process = run_with_foreign_host(env, tmp_path, "compute")
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    assert "4 nodes: 4 up" in output
    (warning,) = (line for line in output.split("[WARNING]: ") if "file-server" in line)
    assert "skipped" in warning
    assert table_ii.rows("select count(*) from installs where state = 'up'") == [(4,)]


def test_a_batch_of_foreign_hosts_does_not_end_a_play_in_batches(
    env: dict[str, str], table_ii: Database, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "hosts").write_text("[compute]\nfile-server\n")
    (tmp_path / "play.yml").write_text(
        "- {hosts: 'file-server:compute-0-1', order: reverse_sorted, serial: 1,"
        " gather_facts: false, tasks: [{npaci.rocks.rocks_reinstall: {}}]}\n"
    )
    process = command(
        *("ansible-playbook", "-i", env["inventory"], "-i", str(tmp_path / "hosts")),
        str(tmp_path / "play.yml"),
        env=env,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert re.search(r"skipping: \[file-server\]", process.stdout)
    assert table_ii.rows("select state from installs") == [("up",)]


def test_a_play_without_any_node_fails(
    env: dict[str, str], table_ii: Database, tmp_path: pathlib.Path
) -> None:
    process = run_with_foreign_host(env, tmp_path, "file-server")
    assert process.returncode != 0
    assert "no node 'file-server'" in process.stdout


def test_an_unknown_node_in_the_option_fails_and_nothing_is_ordered(
    env: dict[str, str], table_ii: Database, tmp_path: pathlib.Path
) -> None:
    nodes = "nodes=compute-0-0,file-server"
    process = run_with_foreign_host(env, tmp_path, "localhost", "-a", nodes)
    assert process.returncode != 0
    assert "no node 'file-server'" in process.stdout
    assert table_ii.rows("select count(*) from installs") == [(0,)]


def test_a_node_whose_boot_method_fails_fails_the_command_with_its_reason(
    env: dict[str, str], table_ii: Database
) -> None:
    table_ii.execute("update attributes set value = '/bin/false' where name = 'outlet_command'")
    output = run_module(env, "compute-0-1")
    assert "outlet: ended with status 1" in output
    assert "1 node: 1 not up (compute-0-1)" in output


def test_a_node_that_misses_its_deadline_fails(env: dict[str, str], table_ii: Database) -> None:
    table_ii.execute("update attributes set value = '/bin/true' where name = 'outlet_command'")
    output = run_module(env, "compute-0-1", "-a", '{"deadlines": {"ordered": 1}}')
    assert "compute-0-1 failed: no report for 1 s in the state ordered" in output


def test_an_invalid_option_is_reported_in_check_mode_before_any_verdict(
    env: dict[str, str], table_ii: Database
) -> None:
    output = run_module(env, "compute", "--check", "-a", "serial=x%")
    assert "serial: 'x%'" in output
    assert "compute-0-0 order" not in output


def test_a_node_with_an_unknown_boot_method_is_refused_and_the_others_are_installed(
    env: dict[str, str], table_ii: Database
) -> None:
    table_ii.execute(
        "insert into attributes (scope, node, owner, name, value)"
        " select 'node', id, id, 'reinstall_by', 'redfsh' from nodes where name = 'compute-0-1'"
    )
    output = run_module(env, "compute")
    assert re.search(r"compute-0-1 refused: .*'redfsh'.* reinstall_by; .*reboot, ", output)
    assert "4 nodes: 3 up, 1 refused (compute-0-1)" in output
    assert table_ii.rows("select count(*) from installs") == [(3,)]


def test_the_playbook_reinstalls_nothing_without_a_pattern(
    env: dict[str, str], table_ii: Database
) -> None:
    """A typing error in the name of its variable must not select all nodes."""
    result = command(
        *("ansible-playbook", "-i", env["inventory"], "playbooks/reinstall.yml"),
        *("-e", "nodse=rack_0"),
        env=env,
    )
    assert result.returncode != 0
    assert "-e nodes=rack_1; nothing was ordered" in result.stdout + result.stderr
    assert table_ii.rows("select count(*) from installs") == [(0,)]


def test_the_playbook_installs_the_nodes_of_a_pattern(
    env: dict[str, str], table_ii: Database
) -> None:
    result = command(
        *("ansible-playbook", "-i", env["inventory"], "playbooks/reinstall.yml"),
        *("-e", "nodes=rack_0:&compute", "-e", "waves=50%"),
        env=env,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert [f"{node} up" in result.stdout.splitlines() for node in COMPUTE] == [True] * 4


def test_a_csv_file_cannot_make_the_frontend_a_compute_node_and_it_is_never_installed(
    env: dict[str, str], table_ii: Database, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "rack.csv").write_text("mac,membership\n00:30:c1:d8:ac:80,Compute\n")
    csv = str(tmp_path / "rack.csv")
    refused = command("ansible", "localhost", "-m", "rocks_node", "-a", f"csv={csv}", env=env)
    assert (
        refused.returncode == 2
        and "rack.csv:2: frontend-0 is the frontend (10.1.1.1)" in refused.stdout
    )
    assert "(0)" in run_module(env, "compute:&frontend-0", "--list-hosts")
    table_ii.execute(
        "insert into attributes (scope, owner, name, value)"
        " values ('global', 0, 'frontend_address', '10.1.1.1')"
    )
    allowed = module("rocks_node", {"csv": csv, "allow_frontend": True}, env=env)
    assert allowed["updated"] == ["compute-0-4"]
    output = run_module(env, "compute-0-4", "-a", "force=true rearm=true wipe=true")
    assert "its address 10.1.1.1 is the frontend's (attribute frontend_address)" in output
    assert table_ii.rows("select * from installs") == []
