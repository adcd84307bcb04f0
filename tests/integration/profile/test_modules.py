"""An administrator can call the modules by short names from a clone."""

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
    options = {
        "path": [tree(tmp_path / "xml", FIGURE_4)],
        "root": "compute",
        "release": "rhel9",
        "attributes": COMPUTE_0_0,
        "dest": str(tmp_path / "compute.ks"),
    }
    result = command("ansible", "localhost", "-m", "rocks_kickstart", "-a", json.dumps(options))
    assert result.returncode == 0, result.stdout + result.stderr
    parse_strictly((tmp_path / "compute.ks").read_text(), "rhel9")


def test_an_error_in_the_xml_is_reported_with_its_line(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path / "xml",
        {**FIGURE_4, "nodes/mpi.xml": "<kickstart>\n<pacakge>x</pacakge></kickstart>"},
    )
    options = {"path": [path], "root": "compute", "release": "rhel9", "attributes": COMPUTE_0_0}
    result = command("ansible", "localhost", "-m", "rocks_kickstart", "-a", json.dumps(options))
    assert result.returncode != 0
    assert re.search(rf"{path}/nodes/mpi.xml:2: .*<pacakge>.*did you mean package", result.stdout)


COMMANDS = re.findall(
    r"^\$ (ansible localhost -m rocks_(?:attribute|appliance|membership) .*)$", PAGE, re.MULTILINE
)


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_page_change_the_database(
    line: str, table_ii: Database, urls: Urls
) -> None:
    if "rocks_membership" in line:
        table_ii.execute("insert into appliances (name, root) values ('viz', 'viz')")
    result = command(*shlex.split(line), env={"ROCKS_DATABASE": urls.administrator})
    assert result.returncode == 0 and "| CHANGED =>" in result.stdout, result.stdout + result.stderr
    again = command(*shlex.split(line), env={"ROCKS_DATABASE": urls.administrator})
    assert "| SUCCESS =>" in again.stdout, again.stdout


def test_the_page_shows_the_commands_for_the_database() -> None:
    assert len(COMMANDS) == 4
