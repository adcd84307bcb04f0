# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log files, syslog sockets and the journal are read to the last line, across rotations."""

from __future__ import annotations

import json
import os
import pathlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import (
    MAX_LINE_BYTES,
    Journal,
    LineSplitter,
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

PROCESS_MODULE = "ansible_collections.npaci.rocks.plugins.module_utils.process"


def mac(number: int) -> str:
    return f"00:50:8b:00:00:{number:02x}"


def discover_line(number: int) -> str:
    return f"Nov 22 15:26:08 frontend-0 dhcpd[1]: DHCPDISCOVER from {mac(number)} via eth1\n"


def macs(requests: list[DhcpRequest]) -> list[str]:
    return [request.mac for request in requests]


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "messages"
    path.write_text(discover_line(1))
    return path


def write(path: pathlib.Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_lines_written_after_the_start_count(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    assert source.read() == []
    write(log, discover_line(2) + "something else\n" + discover_line(3))
    assert macs(source.read()) == [mac(2), mac(3)]
    assert source.read() == []


def test_a_line_counts_when_it_is_complete(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    write(log, discover_line(2)[:50])
    assert source.read() == []
    write(log, discover_line(2)[50:])
    assert macs(source.read()) == [mac(2)]


def test_after_a_rotation_both_files_are_read(
    log: pathlib.Path,
) -> None:
    source = LogFile(str(log))
    write(log, discover_line(2))
    old = log.rename(log.with_suffix(".1"))
    write(old, discover_line(3))
    assert macs(source.read()) == [mac(2), mac(3)]
    write(log, discover_line(4))
    assert [macs(source.read()) for _turn in range(2)] == [[], [mac(4)]]
    # The server has not reopened its log yet.
    write(old, discover_line(5))
    write(log, discover_line(6))
    assert sorted(macs(source.read())) == [mac(5), mac(6)]


def test_a_log_that_is_missing_during_a_rotation_is_read_later(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    log.unlink()
    assert source.read() == []
    write(log, discover_line(2))
    assert [macs(source.read()) for _turn in range(2)] == [[], [mac(2)]]


def test_a_truncated_log_is_read_from_its_start(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    log.write_text("")
    assert source.read() == []
    write(log, discover_line(2))
    assert macs(source.read()) == [mac(2)]


def test_a_hundred_rotations_leave_no_file_open(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        log.rename(log.with_suffix(f".{number}"))
        write(log, discover_line(number % 200))
        assert [macs(source.read()) for _turn in range(2)] == [[], [mac(number % 200)]]
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    source.close()


def test_replay_reads_the_present_content(log: pathlib.Path) -> None:
    assert macs(LogFile(str(log), replay=True).read()) == [mac(1)]


def test_without_follow_a_log_ends_at_its_present_end(log: pathlib.Path) -> None:
    write(log, discover_line(2) * 20000 + discover_line(3).rstrip("\n"))
    source = LogFile(str(log), replay=True, follow=False)
    requests = []
    while not source.exhausted:
        requests += source.read()
    assert len(requests) == 20002 and macs(requests[-1:]) == [mac(3)]


def test_a_missing_log_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"/none: "):
        LogFile(str(tmp_path / "none"))


def test_a_named_pipe_is_refused_without_blocking(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DescriptionError, match=r"/pipe: "):
        LogFile(str(tmp_path / "pipe"))


def test_binary_and_overlong_lines_are_skipped(log: pathlib.Path) -> None:
    source = LogFile(str(log))
    with log.open("ab") as file:
        file.write(
            b"\xff\xfe\x00\x1b[2J\n"
            + discover_line(2).encode()
            + b"x" * (MAX_LINE_BYTES * 3)
            + b"\n"
            + discover_line(3).encode()
        )
    requests = [request for _turn in range(3) for request in source.read()]
    assert macs(requests) == [mac(2), mac(3)]


@given(
    st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=20), st.data()
)
def test_lines_do_not_depend_on_the_chunks(lines: list[bytes], data: st.DataObject) -> None:
    remaining = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter()
    result = []
    while remaining:
        size = data.draw(st.integers(1, len(remaining)))
        result += list(splitter.split(remaining[:size]))
        remaining = remaining[size:]
    assert result == [line.decode("utf-8", "replace") for line in lines]


def test_syslog_datagrams_are_read(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "syslog")
    source = Syslog(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as logger:
        logger.connect(path)
        for number in (2, 3):
            logger.send(("<30>" + discover_line(number)).encode())
        logger.send(b"\xff\0")
    assert macs(source.read()) == [mac(2), mac(3)]
    source.close()
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:port", "127.0.0.1:99999", "no-such-host.invalid:1", "/no/such/folder"]
)
def test_a_syslog_address_that_cannot_be_bound_is_an_error(address: str) -> None:
    with pytest.raises(DescriptionError, match="udp://HOST:PORT"):
        Syslog(address)


def journalctl(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Install a shell script in place of journalctl."""
    program = folder / "journalctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(f"{PROCESS_MODULE}.PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.programs
def test_messages_of_the_journal_are_read_including_binary_ones(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"MESSAGE": f"DHCPDISCOVER from {mac(2)} via eth1"}
    as_bytes = {"MESSAGE": list(b"DHCPDISCOVER from 00:50:8b:00:00:03 (\x1b[2J) via eth1")}
    entries = [plain, as_bytes, {"MESSAGE": None}, {"MESSAGE": [999]}, [], "x"]
    (tmp_path / "entries").write_text(
        "".join(json.dumps(entry) + "\n" for entry in entries) + "no json\n"
    )
    journalctl(
        tmp_path,
        monkeypatch,
        f'echo "$@" >{tmp_path}/arguments; cat {tmp_path}/entries; exec sleep 60',
    )
    source = Journal()
    requests: list[DhcpRequest] = []

    def both_read() -> bool:
        requests.extend(source.read())
        return len(requests) == 2

    try:
        until(both_read, 10, "two requests")
    finally:
        source.close()
    assert macs(requests) == [mac(2), mac(3)]
    arguments = (tmp_path / "arguments").read_text()
    assert {"--follow", "--lines=0", "--identifier=kea-dhcp4"} <= set(arguments.split())


@pytest.mark.programs
def test_the_end_of_journalctl_is_an_error_with_its_output(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl(tmp_path, monkeypatch, "echo No journal files were found. >&2; exit 1")
    source = Journal()

    def error_message() -> str:
        try:
            source.read()
        except CommandError as error:
            return str(error)
        return ""

    try:
        assert "ended with status 1: No journal files were found." in until(
            error_message, 10, "the end of journalctl"
        )
    finally:
        source.close()


@pytest.mark.programs
def test_without_follow_the_journal_ends_at_its_present_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journalctl(
        tmp_path, monkeypatch, f"""echo '{{"MESSAGE": "DHCPDISCOVER from {mac(2)} via eth1"}}'"""
    )
    source = Journal(replay=True, follow=False)
    requests: list[DhcpRequest] = []

    def ended() -> bool:
        requests.extend(source.read())
        return source.exhausted

    try:
        until(ended, 10, "the end of the journal")
    finally:
        source.close()
    assert macs(requests) == [mac(2)]


@pytest.mark.programs
def test_a_machine_without_journalctl_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{PROCESS_MODULE}.PATH", str(tmp_path))
    with pytest.raises(RocksError, match="journalctl"):
        Journal()
