# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/insert-ethers.yml on the command line, and the variables of all playbooks."""

from __future__ import annotations

import json
import pathlib
import re
import shlex

import yaml
from ansible.parsing.splitter import parse_kv
from ansible.vars.reserved import get_reserved_names

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.insert_ethers import (
    argument_spec,
)
from support.ansible import ROOT, command
from support.cluster import Urls

PLAYBOOK = "playbooks/insert-ethers.yml"


def play(urls: Urls, tmp_path: pathlib.Path, *words: str) -> str:
    """Run the playbook and return its output."""
    settings = tmp_path / "rocks.yml"
    settings.write_text(f"database: {urls.administrator}\n")
    finished = command("ansible-playbook", PLAYBOOK, *words, env={"ROCKS_CONFIG": str(settings)})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_machines_of_a_table_become_nodes_and_a_second_run_changes_nothing(
    urls: Urls, table_ii: Database, tmp_path: pathlib.Path
) -> None:
    table = tmp_path / "rack-7.csv"
    table.write_text("mac,rack,rank\n00:50:8b:00:00:01,7,0\n00:50:8b:00:00:02,7,1\n")
    words = (
        "-e",
        f"table={table}",
        "-e",
        "source=table",
        "-e",
        "install=false",
        "-e",
        "comment=new",
    )
    assert "changed=1" in play(urls, tmp_path, *words)
    assert [
        node.name
        for node in list_nodes(table_ii, ["compute-7-0", "compute-7-1"])
        if node.comment == "new"
    ] == [
        "compute-7-0",
        "compute-7-1",
    ]
    assert "changed=0" in play(urls, tmp_path, *words)


def test_nodes_are_removed(urls: Urls, table_ii: Database, tmp_path: pathlib.Path) -> None:
    assert "1 removed" in play(urls, tmp_path, "-e", json.dumps({"remove": ["compute-0-3"]}))
    assert "compute-0-3" not in [node.name for node in list_nodes(table_ii)]


def test_the_playbook_passes_every_option_of_the_module() -> None:
    (tasks,) = (play["tasks"] for play in yaml.safe_load((ROOT / PLAYBOOK).read_text()))
    assert set(tasks[1]["npaci.rocks.rocks_insert_ethers"]) == set(argument_spec())


def test_no_variable_of_a_playbook_is_a_reserved_name_of_ansible() -> None:
    variable = re.compile(r"{{ (\w+) \| default|-e (?:'{\")?(\w+)|- (\w+) is defined")
    reserved = get_reserved_names()
    texts = {path.name: path.read_text() for path in (ROOT / "playbooks").glob("*.yml")}
    variables = {
        (name, word)
        for name, text in texts.items()
        for words in variable.findall(text)
        for word in words
        if word
    }
    assert {
        ("insert-ethers.yml", "seconds"),
        ("cluster-kill.yml", "sql"),
        ("reinstall.yml", "nodes"),
    } <= variables
    assert sorted(name for _playbook, name in variables if name in reserved) == []


def test_variables_in_documented_commands_are_quoted_for_ansible() -> None:
    """Ansible splits the argument of -e at spaces, although the shell passes it as one word."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "playbooks").glob("*.yml")]
    lines = [line.strip(" $#\\") for page in pages for line in page.read_text().splitlines()]
    commands = [
        shlex.split(line, comments=True) for line in lines if line.startswith("ansible-playbook ")
    ]
    arguments = [word for words in commands for flag, word in zip(words, words[1:]) if flag == "-e"]
    assert "membership='Ethernet Switches'" in arguments
    assert [
        word for word in arguments if not word.startswith("{") and len(parse_kv(word)) != 1
    ] == []
