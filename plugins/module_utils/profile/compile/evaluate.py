# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the programs of ``<eval>`` while a profile is compiled: unprivileged, for a limited time, and never silently.

The only file of the room that starts a program; compile_profile gets it handed in.
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
    """A function that runs a script with its interpreter and returns what it prints.

    user     whom the program runs as, when we are root; it can gain no privilege from there
    seconds  after which it is killed with its children

    The function raises CommandError for a program that fails, hangs, or prints more than 4 MiB.  Raises NotFound when
    there is no such user.
    """
    prefix, owner = _unprivileged(user)

    def evaluate(script: str, interpreter: str) -> str:
        with tempfile.TemporaryDirectory(prefix="rocks-eval-") as folder:
            path = os.path.join(folder, "script")
            with open(path, "w", encoding="utf-8") as file:
                file.write(script)
            if owner >= 0:
                os.chown(folder, owner, -1)
                os.chown(path, owner, -1)
            printed = run(
                [*prefix, interpreter, path], timeout=seconds, cwd=folder, env={"HOME": folder}
            ).stdout
        if len(printed) > MAXIMUM_OUTPUT:
            raise CommandError(
                f"printed {len(printed):,} characters, at most {MAXIMUM_OUTPUT:,} are read",
                interpreter,
            )
        return str(printed)

    return evaluate


def _unprivileged(user: str) -> tuple[Sequence[str], int]:
    """The words in front of a command that give up all privileges, and the user id to own its files (-1: ours)."""
    alone = ("setpriv", "--no-new-privs")
    if os.geteuid() != 0:
        return alone, -1
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise NotFound(
            f'no user "{user}"', "", "name an unprivileged user of this machine"
        ) from None
    identity = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    return (*alone, *identity, "--inh-caps=-all", "--bounding-set=-all"), account.pw_uid
