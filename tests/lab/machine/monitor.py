# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""QEMU's monitor (QMP): one command, one answer."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
from typing import Any, Iterator

SECONDS = 60.0


class MonitorError(Exception):
    """QEMU rejected a command, or has ended."""


class Monitor:
    """A connection to a running QEMU."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rw", encoding="utf-8")
        self._events: set[str] = set()
        self._read()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: Any) -> Any:
        """Send a command and return its result; store the events that arrive before it."""
        self._file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._file.flush()
        while True:
            answer = self._read()
            if "error" in answer:
                raise MonitorError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def wait_for(self, event: str) -> None:
        """Wait for an event of that name, unless it has arrived."""
        while event not in self._events:
            self._read()

    def _read(self) -> dict[str, Any]:
        line = self._file.readline()
        if not line:
            raise MonitorError("QEMU has ended")
        answer: dict[str, Any] = json.loads(line)
        self._events.add(answer.get("event", ""))
        return answer


@contextlib.contextmanager
def monitor(path: pathlib.Path) -> Iterator[Monitor]:
    """Connect to the socket at ``path``. Raises OSError if no QEMU listens there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(str(path))
        yield Monitor(connection)
