"""The programs of <eval>: nobody runs them, for a limited time."""

from __future__ import annotations

import os
import pwd
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.evaluate import (
    make_evaluator,
)


@pytest.mark.programs
def test_a_program_runs_as_nobody_and_can_gain_nothing() -> None:
    printed = make_evaluator()(
        "id -u; id -G; grep -E '^(NoNewPrivs|CapEff|CapBnd):' /proc/self/status; pwd", "/bin/sh"
    )
    user, groups, no_new, effective, bounding, folder = printed.splitlines()[:1] + _sorted(
        printed.splitlines()[1:]
    )
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        assert (int(user), groups) == (nobody.pw_uid, str(nobody.pw_gid))
        assert int(effective.split()[1], 16) == int(bounding.split()[1], 16) == 0
    assert no_new.split()[1] == "1"
    assert "rocks-eval-" in folder


def _sorted(lines: list[str]) -> list[str]:
    by_name = {line.split(":")[0]: line for line in lines if ":" in line}
    return [lines[0], by_name["NoNewPrivs"], by_name["CapEff"], by_name["CapBnd"], lines[-1]]


@pytest.mark.programs
def test_a_program_in_another_language_gets_its_text_as_it_is() -> None:
    assert make_evaluator()("print('a' + \"b\")\nprint('é')\n", "python3") == "ab\né\n"


@pytest.mark.programs
def test_a_program_does_not_read_the_terminal() -> None:
    assert make_evaluator()("cat; read x; echo $?", "/bin/sh") == "1\n"


@pytest.mark.programs
@pytest.mark.parametrize("script", ["exit 3", "echo a; kill -9 $$", "no-such-program-here"])
def test_a_program_that_fails_is_an_error(script: str) -> None:
    with pytest.raises(CommandError):
        make_evaluator()(script, "/bin/sh")


@pytest.mark.programs
def test_a_program_that_hangs_is_killed_with_its_children() -> None:
    with pytest.raises(CommandError, match=r"still running after 0.3 s"):
        make_evaluator(seconds=0.3)("sleep 60 & sleep 60; wait", "/bin/sh")


def test_a_program_that_prints_without_end_is_not_believed() -> None:
    def run(_argv: object, **_options: Any) -> ProgramResult:
        return ProgramResult(0, "x" * 5_000_000, "", 0.1)

    with pytest.raises(CommandError, match="printed 5,000,000 characters"):
        make_evaluator(run=run)("yes", "/bin/sh")


def test_an_unknown_user_is_said_before_anything_runs() -> None:
    if os.geteuid() == 0:
        with pytest.raises(NotFound, match='no user "nobody-of-that-name"'):
            make_evaluator("nobody-of-that-name")
