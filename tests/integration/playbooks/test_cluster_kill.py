"""cluster-kill ends processes of exactly that name on the nodes of a query (paper, 6.4).

The playbook runs with a local connection in its own PID namespace, so that it can see only the
processes of the test.
"""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import subprocess

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import BIN, ROOT
from support.cluster import Urls

PAPER = (
    "select nodes.name from nodes,memberships"
    " where nodes.membership = memberships.id and memberships.name = 'Compute'"
)
TIME_LIMIT = 300


@pytest.fixture
def programs(tmp_path: pathlib.Path) -> pathlib.Path:
    """A runaway job, a job whose name starts with the same text, and a runaway script."""
    for name in ("bad-job", "bad-job-2"):
        shutil.copy("/bin/sleep", tmp_path / name)
    script = tmp_path / "bad-script"
    script.write_text("#!/bin/sh\nwhile :; do sleep 60 & wait; done\n")
    script.chmod(0o755)
    return tmp_path


def kill(
    urls: Urls,
    programs: pathlib.Path,
    process: str,
    sql: str = "select name from nodes where rack=1",
) -> str:
    """Start the programs, run the playbook, and return its output and the remaining programs."""
    playbook = shlex.join(
        [
            str(BIN / "ansible-playbook"),
            "playbooks/cluster-kill.yml",
            "-e",
            "ansible_connection=local",
            "-e",
            "grace=2",
        ]
        + ["-e", json.dumps({"process": process, "sql": sql})]
    )
    script = f"""
        for name in bad-job bad-job-2; do {programs}/$name 60 & done; {programs}/bad-script &
        {playbook} 2>&1; echo ended=$?
        for folder in /proc/[0-9]*; do echo left=$(cat $folder/comm); done"""
    finished = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
        cwd=ROOT,
        env={**os.environ, "ROCKS_DATABASE": urls.administrator, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    return finished.stdout


def test_only_processes_with_exactly_that_name_are_ended(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    output = kill(urls, programs, "bad-job")
    assert "ended=0" in output, output
    assert '"msg": "1 ended"' in output
    assert "left=bad-job\n" not in output
    assert "left=bad-job-2\n" in output
    assert "left=bad-script\n" in output


def test_a_script_is_ended_by_its_name(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    assert "left=bad-script\n" not in kill(urls, programs, "bad-script")


def test_the_join_of_the_paper_selects_the_nodes(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    output = kill(urls, programs, "no-such-process", PAPER)
    assert [f"compute-0-{rank}" for rank in range(4) if f"ok: [compute-0-{rank}]" in output] == [
        f"compute-0-{rank}" for rank in range(4)
    ]
    assert output.count("none running") == 4


def test_the_connection_to_the_node_is_not_ended(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    output = kill(urls, programs, "ansible-playbook")
    assert "ended=0" in output, output


@pytest.mark.parametrize("process", ["sshd", "systemd", "", "bad job", "a;reboot"])
def test_an_invalid_or_essential_process_name_is_rejected(
    table_ii: Database, urls: Urls, programs: pathlib.Path, process: str
) -> None:
    output = kill(urls, programs, process)
    assert "nothing was ended" in " ".join(output.split())
    assert "left=bad-job\n" in output


def test_a_query_that_ansible_has_split_at_spaces_is_rejected(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    output = " ".join(kill(urls, programs, "bad-job", "select").split())
    assert "in both pairs of quotes" in output and "nothing was ended" in output
