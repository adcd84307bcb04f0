# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the programs of ``<eval>`` unprivileged, with a time limit, and never silently.

No other module of this package starts a program; the caller passes this function to
compile_profile.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from typing import Sequence

from ... import process
from ...errors import CommandError, NotFound
from ..model import Evaluate

DEFAULT_USER = "nobody"
DEFAULT_SECONDS = 30.0
MAX_OUTPUT = 4 * 1024 * 1024
MAX_MEMORY = 4 * 1024**3
# Writes the output of a program into files, whose size prlimit(1) limits.  The first process of a
# namespace, the shell, ignores signals of its children.
CAPTURE = 'output=$1; shift; "$@" >"$output/stdout" 2>"$output/stderr"; exit $?'
ERROR_BYTES = 2000


def make_evaluator(
    user: str = DEFAULT_USER, seconds: float = DEFAULT_SECONDS, run: process.Run = process.run
) -> Evaluate:
    """Return a function that runs a script with its interpreter and returns its output.

    user     the user that the program runs as, if we are root; it cannot gain privileges
    seconds  the time after which the program and all its children are killed

    The function raises CommandError for a program that fails, hangs, or prints more than 4 MiB.
    Raises NotFound if the user does not exist.
    """
    prefix, owner = _drop_privileges(user)
    limits = ["prlimit", f"--fsize={MAX_OUTPUT}", f"--as={MAX_MEMORY}", "--core=0", "--"]

    def evaluate(script: str, interpreter: str) -> str:
        with (
            tempfile.TemporaryDirectory(prefix="rocks-eval-") as folder,
            tempfile.TemporaryDirectory(prefix="rocks-output-") as output,
        ):
            path = os.path.join(folder, "script")
            with open(path, "w", encoding="utf-8") as file:
                file.write(script)
            if owner >= 0:
                os.chown(folder, owner, -1)
                os.chown(path, owner, -1)
            program = [*limits, *prefix, "--", interpreter, path]
            argv = [*_contain(), "sh", "-c", CAPTURE, "sh", output, *program]
            try:
                run(argv, timeout=seconds, cwd=folder, env={"HOME": folder})
            except CommandError as error:
                raise CommandError(_failure(error, output), interpreter) from None
            return _read(output, "stdout")

    return evaluate


def _contain() -> list[str]:
    """Return the prefix for processes that all die with their first one, also in other sessions."""
    return ["unshare", "--pid", "--fork", "--kill-child"] if os.geteuid() == 0 else []


def _failure(error: CommandError, output: str) -> str:
    if os.path.getsize(os.path.join(output, "stdout")) >= MAX_OUTPUT:
        return f"printed more than {MAX_OUTPUT:,} bytes"
    lines = _read(output, "stderr")[-ERROR_BYTES:].split("\n")
    details = " | ".join(line for line in lines if line)
    return f"{error.what}: {details}" if details else error.what


def _read(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def _drop_privileges(user: str) -> tuple[Sequence[str], int]:
    """Return the command prefix that drops all privileges, and the user id for its files (-1:
    ours).
    """
    prefix = ("setpriv", "--no-new-privs")
    if os.geteuid() != 0:
        return prefix, -1
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise NotFound(
            f'unknown user "{user}"', "", "give an unprivileged user of this machine"
        ) from None
    identity = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    return (*prefix, *identity, "--inh-caps=-all", "--bounding-set=-all"), account.pw_uid
