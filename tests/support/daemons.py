# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a real server during a test in the foreground, keep its output, and kill its children too."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
from dataclasses import dataclass
from typing import Iterator, Mapping, Optional, Sequence

from .waiting import until

TAIL_LINES = 15
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Daemon:
    """A running program; ``log`` holds what it wrote to standard output and standard error."""

    process: subprocess.Popen[bytes]
    log: pathlib.Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for(self, text: str, seconds: float) -> None:
        """Wait until ``text`` is in the log; fail at once, with the last lines, if the program has
        ended.
        """

        def has_printed() -> bool:
            has_ended = not self.alive()
            if text in self.output():
                return True
            if has_ended:
                raise RuntimeError(
                    f"{self.log.name} ended with status {self.process.returncode}\n{self._tail()}"
                )
            return False

        try:
            until(has_printed, seconds, f"{self.log.name} to print {text!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its last lines:\n{self._tail()}") from None

    def stop(self) -> None:
        """Terminate the program and its session; kill them if they do not end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill the program and its session, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _tail(self) -> str:
        return "\n".join(self.output().splitlines()[-TAIL_LINES:])


@contextlib.contextmanager
def daemon(
    argv: Sequence[str],
    log: pathlib.Path,
    *,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
) -> Iterator[Daemon]:
    """Run ``argv``, which must stay in the foreground, until the block ends.

    log  appended to, so that a server that is started again keeps its history
    env  added to the environment of the test
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    running = Daemon(process, log)
    try:
        yield running
    finally:
        running.stop()
