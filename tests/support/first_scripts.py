# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The %pre scripts of a kickstart on a machine of a test's network, run by the lab's installer.

The machine has its own /run, /tmp, console and processes, which end with the block.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from dataclasses import dataclass
from typing import Iterator

from .namespaces import Namespace
from .site import ROOT
from .waiting import until

SECONDS = 120.0
# A pause between two tries takes no time here.
COMMAND = """
mount --bind /bin/true /usr/bin/sleep
mount --bind "$1/console" /dev/console
mount --bind "$1/run" /run
# The checkout stays visible if it is below /tmp.
case "$4" in
    /tmp/*)
        mkdir -p "$1/tmp/${4#/tmp/}"
        mount --bind "$4" "$1/tmp/${4#/tmp/}"
        ;;
esac
mount --rbind "$1/tmp" /tmp
"$2" -c "$3" >/run/screen 2>&1
echo $? >/run/status
exec tail -f /dev/null
"""
INSTALLER = """
import pathlib, sys
from lab.installer import failure, kickstart, scripts
from pykickstart.constants import KS_SCRIPT_PRE
try:
    scripts.run(kickstart.pre_scripts(pathlib.Path("/run/install/ks.cfg"), 9), KS_SCRIPT_PRE)
except Exception as error:
    sys.exit(failure.end_without_interface(error))
"""


@dataclass(frozen=True)
class FirstScripts:
    """What the scripts have left."""

    run: pathlib.Path
    console: pathlib.Path

    @property
    def status(self) -> int:
        """The exit status of the installer."""
        return int((self.run / "status").read_text(encoding="utf-8"))

    @property
    def programs(self) -> dict[str, str]:
        """The programs that were fetched: name -> content."""
        paths = (self.run / "rocks/bin").iterdir()
        return {
            path.name: path.read_text(encoding="utf-8")
            for path in paths
            if path.name != "sha256sums"
        }


@contextlib.contextmanager
def first_scripts(machine: Namespace, folder: pathlib.Path, text: str) -> Iterator[FirstScripts]:
    """Run the %pre scripts of a kickstart to their end; background programs run on in the block."""
    for name in ("run/install", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "console").touch()
    (folder / "run/install/ks.cfg").write_text(text, encoding="utf-8")
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv = [*own, "bash", "-c", COMMAND, "machine", str(folder), sys.executable, INSTALLER]
    argv.append(str(ROOT))
    paths = [str(ROOT / "tests"), str(ROOT / ".collections")]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    result = FirstScripts(folder / "run", folder / "console")
    with machine.daemon(argv, folder / "log", env=env):
        until((result.run / "status").exists, SECONDS, "the scripts to end")
        yield result
