# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run programs.  This is the only file of the library that imports ``subprocess``.

Arguments are a list and never pass through a shell, standard input is not inherited, the
environment is small, a time limit is required, and all failures have one form.  Secrets go through
``stdin``, so that an error can always show the arguments.
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
from .visible_text import visible_text

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_LINES = 5
GRACE = 1.0
"""Seconds that killed children get to exit."""
STREAM_BYTES = 1 << 16


class ProgramResult(NamedTuple):
    """The result of a program whose exit status was acceptable."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    """Wall time."""


Run = Callable[..., ProgramResult]


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: str = "",
    ok: Collection[int] = (0,),
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[str] = None,
) -> ProgramResult:
    """Run ``argv`` until it exits, and return its output.

    timeout  seconds; then the program's whole process group is killed
    ok       exit statuses that are not a failure
    env      added to a small environment (PATH, LANG, HOME)

    Raises CommandError with the command as it can be pasted into a shell, and with the last lines
    that it wrote to stderr.
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
    if process.returncode not in ok:
        raise CommandError(_failure(process.returncode, stderr.strip() or stdout), shown)
    return ProgramResult(
        status=process.returncode,
        stdout=stdout,
        stderr=stderr,
        seconds=time.monotonic() - started,
    )


class Stream:
    """A program that runs until it is closed, such as ``journalctl --follow``; read its output as
    it arrives.
    """

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
        """Return a descriptor that is readable when there is output or the program has exited."""
        return int(self._output.fileno())

    def read(self) -> bytes:
        """Return the output since the last call without waiting.

        Raises CommandError when the program has exited.
        """
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
    def succeeded(self) -> bool:
        """Whether the program has exited with status 0."""
        return self._process.poll() == 0

    def close(self) -> None:
        """Kill the program and every child that stayed in its session."""
        _kill(self._process)
        self._errors.close()


def _start(argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start ``argv`` in a session of its own.  Raises CommandError when it cannot be started."""
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
    """Kill the program and every child that stayed in its session.

    Pipes close when the last of these processes is dead.  A child that left the session can keep
    them open and is not waited for.
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


def _failure(status: int, output: str) -> str:
    if status < 0:
        ending = f"killed by {signal.Signals(-status).name}"
    else:
        ending = f"ended with status {status}"
    lines = visible_text(output).strip().splitlines()[-TAIL_LINES:]
    return f"{ending}: {' | '.join(lines)}" if lines else ending
