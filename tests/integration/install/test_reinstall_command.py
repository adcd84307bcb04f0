"""``ansible compute -m rocks_reinstall`` as an administrator types it: one process for all nodes (paper, 6.3).

The nodes are reached by a command of the test's (``outlet_command``), which speaks for the machine to the database
through the room, as the HTTP face would.
"""

from __future__ import annotations

import pathlib
import sys

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import ROOT, command, module
from support.cluster import Urls
from support.frontend import GENERATION, publish

MACHINE = '''
"""A machine that is switched on and installs itself at once."""
import sys
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Progress
with connect("{url}") as database:
    (order,) = orders.list_live(database, [sys.argv[1]])
    for state in ("booted", "installing", "installed", "up"):
        order = orders.advance(database, order, state, now=timestamps.now(), audit=Audit("node", "event", "200"))
'''
COMPUTE = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]


@pytest.fixture
def env(table_ii: Database, urls: Urls, tmp_path: pathlib.Path) -> dict[str, str]:
    """The paper's cluster with a published distribution, and machines that a command switches on."""
    publish(tmp_path / "install")
    (tmp_path / "rocks.yml").write_text(
        f"database: {urls.administrator}\ndistributions: {tmp_path / 'install'}\n"
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


def ask(env: dict[str, str], pattern: str, *words: str) -> str:
    """What the command says."""
    ended = command(
        "ansible", pattern, "-i", env["inventory"], "-m", "rocks_reinstall", *words, env=env
    )
    return ended.stdout + ended.stderr


def test_all_compute_nodes_come_up_and_a_second_run_changes_nothing(
    env: dict[str, str], table_ii: Database
) -> None:
    said = ask(env, "compute")
    assert "4 nodes, 0 not up" in said, said
    for node in COMPUTE:
        assert f"{node} up" in said
    rows = table_ii.rows("select state, generation from installs")
    assert rows == [("up", GENERATION)] * 4
    again = ask(env, "compute")
    assert '"changed": false' in again
    assert "it runs generation" in again


def test_check_mode_lists_what_would_happen_and_why(
    env: dict[str, str], table_ii: Database
) -> None:
    said = ask(env, "all", "--check")
    assert "compute-0-0 order" in said
    assert "8 nodes, 4 would be ordered, 4 refused: frontend-0, network-0-0, nfs-0-0" in said
    assert "frontend-0 refused" in said
    assert "network-0-0 refused: the appliance 'network' has no root" in said
    assert 'nfs-0-0 refused: no profile for the root "nas"' in said
    assert table_ii.rows("select count(*) from installs") == [(0,)]


def test_sql_names_the_nodes(env: dict[str, str], table_ii: Database) -> None:
    query = {"ROCKS_QUERY": "select name from nodes where name like 'compute-%' and `rank` >= 2"}
    assert "2 nodes, 0 not up" in ask({**env, **query}, "query")


def test_a_node_that_cannot_be_reached_fails_the_command_with_its_reason(
    env: dict[str, str], table_ii: Database
) -> None:
    table_ii.execute("update attributes set value = '/bin/false' where name = 'outlet_command'")
    said = ask(env, "compute-0-1")
    assert "outlet: ended with status 1" in said
    assert "1 node, 1 not up: compute-0-1" in said


def test_a_node_that_is_silent_for_longer_than_its_deadline_fails(
    env: dict[str, str], table_ii: Database
) -> None:
    table_ii.execute("update attributes set value = '/bin/true' where name = 'outlet_command'")
    said = ask(env, "compute-0-1", "-a", '{"deadlines": {"ordered": 1}}')
    assert "compute-0-1 failed: nothing was heard of it for 1 s, when it was ordered" in said


def test_a_fault_of_the_options_is_told_before_anything_is_looked_at(
    env: dict[str, str], table_ii: Database
) -> None:
    """In check mode too: what it foretells must come about."""
    said = ask(env, "compute", "--check", "-a", "serial=x%")
    assert "serial: 'x%' is no size of a wave" in said
    assert "compute-0-0 order" not in said


def test_a_node_whose_way_does_not_exist_is_refused_and_the_others_go(
    env: dict[str, str], table_ii: Database
) -> None:
    add = "insert into attributes (scope, node, owner, name, value) select 'node', id, id, 'reinstall_by', 'redfsh' from nodes"
    table_ii.execute(add + " where name = 'compute-0-1'")
    said = ask(env, "compute")
    assert (
        "compute-0-1 refused: the attribute reinstall_by names 'redfsh'; it knows reboot, " in said
    )
    assert "4 nodes, 1 not up: compute-0-1" in said
    assert table_ii.rows("select count(*) from installs") == [(3,)]


def test_the_playbook_reinstalls_nothing_when_no_nodes_are_named(
    env: dict[str, str], table_ii: Database
) -> None:
    """A slip in the name of its variable must not mean every node."""
    ended = command(
        "ansible-playbook",
        "-i",
        env["inventory"],
        "playbooks/reinstall.yml",
        "-e",
        "nodse=rack_0",
        env=env,
    )
    assert ended.returncode != 0
    assert "say which nodes: -e nodes=rack_1; nothing was ordered" in ended.stdout + ended.stderr
    assert table_ii.rows("select count(*) from installs") == [(0,)]


def test_the_playbook_takes_a_pattern(env: dict[str, str], table_ii: Database) -> None:
    words = (
        "-i",
        env["inventory"],
        "playbooks/reinstall.yml",
        "-e",
        "nodes=rack_0:&compute",
        "-e",
        "waves=50%",
    )
    ended = command("ansible-playbook", *words, env=env)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [f"{node} up" in ended.stdout.splitlines() for node in COMPUTE] == [True] * 4


def test_the_frontend_becomes_no_compute_node_by_a_list_and_is_never_installed(
    env: dict[str, str], table_ii: Database, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "rack.csv").write_text("mac,membership\n00:30:c1:d8:ac:80,Compute\n")
    listed = {"csv": str(tmp_path / "rack.csv")}
    refused = command(
        "ansible", "localhost", "-m", "rocks_node", "-a", f"csv={listed['csv']}", env=env
    )
    assert (
        refused.returncode == 2
        and "rack.csv:2: frontend-0 is the frontend (10.1.1.1)" in refused.stdout
    )
    assert "(0)" in ask(env, "compute:&frontend-0", "--list-hosts")
    table_ii.execute(
        "insert into attributes (scope, owner, name, value) values ('global', 0, 'frontend_address', '10.1.1.1')"
    )
    allowed = module("rocks_node", {**listed, "allow_frontend": True}, env=env)
    assert allowed["updated"] == ["compute-0-4"]
    said = ask(env, "compute-0-4", "-a", "force=true rearm=true wipe=true")
    assert "its address 10.1.1.1 is the frontend's (attribute frontend_address)" in said
    assert table_ii.rows("select * from installs") == []
