# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`make demo`, the first command of a new user."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from support.ansible import ROOT

BIN = pathlib.Path(sys.executable).parent
TIME_LIMIT = 900


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of the demonstration in a folder of its own, without terminal attributes."""
    place = tmp_path_factory.mktemp("demo") / "place"
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(place.parent),
        "LANG": "C.UTF-8",
        "DEMO": str(place),
    }
    finished = subprocess.run(
        [str(ROOT / "demo/run")],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return re.sub(r"\x1b\[\d+m", "", finished.stdout)


def commands(text: str) -> list[str]:
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def test_no_step_fails(output: str) -> None:
    lines = [line for line in output.splitlines() if not line.startswith("$ ")]
    faults = [line for line in lines if re.search(r"(?i)traceback|error|failed", line)]
    assert not faults, output


def test_each_command_can_be_pasted_into_a_shell(output: str) -> None:
    for line in commands(output):
        words = shlex.split(line)
        assert "-a" not in words or words.index("-a") >= len(words) - 3, line


def test_the_readme_shows_what_the_demonstration_prints(output: str) -> None:
    """Except for identifiers of generations, and lines whose order depends on timing."""
    section = (ROOT / "README.md").read_text().partition("## Try it")[2].partition("\n## ")[0]
    block = section.split("```")[3]
    shown = [line for line in block.splitlines()[1:] if line and "…" not in line]
    assert len(shown) > 12
    printed = {_without_generation(line) for line in output.splitlines()}
    assert [line for line in shown if _without_generation(line) not in printed] == []


def _without_generation(line: str) -> str:
    return re.sub(r"\b[0-9a-f]{12,16}\b", "GENERATION", line)
