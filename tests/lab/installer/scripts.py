# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the scripts of a kickstart."""

from __future__ import annotations

import os
import pathlib
import shlex
import subprocess
import tempfile
from typing import Iterable

from pykickstart.parser import Script

from . import screen
from .model import ScriptError
from .programs import SYSROOT

# anaconda.service's: the new system's programs come last.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin:/sbin:/usr/sbin:/mnt/sysimage/bin:/mnt/sysimage/usr/bin"
    ":/mnt/sysimage/usr/sbin:/mnt/sysimage/sbin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "linux",
}


def run(scripts: Iterable[Script], kind: int) -> None:
    """Run the scripts of ``kind`` in order.

    Raises ScriptError if a script with ``--erroronfail`` fails.
    """
    for script in scripts:
        if script.type == kind:
            _run(script)


def _run(script: Script) -> None:
    root = SYSROOT if script.inChroot else pathlib.Path("/")
    folder = root / "tmp"
    folder.mkdir(exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="ks-script-", dir=folder)
    with os.fdopen(descriptor, "w") as file:
        file.write(script.script)
    path = pathlib.Path(name)
    path.chmod(0o700)
    # Without a name, the log stands outside the new root; the installer copies it there at the end.
    unnamed = screen.LOGS / f"{path.name}.log"
    log = root / script.logfile.lstrip("/") if script.logfile else unnamed
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch(0o600)
    argv = [*shlex.split(script.interp), f"/{path.relative_to(root)}"]
    with log.open("w") as output:
        # The output goes to a file, because a background child would keep a pipe open.
        status = subprocess.run(
            ["chroot", str(root), *argv] if script.inChroot else argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            check=False,
        ).returncode
    screen.log("program", f"kickstart script at line {script.lineno}: status {status}")
    if status:
        text = f"Error code {status} running the kickstart script at line {script.lineno}"
        screen.log("anaconda", text)
    if status and script.errorOnFail:
        raise ScriptError(script.lineno, log.read_text())
    path.unlink()
