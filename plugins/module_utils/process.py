# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program: the only file of the rooms that imports ``subprocess``.

A list and never a shell, no inherited standard input, a small environment, an obligatory time limit, and one wording
of every failure.  Secrets go through ``stdin``, so that the argument list may always be shown.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import time
from typing import Any, Callable, Collection, Mapping, NamedTuple, Optional, Sequence

from .errors import CommandError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_LINES = 5
GRACE = 1.0  # seconds for killed children to be gone
STREAM_BYTES = 1 << 16


class Finished(NamedTuple):
    """What a program that ended as expected left behind; ``seconds`` is wall time."""

    status: int
    stdout: str
    stderr: str
    seconds: float


Run = Callable[..., Finished]


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: str = "",
    ok: Collection[int] = (0,),
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
) -> Finished:
    """Run ``argv`` to its end and return what it printed.

    timeout  seconds; then the program's whole process group is killed
    ok       the exit statuses that are no failure
    env      added to a small environment of our own (PATH, LANG, HOME)

    Raises CommandError with the command in a form that can be pasted, and the last lines it wrote to stderr.
    """
    shown = shlex.join(argv)
    started = time.monotonic()
    process = _start(
        argv,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**_environment(), **(env or {})},
        cwd=cwd,
        encoding="utf-8",
        errors="replace",
    )
    try:
        stdout, stderr = process.communicate(stdin or None, timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise CommandError(f"still running after {timeout:g} s, killed", shown) from None
    except BaseException:
        _kill(process)
        raise
    finished = Finished(process.returncode, stdout, stderr, time.monotonic() - started)
    if finished.status not in ok:
        raise CommandError(
            _failure(finished.status, finished.stderr.strip() or finished.stdout), shown
        )
    return finished


class Stream:
    """A program that runs until it is closed, and whose output is read as it comes (``journalctl --follow``)."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Raises CommandError when the program cannot be started."""
        self._shown = shlex.join(argv)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._process = _start(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(),
            )
        except BaseException:
            self._errors.close()
            raise
        self._output: Any = self._process.stdout
        os.set_blocking(self.fileno(), False)

    def fileno(self) -> int:
        """Becomes readable when there is output, or when the program has ended."""
        return int(self._output.fileno())

    def read(self) -> bytes:
        """What was written since the last call; never waits.  Raises CommandError when the program has ended."""
        try:
            data = os.read(self.fileno(), STREAM_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            status = self._process.wait()
            self._errors.seek(0)
            raise CommandError(
                _failure(status, self._errors.read().decode("utf-8", "replace")), self._shown
            )
        return data

    @property
    def ended_well(self) -> bool:
        """Whether the program has ended with status 0."""
        return self._process.poll() == 0

    def close(self) -> None:
        """End the program and every child that stayed in its session."""
        _kill(self._process)
        self._errors.close()


def _start(argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start ``argv`` in a session of its own.  Raises CommandError that says why it cannot be."""
    shown = shlex.join(argv)
    try:
        return subprocess.Popen(list(argv), start_new_session=True, **options)
    except FileNotFoundError as error:
        # A missing working directory raises the same exception as a missing program.
        missing = error.filename or argv[0]
        raise CommandError(
            f"{missing} does not exist", shown, "install the program that provides it"
        ) from None
    except OSError as error:
        raise CommandError(f"cannot be started ({error.strerror})", shown) from error


def _environment() -> dict[str, str]:
    return {"PATH": PATH, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}


def _kill(process: subprocess.Popen[Any]) -> None:
    """End the program and every child that stayed in its session.

    Its pipes end when the last of them is dead; a child that left the session may hold them, and is not waited for.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=GRACE)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()


def _failure(status: int, said: str) -> str:
    ended = (
        f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    )
    lines = said.strip().splitlines()[-TAIL_LINES:]
    return f"{ended}: {' | '.join(lines)}" if lines else ended
