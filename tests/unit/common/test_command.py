"""A program runs in a small world, has a time limit, and its failure is worded in one way."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from ansible_collections.npaci.rocks.plugins.module_utils.process import run

pytestmark = pytest.mark.programs


def test_what_a_program_prints_comes_back() -> None:
    finished = run(
        ["sh", "-c", "cat; echo warned >&2; exit 3"], stdin="näher\n", timeout=10, ok=(0, 3)
    )
    assert finished[:3] == (3, "näher\n", "warned\n")


def test_a_failure_shows_the_command_its_status_and_its_last_words() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "seq 9 >&2; exit 4"], timeout=10)
    assert str(caught.value) == "sh -c 'seq 9 >&2; exit 4': ended with status 4: 5 | 6 | 7 | 8 | 9"


def test_a_missing_program_is_named_with_the_remedy() -> None:
    with pytest.raises(CommandError, match="no-such-program does not exist; install the program"):
        run(["no-such-program"], timeout=10)


def test_a_program_out_of_time_is_killed_with_its_children(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pid_file = tmp_path / "pid"
    with pytest.raises(CommandError, match=r"still running after 0.5 s, killed"):
        run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"], timeout=0.5)
    with open(
        f"/proc/{os.getpid()}/stat", encoding="ascii"
    ):  # /proc is there, so that the next line means something
        child = pid_file.read_text().strip()
    try:
        with open(f"/proc/{child}/stat", encoding="ascii") as stat:
            assert stat.read().split()[2] == "Z"
    except FileNotFoundError:
        pass


def test_a_child_that_left_the_session_and_holds_the_pipes_is_not_waited_for() -> None:
    started = time.monotonic()
    with pytest.raises(CommandError, match="still running"):
        run(["sh", "-c", "setsid sleep 20 & echo said"], timeout=0.3)
    assert time.monotonic() - started < 10


def test_a_program_killed_by_a_signal_says_which() -> None:
    with pytest.raises(CommandError, match="killed by SIGTERM"):
        run(["sh", "-c", "kill $$"], timeout=10)


def test_nothing_of_our_environment_reaches_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert "de_DE" not in run(["env"], timeout=10).stdout
