# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program at a pseudo-terminal, read its output and press keys."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from dataclasses import dataclass, field
from fcntl import ioctl
from typing import Iterator, Mapping, Sequence

from .waiting import until

ROWS = 40
COLUMNS = 120
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")


@dataclass
class Terminal:
    """A program at a terminal."""

    process: subprocess.Popen[bytes]
    _side: int
    _raw: bytearray = field(default_factory=bytearray)

    @property
    def shown(self) -> str:
        """The output so far, without escape sequences."""
        self._read()
        return ESCAPES.sub("", self._raw.decode("utf-8", "replace"))

    def press(self, keys: bytes) -> None:
        """Send keys to the program."""
        os.write(self._side, keys)

    def wait_for(self, text: str, seconds: float) -> None:
        """Wait until the program has written ``text``."""
        try:
            until(lambda: text in self.shown, seconds, f"the terminal to show {text!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it showed:\n{self.shown[-3000:]}") from None

    def exit_status(self, seconds: float) -> int:
        """Wait for the end of the program, and return its exit status."""

        def has_ended() -> bool:
            self._read()  # a full terminal would block the program
            return self.process.poll() is not None

        until(has_ended, seconds, "the program to end")
        return int(self.process.returncode)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side was closed
            while select.select([self._side], [], [], 0)[0]:
                data = os.read(self._side, 65536)
                if not data:
                    return
                self._raw += data


@contextlib.contextmanager
def terminal(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run ``argv`` in the foreground of a new terminal until the block ends."""
    side, other = pty.openpty()
    ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        # In a new session with this controlling terminal, so that Ctrl-C sends SIGINT.
        ["setsid", "--ctty", "--wait", *argv],
        stdin=other,
        stdout=other,
        stderr=other,
        env={**env, "TERM": "xterm"},
    )
    os.close(other)
    try:
        yield Terminal(process, side)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(side)
