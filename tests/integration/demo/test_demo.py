# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`make demo`, the first thing that a newcomer runs."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from support.ansible import ROOT

BIN = pathlib.Path(sys.executable).parent
TIME_LIMIT = 300


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demonstration says, in a folder of its own, without what makes it bold."""
    place = tmp_path_factory.mktemp("demo") / "place"
    ended = subprocess.run(
        [str(ROOT / "demo/run")],
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(place.parent), "LANG": "C.UTF-8", "DEMO": str(place)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=TIME_LIMIT, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    return re.sub(r"\x1b\[\d+m", "", ended.stdout)


def commands(text: str) -> list[str]:
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def test_nothing_goes_wrong_on_the_way(said: str) -> None:
    told = [line for line in said.splitlines() if not line.startswith("$ ")]
    assert not re.findall(
        r"(?i)^.*(?:traceback|warning|error|failed).*$", "\n".join(told), re.MULTILINE
    ), said


def test_each_command_is_shown_as_one_would_type_it(said: str) -> None:
    """An argument with a blank in it is one word of a shell."""
    for line in commands(said):
        words = shlex.split(line)
        assert "-a" not in words or words.index("-a") >= len(words) - 3, line


def test_what_the_readme_shows_of_it_is_what_it_says(said: str) -> None:
    """But for the names of generations, which follow the profiles, and how far an installation was just then."""
    readme = (ROOT / "README.md").read_text()
    block = readme.partition("Some of what it says:")[2].split("```")[1]
    unlike = r"^$|…|installing|-\d ordered$|ROCKS_QUERY"
    shown = [line for line in block.splitlines()[1:] if not re.search(unlike, line)]
    assert len(shown) > 12
    told = {_without_generation(line) for line in said.splitlines()}
    assert [line for line in shown if _without_generation(line) not in told] == []


def _without_generation(line: str) -> str:
    return re.sub(r"\b[0-9a-f]{12,16}\b", "GENERATION", line)
