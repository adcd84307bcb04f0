"""The installer's screen: phases, and why an installation has stopped, for every release."""

from __future__ import annotations

import pathlib
from typing import Any

import installer_screen
import pytest
from hypothesis import given
from hypothesis import strategies as st
from installer_screen import (
    PROMPT_SECONDS,
    SETTLE_SECONDS,
    FailedScript,
    Screen,
    advance,
    failed_scripts,
    logged_failures,
    new_lines,
    recognise,
)

from support.screens import PROGRESS, Sentence, sentences

REASON = "cannot write block 17 of sda2"
SENTENCES = pytest.mark.parametrize(
    "sentence", tuple(sentences()), ids=lambda sentence: f"{sentence.release}-{sentence.text[:30]}"
)


def read(folder: pathlib.Path, data: bytes) -> Screen:
    """Return a screen that was read once, at the time 1.0."""
    path = folder / "screen"
    path.write_bytes(data)
    screen = Screen(str(path))
    screen.read(1.0)
    return screen


@SENTENCES
def test_a_stopped_installation_is_recognised_with_its_reason(
    tmp_path: pathlib.Path, sentence: Sentence
) -> None:
    screen = read(tmp_path, sentence.screen(REASON))
    assert REASON in screen.stop_reason(1.0 + SETTLE_SECONDS)
    assert "terminate" not in screen.stop_reason(1.0 + SETTLE_SECONDS)


@SENTENCES
def test_a_dialog_is_read_when_it_is_complete(tmp_path: pathlib.Path, sentence: Sentence) -> None:
    data = sentence.screen(REASON)
    screen = read(tmp_path, data)
    assert screen.stop_reason(1.0 + SETTLE_SECONDS / 2) == ""
    (tmp_path / "screen").write_bytes(data + b" ")
    screen.read(2.0 + SETTLE_SECONDS)
    assert screen.stop_reason(2.0 + SETTLE_SECONDS) == ""


@given(
    number=st.integers(1, 99999),
    log=st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"])), max_size=40),
)
def test_a_failed_script_is_recognised_at_every_line_and_with_every_log(
    tmp_path_factory: pytest.TempPathFactory, number: int, log: list[str]
) -> None:
    (sentence,) = (row for row in sentences() if row.release == "rhel9" and "1423" in row.text)
    data = sentence.screen("\n".join(log)).replace(b"1423", str(number).encode())
    screen = read(tmp_path_factory.mktemp("screen"), data)
    assert screen.stop_reason(1.0 + SETTLE_SECONDS).startswith("There was an error running")


def test_progress_is_no_reason_to_stop_however_long_it_takes(tmp_path: pathlib.Path) -> None:
    screen = read(tmp_path, "\r\n".join([*PROGRESS, "....."]).encode())
    assert screen.stop_reason(1.0 + 100 * PROMPT_SECONDS) == ""


@pytest.mark.parametrize(
    "prompt",
    [
        "Please make a selection from the above ['b' to begin installation, 'q' to quit,\r\n"
        "'r' to refresh]: ",
        "Please make your choice from above ['q' to quit | 'c' to continue |\r\n'r' to refresh]: ",
    ],
)
def test_a_prompt_that_waits_is_reported(tmp_path: pathlib.Path, prompt: str) -> None:
    rows = "1) [!] Root password\r\n       (Password is not set.)\r\n\r\n"
    screen = read(tmp_path, rows.encode() + prompt.encode())
    assert screen.stop_reason(1.0 + SETTLE_SECONDS) == "", "an automatic installation continues"
    reason = screen.stop_reason(1.0 + PROMPT_SECONDS)
    assert "Root password" in reason


def test_the_exception_at_the_end_of_a_traceback_is_a_reason() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/usr/sbin/anaconda", line 390, in <module>\n'
        "dasbus.error.DBusError: boot loader install failed\n"
        "12:01:02,003 INF anaconda: sleeping\n"
    )
    assert installer_screen.last_exception(text) == (
        "dasbus.error.DBusError: boot loader install failed"
    )
    assert installer_screen.last_exception("pyanaconda.errors.ScriptError\n") == (
        "pyanaconda.errors.ScriptError"
    )
    assert installer_screen.last_exception("no error\n") == ""


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("Setting up the installation environment", {"phase": "setup"}),
        ("Starting automated install..", {"phase": "setup"}),
        ("Creating disklabel on /dev/sda", {"phase": "format"}),
        ("Creating xfs on /dev/sda2", {"phase": "format"}),
        ("Downloading packages", {"phase": "download"}),
        (
            "Downloading 412 RPMs, 61 MiB / 223 MiB (27%) done.",
            {"phase": "download", "done": 27, "total": 100},
        ),
        ("Starting package installation process", {"phase": "install"}),
        ("Installing bash.x86_64 (133/400)", {"phase": "install", "done": 133, "total": 400}),
        ("Configuring kernel-core.x86_64", {"phase": "posttrans"}),
        ("Verifying bash.x86_64 (7/400)", {"phase": "posttrans", "done": 7, "total": 400}),
        ("Performing post-installation setup tasks", {"phase": "posttrans"}),
        ("Installing boot loader", {"phase": "bootloader"}),
        ("Configuring installed system", {"phase": "configure"}),
        ("Generating initramfs", {"phase": "configure"}),
        ("Running post-installation scripts", {"phase": "post"}),
        ("Installation complete.  Press ENTER to quit", {"phase": "end"}),
    ],
)
def test_lines_of_the_installer_are_phases(line: str, event: dict[str, Any]) -> None:
    assert recognise(line) == {"message": line, **event}


