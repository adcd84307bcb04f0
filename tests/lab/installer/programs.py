# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a program; log its command line and its output as anaconda does."""

from __future__ import annotations

import pathlib
import shlex
import subprocess
from typing import Sequence

from . import screen
from .model import InstallError

SYSROOT = pathlib.Path("/mnt/sysroot")
SECONDS = 600


def run(
    argv: Sequence[str],
    *,
    stdin: str = "",
    root: bool = False,
    ok: Sequence[int] = (0,),
    log: str = "program",
) -> str:
    """Run a program to its end and return its standard output.

    root  run it in the installed system
    ok    exit statuses that are not a failure
    """
    words = ["chroot", str(SYSROOT), *argv] if root else list(argv)
    screen.log(log, f"Running... {shlex.join(words)}")
    result = subprocess.run(
        words, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    for line in (result.stdout + result.stderr).splitlines():
        screen.log(log, line)
    screen.log(log, f"Return code: {result.returncode}")
    if result.returncode not in ok:
        raise InstallError(
            f"{shlex.join(words)}: status {result.returncode}: {result.stderr.strip()[-500:]}"
        )
    return result.stdout
