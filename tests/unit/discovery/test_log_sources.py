# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A log is followed whatever happens to its file."""

from __future__ import annotations

import json
import os
import pathlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import (
    LONGEST_LINE,
    Journal,
    Lines,
    LogFile,
    Syslog,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    NotFound,
    RocksError,
)
from support.waiting import until

COMMAND = "ansible_collections.npaci.rocks.plugins.module_utils.process"


def mac(number: int) -> str:
    return f"00:50:8b:00:00:{number:02x}"


def asks(number: int) -> str:
    return f"Nov 22 15:26:08 frontend-0 dhcpd[1]: DHCPDISCOVER from {mac(number)} via eth1\n"


def macs(sightings: list[Sighting]) -> list[str]:
    return [sighting.mac for sighting in sightings]


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "messages"
    path.write_text(asks(1))
    return path


def write(path: pathlib.Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_what_is_written_from_now_on_counts(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    assert source.read() == []
    write(log, asks(2) + "something else\n" + asks(3))
    assert macs(source.read()) == [mac(2), mac(3)]
    assert source.read() == []


def test_a_line_counts_when_it_is_whole(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    write(log, asks(2)[:50])
    assert source.read() == []
    write(log, asks(2)[50:])
    assert macs(source.read()) == [mac(2)]


def test_a_rotated_log_is_read_under_its_new_name_and_to_the_end_of_the_old_one(
    log: pathlib.Path,
) -> None:
    source = LogFile(str(log))
    write(log, asks(2))
    old = log.rename(log.with_suffix(".1"))
    write(old, asks(3))
    assert macs(source.read()) == [mac(2), mac(3)]
    write(log, asks(4))
    assert [macs(source.read()) for _turn in range(2)] == [[], [mac(4)]]
    # The server has not been told yet to open its log again.
    write(old, asks(5))
    write(log, asks(6))
    assert sorted(macs(source.read())) == [mac(5), mac(6)]


def test_a_log_that_is_away_between_two_names_is_waited_for(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    log.unlink()
    assert source.read() == []
    write(log, asks(2))
    assert [macs(source.read()) for _turn in range(2)] == [[], [mac(2)]]


def test_a_log_that_is_cut_is_read_from_its_beginning(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    log.write_text("")
    assert source.read() == []
    write(log, asks(2))
    assert macs(source.read()) == [mac(2)]


def test_a_hundred_rotations_leave_no_file_open(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        log.rename(log.with_suffix(f".{number}"))
        write(log, asks(number % 200))
        assert [macs(source.read()) for _turn in range(2)] == [[], [mac(number % 200)]]
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    source.close()


def test_what_a_log_holds_already_is_read_on_request(log: pathlib.Path) -> None:
    assert macs(LogFile(str(log), replay=True).read()) == [mac(1)]


def test_a_log_as_it_is_now_comes_to_an_end(log: pathlib.Path) -> None:
    write(log, asks(2) * 20000 + asks(3).rstrip("\n"))
    source, found = LogFile(str(log), replay=True, follow=False), []
    while not source.exhausted:
        found += source.read()
    assert len(found) == 20002 and macs(found[-1:]) == [mac(3)]


def test_a_log_that_is_not_there_is_told_at_once(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="no such log"):
        LogFile(str(tmp_path / "none"))


def test_a_pipe_is_no_log_and_does_not_hold_us_up(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DescriptionError, match="not a file that a log could be"):
        LogFile(str(tmp_path / "pipe"))


def test_bytes_that_are_no_text_do_no_harm(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    with log.open("ab") as file:
        file.write(
            b"\xff\xfe\x00\x1b[2J\n"
            + asks(2).encode()
            + b"x" * (LONGEST_LINE * 3)
            + b"\n"
            + asks(3).encode()
        )
    found = [sighting for _turn in range(3) for sighting in source.read()]
    assert macs(found) == [mac(2), mac(3)]


@given(
    st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=20), st.data()
)
def test_lines_are_the_same_however_they_come(lines: list[bytes], data: st.DataObject) -> None:
    whole, cutter, found = b"".join(line + b"\n" for line in lines), Lines(), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += list(cutter.cut(whole[:size]))
        whole = whole[size:]
    assert found == [line.decode("utf-8", "replace") for line in lines]


def test_syslog_datagrams_are_read(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "syslog")
    source = Syslog(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as logger:
        logger.connect(path)
        for number in (2, 3):
            logger.send(("<30>" + asks(number)).encode())
        logger.send(b"\xff\0")
    assert macs(source.read()) == [mac(2), mac(3)]
    source.close()
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:port", "127.0.0.1:99999", "no-such-host.invalid:1", "/no/such/folder"]
)
def test_an_address_that_cannot_be_listened_on_is_told(address: str) -> None:
    with pytest.raises(DescriptionError, match="no syslog can be received there"):
        Syslog(address)


def journalctl(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of this name on PATH that writes what a journal writes."""
    program = folder / "journalctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(f"{COMMAND}.PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.programs
def test_the_journals_messages_are_read_also_those_with_control_characters(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"MESSAGE": f"DHCPDISCOVER from {mac(2)} via eth1"}
    as_bytes = {"MESSAGE": list(b"DHCPDISCOVER from 00:50:8b:00:00:03 (\x1b[2J) via eth1")}
    written = [plain, as_bytes, {"MESSAGE": None}, {"MESSAGE": [999]}, [], "x"]
    (tmp_path / "entries").write_text(
        "".join(json.dumps(entry) + "\n" for entry in written) + "no json\n"
    )
    journalctl(
        tmp_path, monkeypatch, f'echo "$@" >{tmp_path}/asked; cat {tmp_path}/entries; exec sleep 60'
    )
    source, found = Journal(), list[Sighting]()

    def both() -> bool:
        found.extend(source.read())
        return len(found) == 2

    try:
        until(both, 10, "two sightings")
    finally:
        source.close()
    assert macs(found) == [mac(2), mac(3)]
    asked = (tmp_path / "asked").read_text()
    assert "--follow" in asked and "--lines=0" in asked and "--identifier=kea-dhcp4" in asked


@pytest.mark.programs
def test_a_journal_that_ends_is_told_with_its_last_words(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl(tmp_path, monkeypatch, "echo No journal files were found. >&2; exit 1")
    source = Journal()

    def told() -> str:
        try:
            source.read()
        except CommandError as error:
            return str(error)
        return ""

    try:
        assert "ended with status 1: No journal files were found." in until(
            told, 10, "the end of journalctl"
        )
    finally:
        source.close()


@pytest.mark.programs
def test_a_journal_as_it_is_now_comes_to_an_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl(
        tmp_path, monkeypatch, f"""echo '{{"MESSAGE": "DHCPDISCOVER from {mac(2)} via eth1"}}'"""
    )
    source, found = Journal(replay=True, follow=False), list[Sighting]()

    def ended() -> bool:
        found.extend(source.read())
        return source.exhausted

    try:
        until(ended, 10, "the end of the journal")
    finally:
        source.close()
    assert macs(found) == [mac(2)]


@pytest.mark.programs
def test_a_machine_without_a_journal_is_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{COMMAND}.PATH", str(tmp_path))
    with pytest.raises(RocksError, match="journalctl does not exist"):
        Journal()
