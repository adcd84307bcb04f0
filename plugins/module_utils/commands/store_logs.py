# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Store what nodes log, within limits: any user of a node can send any amount of it.

    store-logs FOLDER

rsyslog starts this (module omprog) and writes ``ADDRESS LINE`` to its standard input.  A node's
lines are in FOLDER/ADDRESS.log, the older half in ADDRESS.log.1.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import sys
import time
from typing import BinaryIO, Callable, Iterator, NamedTuple, Optional, Sequence

KIB = 1024
MIB = 1024 * KIB


class LogLimits(NamedTuple):
    """What is stored, in bytes."""

    per_second: int = 64 * KIB
    """Of each node, on average.  Lines above it are dropped, and a line states their number."""
    burst: int = 16 * MIB
    """Of each node at once: an installation logs a few megabytes."""
    file: int = 8 * MIB
    """A file that is larger becomes the older half of a node's log."""
    total: int = 2048 * MIB
    """Of all nodes.  The node with the most loses its older half first."""
    least: int = 64 * KIB
    """What a file counts at least, which limits the number of files."""


LIMITS = LogLimits()
READ_BYTES = 4 * MIB
MAX_LINE = 64 * KIB
MAX_ADDRESSES = 100_000
MEASURE_BYTES = 64 * MIB  # so much may be stored until the folder is measured
CHARACTERS = frozenset(b"0123456789abcdef.:")


class _Budget(NamedTuple):
    """What one node may store now."""

    bytes: float
    at: float
    dropped: int


class NodeLogs:
    """The folder of the logs, written by one process."""

    def __init__(
        self,
        folder: pathlib.Path,
        limits: LogLimits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._budgets: dict[bytes, _Budget] = {}
        self._unmeasured = MEASURE_BYTES  # an earlier process has stored something

    def store(self, lines: Sequence[bytes]) -> None:
        """Store lines that begin with an address and a space, and end with a newline."""
        by_node: dict[bytes, list[bytes]] = {}
        for line in lines:
            address, _space, text = line.partition(b" ")
            by_node.setdefault(address, []).append(text)
        for address, texts in by_node.items():
            if _is_address(address):
                self._store_node(address, texts)
        if self._unmeasured >= min(MEASURE_BYTES, self._limits.total // 8):
            self._unmeasured = 0
            with contextlib.suppress(OSError):  # a folder that cannot be read grows no more
                enforce_total(self._folder, self._limits)

    def _store_node(self, address: bytes, texts: Sequence[bytes]) -> None:
        budget = self._refill(address)
        kept: list[bytes] = []
        size = 0
        for text in texts:
            if size + len(text) > budget.bytes:
                break
            kept.append(text)
            size += len(text)
        dropped = budget.dropped + len(texts) - len(kept)
        if kept and budget.dropped:
            kept.insert(0, b"%d lines were dropped: the limit of a node\n" % budget.dropped)
            dropped -= budget.dropped
        if kept and not self._append(address.decode(), b"".join(kept)):
            dropped += len(kept)
        self._budgets[address] = budget._replace(bytes=budget.bytes - size, dropped=dropped)

    def _refill(self, address: bytes) -> _Budget:
        now = self._clock()
        budget = self._budgets.get(address)
        if budget is None:
            if len(self._budgets) >= MAX_ADDRESSES:
                self._budgets.clear()
            return _Budget(self._limits.burst, now, 0)
        added = (now - budget.at) * self._limits.per_second
        return budget._replace(bytes=min(self._limits.burst, budget.bytes + added), at=now)

    def _append(self, name: str, content: bytes) -> bool:
        """Append to a node's log; return False if the disk or the folder does not accept it."""
        path = self._folder / f"{name}.log"
        try:
            with path.open("ab") as file:
                before = file.tell()
                file.write(content)
            size = before + len(content)
            self._unmeasured += len(content) if before else self._limits.least
            if size > self._limits.file:
                path.replace(f"{path}.1")
        except OSError:
            return False
        return True


class _StoredLog(NamedTuple):
    """A node's log, older half included."""

    bytes: int
    age: float
    path: pathlib.Path
    """Of the newer half."""


def enforce_total(folder: pathlib.Path, limits: LogLimits = LIMITS) -> None:
    """Remove halves of logs, the largest and then the oldest first, until the total is kept."""
    logs = sorted(_stored_logs(folder, limits), reverse=True)
    surplus = sum(log.bytes for log in logs) - limits.total
    while surplus > 0 and logs:
        log = logs.pop(0)
        older = pathlib.Path(f"{log.path}.1")
        removed = older if older.exists() else log.path
        surplus -= _cost(removed, limits)
        removed.unlink(missing_ok=True)
        if removed == older and log.path.exists():
            logs.append(log._replace(bytes=_cost(log.path, limits)))
            logs.sort(reverse=True)


def _stored_logs(folder: pathlib.Path, limits: LogLimits) -> Iterator[_StoredLog]:
    now = time.time()
    names = {entry.name.removesuffix(".1") for entry in os.scandir(folder) if entry.is_file()}
    for name in names:
        path = folder / name
        halves = [half for half in (path, pathlib.Path(f"{path}.1")) if half.exists()]
        if name.endswith(".log") and halves:
            size = sum(_cost(half, limits) for half in halves)
            yield _StoredLog(size, now - max(half.stat().st_mtime for half in halves), path)


def _cost(path: pathlib.Path, limits: LogLimits) -> int:
    return max(limits.least, path.stat().st_size)


def _is_address(text: bytes) -> bool:
    """Whether this is an IP address, and so the name of a file without a folder."""
    try:
        ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return False
    return CHARACTERS.issuperset(text)


def read_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines of a pipe as they arrive, many at once; a line is cut after MAX_LINE."""
    rest = b""
    while chunk := os.read(stream.fileno(), READ_BYTES):
        lines = (rest + chunk).splitlines(keepends=True)
        last: Optional[bytes] = lines.pop() if not lines[-1].endswith(b"\n") else None
        rest = (last or b"")[:MAX_LINE]
        yield lines


def main(argv: Sequence[str]) -> int:
    """Store lines until rsyslog closes the pipe. Returns 2 when the arguments are wrong."""
    if len(argv) != 1:
        sys.stderr.write(__doc__ or "")
        return 2
    folder = pathlib.Path(argv[0])
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    logs = NodeLogs(folder)
    for lines in read_lines(sys.stdin.buffer):
        logs.store(lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
