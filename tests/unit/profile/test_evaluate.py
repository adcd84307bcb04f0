"""The programs of <eval> run as an unprivileged user, with a time limit."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.evaluate import (
    make_evaluator,
)
from support.waiting import until


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


@pytest.mark.programs
@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of processes requires root")
@pytest.mark.parametrize("end", ["sleep 60", "exit 0"])
def test_a_child_in_a_session_of_its_own_dies_with_the_program(
    end: str, tmp_path: pathlib.Path
) -> None:
    """Neither a killed program nor one that has ended leaves a process."""
    tmp_path.chmod(0o777)
    script = f"setsid sh -c 'echo here >{tmp_path}/child; exec 9>>{tmp_path}/child; sleep 61' &"
    script += f" until [ -s {tmp_path}/child ]; do sleep 0.01; done; {end}"
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o005)
    with contextlib.suppress(CommandError):
        make_evaluator(seconds=2)(script, "/bin/sh")
    assert (tmp_path / "child").read_text() == "here\n"

    def is_open() -> bool:
        links = pathlib.Path("/proc").glob("[0-9]*/fd/9")
        return any(_target(link) == str(tmp_path / "child") for link in links)

    until(lambda: not is_open(), 30.0, "the end of the child")


def _target(link: pathlib.Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


@pytest.mark.programs
def test_the_output_of_a_program_is_limited_while_it_runs() -> None:
    with pytest.raises(CommandError, match=r"printed more than 4,194,304 bytes"):
        make_evaluator()("yes", "/bin/sh")


@pytest.mark.programs
@pytest.mark.parametrize("interpreter", ["--help", "-V", "--dump"])
def test_the_name_of_an_interpreter_is_no_option(interpreter: str) -> None:
    with pytest.raises(CommandError):
        make_evaluator()("echo a", interpreter)


@pytest.mark.programs
def test_an_error_contains_what_the_program_printed_about_it() -> None:
    with pytest.raises(CommandError, match="status 3: the licence server is away"):
        make_evaluator()("echo 'the licence server is away' >&2; exit 3", "/bin/sh")


def test_an_unknown_user_is_an_error_before_a_program_runs() -> None:
    if os.geteuid() == 0:
        with pytest.raises(NotFound, match="nobody-of-that-name"):
            make_evaluator("nobody-of-that-name")
