"""The modules as an administrator calls them: by their short names, from a clone, in a process of their own."""

from __future__ import annotations

import json
import pathlib
import re
import shlex

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import ROOT, command
from support.cluster import Urls
from support.kickstarts import COMPUTE_0_0, FIGURE_4, parse_strictly, tree

PAGE = (ROOT / "docs" / "profiles.md").read_text()


def test_a_kickstart_can_be_written_from_the_command_line(tmp_path: pathlib.Path) -> None:
    asked = {
        "path": [tree(tmp_path / "xml", FIGURE_4)],
        "root": "compute",
        "release": "rhel9",
        "attributes": COMPUTE_0_0,
        "dest": str(tmp_path / "compute.ks"),
    }
    ended = command("ansible", "localhost", "-m", "rocks_kickstart", "-a", json.dumps(asked))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    parse_strictly((tmp_path / "compute.ks").read_text(), "rhel9")


def test_an_error_in_the_xml_is_reported_with_its_line(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path / "xml",
        {**FIGURE_4, "nodes/mpi.xml": "<kickstart>\n<pacakge>x</pacakge></kickstart>"},
    )
    asked = {"path": [path], "root": "compute", "release": "rhel9", "attributes": COMPUTE_0_0}
    ended = command("ansible", "localhost", "-m", "rocks_kickstart", "-a", json.dumps(asked))
    assert ended.returncode != 0
    assert re.search(rf"{path}/nodes/mpi.xml:2: .*<pacakge>.*did you mean package", ended.stdout)


COMMANDS = re.findall(
    r"^\$ (ansible localhost -m rocks_(?:attribute|appliance|membership) .*)$", PAGE, re.MULTILINE
)


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_page_change_the_database(
    line: str, table_ii: Database, urls: Urls
) -> None:
    if "rocks_membership" in line:
        table_ii.execute("insert into appliances (name, root) values ('viz', 'viz')")
    ended = command(*shlex.split(line), env={"ROCKS_DATABASE": urls.administrator})
    assert ended.returncode == 0 and "| CHANGED =>" in ended.stdout, ended.stdout + ended.stderr
    again = command(*shlex.split(line), env={"ROCKS_DATABASE": urls.administrator})
    assert "| SUCCESS =>" in again.stdout, again.stdout


def test_the_page_shows_the_commands_for_the_database() -> None:
    assert len(COMMANDS) == 4
