"""The programs of <eval> run as an unprivileged user, with a time limit."""

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
def test_a_program_runs_unprivileged() -> None:
    output = make_evaluator()(
        "id -u; id -G; grep -E '^(NoNewPrivs|CapEff|CapBnd):' /proc/self/status; pwd", "/bin/sh"
    )
    user, groups, *status, folder = output.splitlines()
    fields = dict(line.split(":\t") for line in status)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        assert (int(user), groups) == (nobody.pw_uid, str(nobody.pw_gid))
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert "rocks-eval-" in folder


@pytest.mark.programs
def test_a_program_in_another_language_gets_its_text_unchanged() -> None:
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


def test_the_output_of_a_program_is_limited() -> None:
    def run(_argv: object, **_options: Any) -> ProgramResult:
        return ProgramResult(0, "x" * 5_000_000, "", 0.1)

    with pytest.raises(CommandError, match="printed 5,000,000 characters"):
        make_evaluator(run=run)("yes", "/bin/sh")


def test_an_unknown_user_is_an_error_before_a_program_runs() -> None:
    if os.geteuid() == 0:
        with pytest.raises(NotFound, match="nobody-of-that-name"):
            make_evaluator("nobody-of-that-name")
