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
MAXIMUM_OUTPUT = 4 * 1024 * 1024


def make_evaluator(
    user: str = DEFAULT_USER, seconds: float = DEFAULT_SECONDS, run: process.Run = process.run
) -> Evaluate:
    """Return a function that runs a script with its interpreter and returns its output.

    user     the user that the program runs as, if we are root; it cannot gain privileges
    seconds  the time after which the program and its children are killed

    The function raises CommandError for a program that fails, hangs, or prints more than 4 MiB.
    Raises NotFound if the user does not exist.
    """
    prefix, owner = _drop_privileges(user)

    def evaluate(script: str, interpreter: str) -> str:
        with tempfile.TemporaryDirectory(prefix="rocks-eval-") as folder:
            path = os.path.join(folder, "script")
            with open(path, "w", encoding="utf-8") as file:
                file.write(script)
            if owner >= 0:
                os.chown(folder, owner, -1)
                os.chown(path, owner, -1)
            output = run(
                [*prefix, interpreter, path], timeout=seconds, cwd=folder, env={"HOME": folder}
            ).stdout
        if len(output) > MAXIMUM_OUTPUT:
            raise CommandError(
                f"printed {len(output):,} characters; the limit is {MAXIMUM_OUTPUT:,}",
                interpreter,
            )
        return str(output)

    return evaluate


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
