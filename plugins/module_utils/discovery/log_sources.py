# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources that read a DHCP server's log: a file across rotations, the systemd journal, syslog.

Each is a Source of event_loop: ``read()`` returns the requests since the last call without waiting.
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
from .dhcp_request import DhcpRequest
from .log_parser import LogParser

READ_BYTES = 1 << 18
MAX_LINE_BYTES = 1 << 16
NO_DESCRIPTOR = -1  # for sources that must be polled
MAX_DATAGRAMS = 512  # in one call of read()
JOURNALCTL = (
    "journalctl",
    "--all",
    "--output=json",
    "--output-fields=MESSAGE",
    "--quiet",
    "--no-pager",
    "--boot",
    "--identifier=dhcpd",
    "--identifier=dnsmasq-dhcp",
    "--identifier=kea-dhcp4",
)


class LineSplitter:
    """Splits chunks of bytes into lines, and drops lines longer than MAX_LINE_BYTES."""

    def __init__(self) -> None:
        self._partial = b""
        self._overlong = False

    def split(self, data: bytes) -> Iterator[str]:
        """Yield the lines that ``data`` completes; an incomplete line waits for more data."""
        *complete, partial = (self._partial + data).split(b"\n")
        for number, line in enumerate(complete):
            if not (self._overlong and number == 0):
                yield line.decode("utf-8", "replace")
        self._overlong = len(partial) > MAX_LINE_BYTES or (self._overlong and not complete)
        self._partial = b"" if self._overlong else partial

    def finish(self) -> Iterator[str]:
        """Yield the incomplete line, if any."""
        return self.split(b"\n") if self._partial else iter(())


class LogFile:
    """A log file, followed by name across logrotate's ``create`` and ``copytruncate``.

    replay  start with the present content; otherwise only lines that are written later count
    follow  False: read to the present end and stop
    """

    def __init__(self, path: str, *, replay: bool = False, follow: bool = True) -> None:
        """Raise NotFound, or DescriptionError when the file cannot be read."""
        self.name = path
        self.exhausted = False
        self._path = path
        self._follow = follow
        self._parser = LogParser()
        self._open_files = [_OpenFile(path, from_end=not replay)]

    def fileno(self) -> int:
        """Return NO_DESCRIPTOR: a regular file is always readable."""
        return NO_DESCRIPTOR

    def read(self) -> list[DhcpRequest]:
        """Return the requests that were logged since the last call."""
        lines = [line for file in self._open_files for line in file.lines()]
        if all(file.at_end for file in self._open_files):
            self._check_rotation()
            self.exhausted = not self._follow
        if self.exhausted:
            lines += self._open_files[-1].last_line()
        return [request for request in map(self._parser.parse, lines) if request]

    def _check_rotation(self) -> None:
        # During a rotation, no file may have the name.
        with contextlib.suppress(NotFound, DescriptionError, OSError):
            if self._open_files[-1].identity != _file_identity(os.stat(self._path)):
                # The server writes to the old file until it reopens its log: read both.
                *finished, last = self._open_files
                self._open_files = [last, _OpenFile(self._path, from_end=False)]
                for file in finished:
                    file.close()

    def close(self) -> None:
        """Close all files."""
        for file in self._open_files:
            file.close()


class _OpenFile:
    """A file that another process appends to."""

    def __init__(self, path: str, *, from_end: bool) -> None:
        try:
            # O_NONBLOCK: opening a named pipe without a writer must not block.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(
                "log file not found", path, "set the path of the DHCP server's log, or journal"
            ) from None
        except OSError as error:
            raise DescriptionError(f"cannot read the log ({error.strerror})", path) from error
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise DescriptionError("not a regular file", path)
        self.identity = _file_identity(status)
        self.at_end = False
        self._position = status.st_size if from_end else 0
        self._splitter = LineSplitter()

    def lines(self) -> list[str]:
        """Return the complete lines of the next READ_BYTES."""
        if os.fstat(self._descriptor).st_size < self._position:  # truncated
            self._position = 0
            self._splitter = LineSplitter()
        data = os.pread(self._descriptor, READ_BYTES, self._position)
        self._position += len(data)
        self.at_end = not data
        return list(self._splitter.split(data))

    def last_line(self) -> Iterator[str]:
        """Yield the last line if it has no newline."""
        return self._splitter.finish()

    def close(self) -> None:
        os.close(self._descriptor)


class Journal:
    """The DHCP servers' entries in the systemd journal.

    replay  start with the entries since the machine booted
    follow  False: read to the present end and stop
    """

    def __init__(
        self, *, replay: bool = False, follow: bool = True, arguments: Sequence[str] = ()
    ) -> None:
        """Start journalctl, with additional ``arguments``.  Raises CommandError if that fails."""
        self.name = "the systemd journal"
        self.exhausted = False
        self._follow = follow
        self._parser = LogParser()
        self._splitter = LineSplitter()
        start = "--lines=all" if replay else "--lines=0"
        self._stream = Stream([*JOURNALCTL, *arguments, start, *(["--follow"] if follow else [])])

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._stream.fileno()

    def read(self) -> list[DhcpRequest]:
        """Return the requests since the last call.  Raises CommandError when journalctl fails."""
        try:
            data = self._stream.read()
        except CommandError:
            self.exhausted = not self._follow and self._stream.succeeded
            if not self.exhausted:
                raise
            return []
        messages = [_journal_message(line) for line in self._splitter.split(data)]
        return [request for request in map(self._parser.parse, messages) if request]

    def close(self) -> None:
        """Stop journalctl."""
        self._stream.close()


class Syslog:
    """Syslog datagrams from the frontend's logger (rsyslog: ``local7.* @127.0.0.1:5514``)."""

    exhausted = False

    def __init__(self, address: str) -> None:
        """Bind ``address``: HOST:PORT for UDP, or the path of a Unix socket, which is created.

        Raises DescriptionError.
        """
        self.name = f"syslog at {address}"
        self._parser = LogParser()
        self._path = address if address.startswith("/") else ""
        family = socket.AF_UNIX if self._path else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._bind(address)
        except (OSError, OverflowError, ValueError) as error:
            self._socket.close()
            raise DescriptionError(
                f"cannot listen for syslog ({error})",
                address,
                "set source to udp://HOST:PORT or unix:///PATH",
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
        """Return the descriptor to poll."""
        return self._socket.fileno()

    def read(self) -> list[DhcpRequest]:
        """Return the requests of up to MAX_DATAGRAMS datagrams, without waiting."""
        requests = []
        for _datagram in range(MAX_DATAGRAMS):
            try:
                data = self._socket.recv(MAX_LINE_BYTES)
            except BlockingIOError:
                break
            requests.append(self._parser.parse(data.decode("utf-8", "replace").rstrip("\n\0")))
        return [request for request in requests if request]

    def close(self) -> None:
        """Close the socket, and remove it from the file system."""
        self._socket.close()
        if self._path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)


def _file_identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _journal_message(line: str) -> str:
    """Return the message of a JSON entry; a list of bytes if it has control characters."""
    try:
        entry: Any = json.loads(line)
        message: Any = entry.get("MESSAGE") if isinstance(entry, dict) else None
        if isinstance(message, list):
            return bytes(message).decode("utf-8", "replace")
        return str(message or "")
    except (ValueError, TypeError):
        return ""
