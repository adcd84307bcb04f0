"""cluster-kill ends a process of exactly that name on the nodes that a query names (paper, 6.4).

The playbook runs with a local connection in a PID namespace of its own, so that it can see no process but the test's.
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

PAPER = "select nodes.name from nodes,memberships where nodes.membership = memberships.id and memberships.name = 'Compute'"
TIME_LIMIT = 120


@pytest.fixture
def programs(tmp_path: pathlib.Path) -> pathlib.Path:
    """A runaway job, a job whose name only begins like it, and a runaway script."""
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
    """Start the programs, run the playbook, and say what it said and which programs are left."""
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
        for place in /proc/[0-9]*; do echo left=$(cat $place/comm); done"""
    ended = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
        cwd=ROOT,
        env={**os.environ, "ROCKS_DATABASE": urls.administrator, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    return ended.stdout


def test_only_the_process_of_exactly_that_name_is_ended(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    said = kill(urls, programs, "bad-job")
    assert "ended=0" in said, said
    assert '"msg": "1 ended"' in said
    assert "left=bad-job\n" not in said
    assert "left=bad-job-2\n" in said
    assert "left=bad-script\n" in said


def test_a_script_is_known_by_its_name(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    assert "left=bad-script\n" not in kill(urls, programs, "bad-script")


def test_the_papers_join_names_the_nodes(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    said = kill(urls, programs, "nothing-of-that-name", PAPER)
    assert [f"compute-0-{rank}" for rank in range(4) if f"ok: [compute-0-{rank}]" in said] == [
        f"compute-0-{rank}" for rank in range(4)
    ]
    assert said.count("none running") == 4


def test_the_connection_itself_stays(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    said = kill(urls, programs, "ansible-playbook")
    assert "ended=0" in said, said


@pytest.mark.parametrize("process", ["sshd", "systemd", "", "bad job", "a;reboot"])
def test_what_must_never_be_ended_is_refused(
    table_ii: Database, urls: Urls, programs: pathlib.Path, process: str
) -> None:
    said = kill(urls, programs, process)
    assert "nothing was ended" in " ".join(said.split())
    assert "left=bad-job\n" in said


def test_a_query_that_ansible_took_for_its_first_word_is_refused(
    table_ii: Database, urls: Urls, programs: pathlib.Path
) -> None:
    said = " ".join(kill(urls, programs, "bad-job", "select").split())
    assert "in both pairs of quotes" in said and "nothing was ended" in said
