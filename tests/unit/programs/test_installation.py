"""The installation program: when it sends, and what it reports of an installation that stopped."""

from __future__ import annotations

import pathlib

import installation
import pytest
from hypothesis import given
from hypothesis import strategies as st
from installation import (
    SLOWEST_SECONDS,
    Installer,
    Machine,
    Pace,
    Steps,
    failed_event,
    find_stop,
    next_seconds,
)
from installer_screen import SETTLE_SECONDS, FailedScript, Screen
from progress import Answer

from support.screens import PROGRESS, sentences

INSTALL = {
    "phase": "install",
    "message": "Installing bash.x86_64 (133/400)",
    "done": 133,
    "total": 400,
}


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose installer has shown some progress; its process runs."""
    log = tmp_path / "anaconda.log"
    log.write_text("INF anaconda: started\n", encoding="utf-8")
    monkeypatch.setattr(installation, "ANACONDA_LOG", str(log))
    monkeypatch.setattr(installation, "KICKSTART", str(tmp_path / "ks.cfg"))
    (tmp_path / "failed").mkdir()
    (tmp_path / "screen").write_text("\r\n".join(PROGRESS), encoding="utf-8")
    screen, failed, installed = (str(tmp_path / name) for name in ("screen", "failed", "installed"))
    return Machine(screen, failed, installed, [str(log)])


class RunningInstaller(Installer):
    """An installer whose process has not ended."""

    def has_ended(self, now: float) -> bool:
        return False


def read(machine: Machine) -> Screen:
    screen = Screen(machine.screen)
    screen.read(1.0)
    return screen


def test_the_cause_is_a_failed_script_before_anything_on_the_screen(machine: Machine) -> None:
    folder = pathlib.Path(machine.failed)
    (folder / "post-munge").write_text("1 continues\nmunge failed\n", encoding="utf-8")
    assert find_stop(machine, read(machine), RunningInstaller(), 9.0) is None
    (folder / "pre-partition").write_text("1 fatal\nsda holds ext4\n\n", encoding="utf-8")
    event = find_stop(machine, read(machine), RunningInstaller(), 9.0)
    assert event is not None
    assert event["message"] == "%pre partition failed with exit status 1: sda holds ext4"
    assert event["log"].startswith("sda holds ext4")
    assert "INF anaconda: started" in event["log"]


def test_a_reason_that_refers_to_the_log_is_looked_up_there(machine: Machine) -> None:
    text = "Traceback\ndasbus.error.DBusError: no space left on sda2\n"
    pathlib.Path(installation.ANACONDA_LOG).write_text(text, encoding="utf-8")
    sentence = (
        "An unknown error has occured, look at the /tmp/anaconda-tb* file(s) for more details"
    )
    pathlib.Path(machine.screen).write_text(f"{sentence}\r\n", encoding="utf-8")
    event = find_stop(machine, read(machine), RunningInstaller(), 1.0 + SETTLE_SECONDS)
    assert event is not None
    assert event["message"] == "dasbus.error.DBusError: no space left on sda2"


def test_a_script_in_another_language_is_found_in_the_installers_log(machine: Machine) -> None:
    header = (
        "%pre --interpreter=/usr/bin/python3 --erroronfail --log=/tmp/ks-script-rocks-pre-x.log"
    )
    pathlib.Path(installation.KICKSTART).write_text(f"{header}\n", encoding="utf-8")
    pathlib.Path(installation.ANACONDA_LOG).write_text(
        "ERR anaconda.kickstart: Error code 3 running the kickstart script at line 1\n",
        encoding="utf-8",
    )
    event = failed_event(machine, read(machine), "the installer has ended")
    assert event["message"] == "%pre x failed with exit status 3"
    assert installation.all_failed_scripts(machine.failed) == [FailedScript("pre-x", 3, True, "")]


def test_every_dialog_is_a_stop_with_the_screen_in_its_log(machine: Machine) -> None:
    for sentence in sentences():
        pathlib.Path(machine.screen).write_bytes(sentence.screen("disk sdq is broken"))
        event = find_stop(machine, read(machine), RunningInstaller(), 1.0 + SETTLE_SECONDS)
        assert event is not None, sentence.text
        assert "disk sdq is broken" in event["message"]
        assert "Installing boot loader" in event["log"]


def test_a_message_contains_the_beginning_of_each_phase_since_the_last_one() -> None:
    steps = Steps()
    steps.add({"phase": "format", "message": "Creating xfs"}, 100.0)
    steps.add({"phase": "install", "message": "1", "done": 1, "total": 9}, 104.0)
    steps.add({"phase": "install", "message": "7", "done": 7, "total": 9}, 108.0)
    assert steps.message(109.5) == {
        "phase": "install",
        "message": "7",
        "done": 7,
        "total": 9,
        "age": 1,
        "steps": [
            {"phase": "format", "message": "Creating xfs", "age": 9},
            {"phase": "install", "message": "1", "done": 1, "total": 9, "age": 5},
        ],
    }
    steps.clear()
    changed = [steps.changed]
    steps.add({"phase": "install", "message": "8", "done": 8, "total": 9}, 120.0)
    assert [*changed, steps.changed] == [False, True]
    assert steps.message(121.0)["steps"] == []


def test_the_report_of_a_failure_contains_the_steps_before_it() -> None:
    steps = Steps()
    steps.add(INSTALL, 100.0)
    failure = steps.report_of({"phase": "failed", "message": "no space left"}, 103.0)
    assert (failure["phase"], failure["message"]) == ("failed", "no space left")
    assert failure["steps"] == [{**INSTALL, "age": 3}]


def test_the_answer_contains_when_the_next_message_is_due() -> None:
    pace = Pace(1.0)
    assert pace.is_due(0.0)
    pace.record_answer(0.0, next_seconds(Answer(200, b'{"next": 10}', 0.0)))
    assert not pace.is_due(9.9)
    assert pace.is_due(10.0)


@given(st.binary() | st.from_regex(rb'\{"next": [-0-9a-z."{}]*\}', fullmatch=True))
def test_an_answer_without_a_number_means_the_programs_own_interval(body: bytes) -> None:
    pace = Pace(1.0)
    pace.record_answer(0.0, next_seconds(Answer(200, body, 0.0)))
    assert 0.0 < pace.due <= SLOWEST_SECONDS


def test_the_interval_grows_while_the_frontend_does_not_answer() -> None:
    pace = Pace(1.0)
    now = 0.0
    times = []
    while now < 300.0:
        if pace.is_due(now):
            times.append(now)
            pace.record_failure(now)
        now += 0.5
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert gaps[:5] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert set(gaps[5:]) == {60.0}
    pace.record_answer(now, 1.0)
    assert pace.is_due(now + 1.0)


def test_retry_after_is_respected() -> None:
    pace = Pace(1.0)
    pace.record_failure(0.0, retry_after=42.0)
    assert not pace.is_due(41.0)
    assert pace.is_due(42.0)
