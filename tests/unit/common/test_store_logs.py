"""What a node logs is stored within limits, and what other nodes log is stored completely."""

from __future__ import annotations

import os
import pathlib
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.commands import store_logs
from ansible_collections.npaci.rocks.plugins.module_utils.commands.store_logs import (
    LogLimits,
    NodeLogs,
    enforce_total,
    read_lines,
)

SMALL = LogLimits(per_second=10, burst=1000, file=400, total=4000, least=50)
FLOOD = [b"10.1.255.254 " + b"A" * 99 + b"\n"] * 1000
QUIET = b"10.1.255.253 Nov 30 21:00:00 compute-0-1 sshd: a line\n"


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def stored(folder: pathlib.Path, address: str) -> bytes:
    paths = [folder / f"{address}.log.1", folder / f"{address}.log"]
    return b"".join(path.read_bytes() for path in paths if path.exists())


def test_a_flood_is_cut_and_counted_and_others_are_complete(tmp_path: pathlib.Path) -> None:
    clock = Clock()
    logs = NodeLogs(tmp_path, SMALL, clock)
    for _ in range(5):
        logs.store([*FLOOD, QUIET])
    assert len(stored(tmp_path, "10.1.255.254")) <= SMALL.burst
    assert stored(tmp_path, "10.1.255.253") == QUIET.partition(b" ")[2] * 5
    clock.now = 20.0
    logs.store([FLOOD[0]])
    dropped = 5 * len(FLOOD) - SMALL.burst // 100
    assert stored(tmp_path, "10.1.255.254").count(b"%d lines were dropped" % dropped) == 1


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100),
            st.lists(st.tuples(st.integers(1, 9), st.binary(max_size=300)), max_size=20),
        ),
        max_size=20,
    )
)
def test_no_sequence_of_messages_exceeds_the_limits(
    batches: list[tuple[float, list[tuple[int, bytes]]]],
) -> None:
    clock = Clock()
    notice = 100
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        logs = NodeLogs(folder, SMALL, clock)
        for seconds, messages in batches:
            clock.now += seconds
            lines = [
                b"10.0.0.%d %s\n" % (node, text.replace(b"\n", b"")) for node, text in messages
            ]
            logs.store(lines)
            sizes = [path.stat().st_size for path in folder.iterdir()]
            assert sum(sizes) <= SMALL.total + 9 * (SMALL.burst + notice)
            assert all(size <= SMALL.file + SMALL.burst + notice for size in sizes)


def test_the_largest_log_gives_way_first(tmp_path: pathlib.Path) -> None:
    for name, size in {"10.0.0.1.log": 900, "10.0.0.1.log.1": 900, "10.0.0.2.log": 1000}.items():
        (tmp_path / name).write_bytes(b"A" * size)
    enforce_total(tmp_path, SMALL._replace(total=2000))
    assert {path.name for path in tmp_path.iterdir()} == {"10.0.0.1.log", "10.0.0.2.log"}


def test_addresses_without_number_do_not_fill_the_folder(tmp_path: pathlib.Path) -> None:
    logs = NodeLogs(tmp_path, SMALL, Clock())
    for number in range(1000):
        logs.store([b"10.2.%d.%d x\n" % (number // 250, number % 250)])
    assert len(list(tmp_path.iterdir())) <= 1.2 * SMALL.total / SMALL.least


@pytest.mark.parametrize("address", [b"../../etc/cron.d/x", b"", b"10.0.0.1/../x", b"fe80::1%x"])
def test_nothing_but_an_address_names_a_file(tmp_path: pathlib.Path, address: bytes) -> None:
    NodeLogs(tmp_path / "logs", SMALL).store([address + b" a line\n"])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_nothing(tmp_path: pathlib.Path) -> None:
    """The folder does not exist: the lines are dropped, and counted when there is space again."""
    logs = NodeLogs(tmp_path / "away", SMALL, Clock())
    logs.store([QUIET])
    (tmp_path / "away").mkdir()
    logs.store([QUIET])
    assert b"1 lines were dropped" in stored(tmp_path / "away", "10.1.255.253")


def test_a_line_in_two_reads_is_one_line_and_an_endless_one_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_logs, "READ_BYTES", 3)
    monkeypatch.setattr(store_logs, "MAX_LINE", 5)
    read, write = os.pipe()
    os.write(write, b"abcd\nef\n" + b"A" * 50 + b"\n")
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        lines = [line for lines in read_lines(stream) for line in lines]
    assert lines[:2] == [b"abcd\n", b"ef\n"] and len(lines[2]) < 10