@pytest.mark.parametrize("line", ["", ".", "Welcome to Rocky Linux", "1) [x] Language settings"])
def test_other_lines_are_ignored(line: str) -> None:
    assert recognise(line) is None


@given(st.text())
def test_arbitrary_lines_are_a_phase_or_ignored(line: str) -> None:
    event = recognise(line)
    assert event is None or len(event["message"]) <= installer_screen.MESSAGE_CHARACTERS


def phases(rows: list[str]) -> list[str]:
    """Return the phases that are reported, each once per change."""
    current = None
    changes: list[str] = []
    for row in rows:
        event = recognise(row)
        current = advance(current, event) if event else current
        if current and changes[-1:] != [current["phase"]]:
            changes.append(current["phase"])
    return changes


@given(st.data())
def test_scriptlets_between_packages_do_not_change_the_phase(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 30))
    rows = ["Starting package installation process"]
    for number in range(1, total + 1):
        rows += ["Configuring glibc.x86_64"] * data.draw(st.integers(0, 3))
        rows.append(f"Installing package{number}.x86_64 ({number}/{total})")
    rows += ["Configuring kernel-core.x86_64", "Installing boot loader", "Configuring a.noarch"]
    assert phases(rows) == ["install", "posttrans", "bootloader"]


def test_a_growing_screen_is_read_without_colours(tmp_path: pathlib.Path) -> None:
    screen = tmp_path / "screen"
    assert new_lines(str(screen), 0, "") == ([], 0, "")
    screen.write_bytes(b"\x1b[1mInstalling ba")
    lines, position, remainder = new_lines(str(screen), 0, "")
    assert (lines, remainder) == ([], "Installing ba")
    with screen.open("ab") as file:
        file.write(b"sh.x86_64 (133/400)\r\n\x1b]0;title\x07next")
    lines, position, remainder = new_lines(str(screen), position, remainder)
    assert lines == ["Installing bash.x86_64 (133/400)"]
    assert remainder == "next"


def test_a_line_end_that_is_written_in_two_halves_is_one_line_end(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "screen"
    path.write_bytes(b"an error\r")
    screen = Screen(str(path))
    assert screen.read(1.0) == []
    path.write_bytes(b"an error\r\noccurred\r\n")
    assert screen.read(2.0) == ["an error", "occurred"]
    assert screen.paragraphs() == ["an error occurred"]


def test_only_the_end_of_a_large_screen_is_read(tmp_path: pathlib.Path) -> None:
    screen = tmp_path / "screen"
    screen.write_bytes(b"x" * (4 * installer_screen.SCREEN_BYTES) + b"\nInstalling boot loader\n")
    lines, position, _remainder = new_lines(str(screen), 0, "")
    assert lines[-1] == "Installing boot loader"
    assert position == screen.stat().st_size


def test_the_installers_log_names_failed_scripts_by_the_headers_of_the_kickstart() -> None:
    kickstart = (
        "text\n"
        "%pre --interpreter=/bin/bash --log=/tmp/ks-script-rocks-pre-console.log\nx\n%end\n"
        "%post --interpreter=/usr/bin/python3 --erroronfail --log=/var/log/rocks/post-site.log\n"
    )
    log = (
        "12:00:00,000 ERR anaconda.kickstart: Error code 9 running the kickstart script at line 2\n"
        "12:00:00,000 ERR anaconda.kickstart: Error code 1 running the kickstart script at line 5\n"
        "12:00:00,000 ERR anaconda.kickstart: Error code 1 running the kickstart script at line 99"
    )
    assert logged_failures(log, kickstart) == [
        FailedScript("pre-console", 9, False, ""),
        FailedScript("post-site", 1, True, ""),
    ]


def test_a_missing_folder_means_that_no_script_failed(tmp_path: pathlib.Path) -> None:
    assert failed_scripts(str(tmp_path / "failed")) == []
