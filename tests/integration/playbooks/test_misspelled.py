# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Roles and playbooks report unknown variables before they change anything, because one may be a
misspelling.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
import yaml

from support.ansible import ROOT, command
from support.cluster import Urls

PLAYBOOKS = [path for path in sorted((ROOT / "playbooks").glob("*.yml")) if not path.is_symlink()]
REQUIRED = {
    "cluster-kill": ("-e", "sql='select name from nodes'", "-e", "process=bad-job"),
    "reinstall": ("-e", "nodes=all"),
    "verify": ("-e", "nodes=all"),
    "console": ("-e", "nodes=all"),
}
"""Arguments without which a playbook has no hosts."""


@pytest.mark.parametrize(
    ("playbook", "variables", "role"),
    [
        (
            "frontend.yml",
            ["frontend_private_interface=nowhere0", "frontend_schedular=pbs", "frontend_hommes="],
            "frontend",
        ),
        ("rebuild-dist.yml", ["distribution_mirrror=http://127.0.0.1:9/"], "distribution"),
    ],
)
def test_the_error_on_a_misspelled_variable_names_it_and_the_list_of_variables(
    playbook: str, variables: list[str], role: str
) -> None:
    """Use check mode and an unknown interface, so that a role without the check changes nothing
    here.
    """
    words = [word for variable in variables for word in ("-e", variable)]
    finished = command(
        "ansible-playbook",
        f"playbooks/{playbook}",
        "-i",
        "localhost,",
        "-c",
        "local",
        "--check",
        *words,
    )
    unknown = sorted(
        variable.partition("=")[0]
        for variable in variables
        if variable != "frontend_private_interface=nowhere0"
    )
    output = finished.stdout + finished.stderr
    assert finished.returncode != 0
    assert re.search(
        rf"{', '.join(unknown)}; `ansible-doc -t role npaci\.rocks\.{role}`", output
    ), output


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_rejects_an_unknown_variable_before_it_does_anything(
    urls: Urls, table_ii: object, tmp_path: pathlib.Path, path: pathlib.Path
) -> None:
    """A limit leaves out the plays for localhost, so the check must be where the work is."""
    hosts = "localhost\ncompute-0-0\n[all:vars]\nansible_connection=local\n"
    (tmp_path / "hosts").write_text(hosts)
    limit = ("--limit", "compute-0-0") if path.stem in REQUIRED else ()
    arguments = [*REQUIRED.get(path.stem, ()), "-e", '{"nodez": 1}', "-e", "ansible_user=root"]
    finished = command(
        *("ansible-playbook", str(path), "--check", "-i", str(tmp_path / "hosts"), *limit),
        *arguments,
        env={"ROCKS_DATABASE": urls.administrator},
    )
    output = " ".join((finished.stdout + finished.stderr).split())
    assert finished.returncode != 0
    assert "unknown variable 'nodez'" in output, output
    assert re.search(r"; nothing was \w+", output)
    assert "ansible_user" not in output.replace("ansible_user=root", "")
    tasks = re.findall(r"TASK \[([^]]*)\]", output)
    assert tasks[-1] == "Reject unknown variables"


def test_a_similar_variable_is_suggested(tmp_path: pathlib.Path) -> None:
    (tmp_path / "extra.yml").write_text("schedular: slurm\n")
    finished = command(
        *("ansible-playbook", "playbooks/reinstall.yml", "-i", "localhost,", "-c", "local"),
        *("-e", "nodes=localhost", "-e", f"@{tmp_path}/extra.yml", "-e", "force=true"),
    )
    output = " ".join((finished.stdout + finished.stderr).split())
    assert "unknown variable 'schedular'; did you mean scheduler?; nothing was ordered" in output


def known_variables(tasks: list[dict[str, Any]]) -> set[str]:
    (guard,) = (task for task in tasks if task["name"] == "Reject unknown variables")
    return set(re.findall(r"'(\w+)'", guard["vars"]["unknown"]))


@pytest.mark.parametrize(
    "path",
    [path for path in PLAYBOOKS if path.stem not in ("frontend", "rebuild-dist", "restore")],
    ids=lambda path: path.stem,
)
def test_the_variables_that_a_playbook_reads_are_known(path: pathlib.Path) -> None:
    text = path.read_text()
    play = yaml.safe_load(text)[-1]
    read = set(re.findall(r"{{ \[?(\w+) \| default|lookup\('npaci.rocks.rocks_sql', (\w+),", text))
    names = {name for pair in read for name in pair if name}
    documented = set(re.findall(r"^#.* -e \"?(\w+)=", text, re.MULTILINE))
    known = known_variables(play["tasks"])
    assert documented <= known
    assert {name for name in names if not name.startswith("cluster_kill")} <= known
    assert all(re.search(rf"\b{name}\b", text.replace(f"'{name}'", "")) for name in known)
