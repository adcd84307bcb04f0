# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DHCP requests as a server writes them down: a log file across its rotations, the systemd journal, syslog datagrams.

Each is a source for ``watch``: ``read()`` gives what has come since the last call and never waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from typing import Any, Iterator, Sequence

from ..errors import CommandError, DescriptionError, NotFound
from ..process import Stream
from .dhcp_request import Sighting
from .log_parser import LogReader

CHUNK = 1 << 18
LONGEST_LINE = 1 << 16
POLLED = -1  # a source without a descriptor to wait on
# The programs whose lines are read; -t is journalctl's SYSLOG_IDENTIFIER.
JOURNAL = (
    "journalctl",
    "--all",
    "--output=json",
    "--output-fields=MESSAGE",
    "--quiet",
    "--no-pager",
    "--boot",
)
PROGRAMS = ("--identifier=dhcpd", "--identifier=dnsmasq-dhcp", "--identifier=kea-dhcp4")
MOST_DATAGRAMS = 512


class Lines:
    """Bytes as they come, cut into lines; what is longer than any log line is passed over."""

    def __init__(self) -> None:
        self._begun, self._overlong = b"", False

    def cut(self, data: bytes) -> Iterator[str]:
        """The lines that ``data`` ends; the begun one is kept for the next call."""
        *ended, begun = (self._begun + data).split(b"\n")
        for number, line in enumerate(ended):
            if not (self._overlong and number == 0):
                yield line.decode("utf-8", "replace")
        self._overlong = len(begun) > LONGEST_LINE or (self._overlong and not ended)
        self._begun = b"" if self._overlong else begun

    def rest(self) -> Iterator[str]:
        """The begun line as it is: nobody will end it."""
        return self.cut(b"\n") if self._begun else iter(())


class LogFile:
    """A log file under its name, whatever file has that name (logrotate's create) and whether it is cut (copytruncate).

    replay  begin with what the file holds already; otherwise only what is written from now on counts
    follow  False: read it to its present end, and no further
    """

    def __init__(self, path: str, *, replay: bool = False, follow: bool = True) -> None:
        """Raises NotFound, or DescriptionError when it cannot be read."""
        self.name, self._path, self._reader = path, path, LogReader()
        self._open_files = [_OpenFile(path, at_end=not replay)]
        self._follow, self.exhausted = follow, False

    def fileno(self) -> int:
        return POLLED

    def read(self) -> list[Sighting]:
        lines = [line for file in self._open_files for line in file.lines()]
        if all(file.at_end for file in self._open_files):
            self._look_for_rotation()
            self.exhausted = not self._follow
        if self.exhausted:
            lines += self._open_files[-1].rest()
        return [sighting for sighting in map(self._reader.sighting, lines) if sighting]

    def _look_for_rotation(self) -> None:
        with contextlib.suppress(
            NotFound, DescriptionError, OSError
        ):  # between two names there is none
            if self._open_files[-1].identity != _identity(os.stat(self._path)):
                # The server writes to the old file until it is told to open its log again: both are read.
                *gone, last = self._open_files
                self._open_files = [last, _OpenFile(self._path, at_end=False)]
                for file in gone:
                    file.close()

    def close(self) -> None:
        for file in self._open_files:
            file.close()


class _OpenFile:
    """One file that is being written to by somebody else."""

    def __init__(self, path: str, *, at_end: bool) -> None:
        try:
            # A named pipe without a writer must not hold us up.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(
                "no such log", path, "is the DHCP server's log kept elsewhere, or in the journal?"
            ) from None
        except OSError as error:
            raise DescriptionError(f"cannot be read ({error.strerror})", path) from error
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise DescriptionError("not a file that a log could be", path)
        self.identity, self._lines = _identity(found), Lines()
        self._at, self.at_end = found.st_size if at_end else 0, False

    def lines(self) -> list[str]:
        """What was written since the last call, at most some hundred kilobytes of it."""
        if os.fstat(self._descriptor).st_size < self._at:
            self._at, self._lines = 0, Lines()
        data = os.pread(self._descriptor, CHUNK, self._at)
        self._at, self.at_end = self._at + len(data), not data
        return list(self._lines.cut(data))

    def rest(self) -> Iterator[str]:
        """The last line, if it has no end."""
        return self._lines.rest()

    def close(self) -> None:
        os.close(self._descriptor)


class Journal:
    """The systemd journal's entries of the DHCP servers.

    replay  begin with what was written since the machine started
    follow  False: read it to its present end, and no further
    """

    def __init__(
        self, *, replay: bool = False, follow: bool = True, more: Sequence[str] = ()
    ) -> None:
        """``more`` goes to journalctl (another machine's journal, say).  Raises CommandError when it cannot be started."""
        self.name, self._reader, self._lines = "the journal", LogReader(), Lines()
        begin = "--lines=all" if replay else "--lines=0"
        self._stream = Stream(
            [*JOURNAL, *PROGRAMS, *more, begin, *(["--follow"] if follow else [])]
        )
        self._follow, self.exhausted = follow, False

    def fileno(self) -> int:
        return self._stream.fileno()

    def read(self) -> list[Sighting]:
        """Raises CommandError when journalctl has ended before its time."""
        try:
            data = self._stream.read()
        except CommandError:
            self.exhausted = not self._follow and self._stream.succeeded
            if not self.exhausted:
                raise
            return []
        messages = [_message(line) for line in self._lines.cut(data)]
        return [sighting for sighting in map(self._reader.sighting, messages) if sighting]

    def close(self) -> None:
        self._stream.close()


class Syslog:
    """Syslog datagrams that the frontend's logger passes on (rsyslog: ``local7.* @127.0.0.1:5514``)."""

    exhausted = False

    def __init__(self, address: str) -> None:
        """``address`` is HOST:PORT for UDP, or the path of a Unix socket, which is made.  Raises DescriptionError."""
        self.name, self._reader = f"syslog at {address}", LogReader()
        self._path = address if address.startswith("/") else ""
        self._socket = socket.socket(
            socket.AF_UNIX if self._path else socket.AF_INET, socket.SOCK_DGRAM
        )
        try:
            self._socket.setblocking(False)
            self._bind(address)
        except (OSError, OverflowError, ValueError) as error:
            self._socket.close()
            raise DescriptionError(
                f"no syslog can be received there ({error})",
                address,
                "write udp://HOST:PORT or unix:///PATH",
            ) from None

    def _bind(self, address: str) -> None:
        if self._path:
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISSOCK(os.stat(address).st_mode):
                    os.unlink(address)
            self._socket.bind(address)
        else:
            host, _colon, port = address.rpartition(":")
            self._socket.bind((host, int(port)))

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[Sighting]:
        found = []
        for _datagram in range(MOST_DATAGRAMS):
            try:
                data = self._socket.recv(LONGEST_LINE)
            except BlockingIOError:
                break
            found.append(self._reader.sighting(data.decode("utf-8", "replace").rstrip("\n\0")))
        return [sighting for sighting in found if sighting]

    def close(self) -> None:
        self._socket.close()
        if self._path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _message(line: str) -> str:
    """The message of a journal entry; one with control characters comes as a list of bytes."""
    try:
        entry: Any = json.loads(line)
        message: Any = entry.get("MESSAGE") if isinstance(entry, dict) else None
        return (
            bytes(message).decode("utf-8", "replace")
            if isinstance(message, list)
            else str(message or "")
        )
    except (ValueError, TypeError):
        return ""
