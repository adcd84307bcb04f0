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
import time
from typing import Callable, Collection, Mapping, NamedTuple, Optional, Sequence

from .errors import CommandError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_LINES = 5


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
    environment = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/"), **(env or {})}
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=cwd,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        # A missing working directory raises the same exception as a missing program.
        missing = error.filename or argv[0]
        raise CommandError(f"{missing} does not exist", shown, "install the program that provides it") from None
    except OSError as error:
        raise CommandError(f"cannot be started ({error.strerror})", shown) from error
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
        raise CommandError(_failure(finished), shown)
    return finished


def _kill(process: subprocess.Popen[str]) -> None:
    """End the program and every child that stayed in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _failure(finished: Finished) -> str:
    if finished.status < 0:
        ended = f"killed by {signal.Signals(-finished.status).name}"
    else:
        ended = f"ended with status {finished.status}"
    said = (finished.stderr.strip() or finished.stdout.strip()).splitlines()[-TAIL_LINES:]
    return f"{ended}: {' | '.join(said)}" if said else ended
