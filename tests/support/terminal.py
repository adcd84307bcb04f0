# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program at a terminal: what it shows, and keys to press."""

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

ROWS, COLUMNS = 40, 120
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")


@dataclass
class Terminal:
    """What the program has written so far is ``shown``, without what moves the cursor."""

    process: subprocess.Popen[bytes]
    _side: int
    _raw: bytearray = field(default_factory=bytearray)

    @property
    def shown(self) -> str:
        return ESCAPES.sub("", self._raw.decode("utf-8", "replace"))

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._side, keys)

    def wait_for(self, text: str, seconds: float) -> None:
        """Until the program has shown it."""
        try:
            until(
                lambda: self._read() or text in self.shown,
                seconds,
                f"the terminal to show {text!r}",
            )
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it showed:\n{self.shown[-3000:]}") from None

    def ended(self, seconds: float) -> int:
        """The status of the program, once it has ended."""
        until(
            lambda: self._read() or self.process.poll() is not None, seconds, "the program to end"
        )
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
    """Run ``argv`` in the foreground of a terminal of its own until the block ends."""
    side, other = pty.openpty()
    ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        # A session of its own, whose terminal this is: so Ctrl-C reaches it as it reaches a person's program.
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
