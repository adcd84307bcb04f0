# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results of a run of the lab: consoles, screens, and the duration of each phase."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.namespaces import identity, is_alive

from . import cache

OUTPUT = cache.ROOT / "tests" / "output" / "lab"
PREFIX = "rocks-lab-"
# Disks, sockets and root folders are not kept.
KEPT = ("console", "*.log", "*.png", "leases", "hosts")
KEPT_OF_A_FAILURE = ("*.pcap*", "*.registers")
CONTAINER, OWN_GROUP = (
    cache.ROOT / "extensions/molecule" / name for name in ("container", "own-group")
)
UNMOUNT_SECONDS = 30.0
STOP_SECONDS = 60.0

HEAD = ("since the start", "this phase", "QEMU's CPU", "load", "")

_taken: dict[str, list[Lap]] = {}


class Lap(NamedTuple):
    """An event and its time.

    Seconds since the start, since the previous lap and of QEMU's processors; the load average.
    """

    what: str
    seconds: float
    phase: float
    cpu: float
    load: float


@dataclass
class Laps:
    """The phases of one test; ``before`` is the time of the last lap."""

    test: str
    started: float
    before: float = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.started

    def lap(self, what: str, cpu: float = 0.0) -> float:
        """Record that ``what`` has happened now; return the seconds since the start."""
        now = time.monotonic()
        lap = Lap(
            what=what,
            seconds=now - self.started,
            phase=now - self.before,
            cpu=cpu,
            load=os.getloadavg()[0],
        )
        _taken.setdefault(self.test, []).append(lap)
        self.before = now
        return lap.seconds

    def restart(self) -> None:
        """Start counting now."""
        self.started = self.before = time.monotonic()


def summary() -> list[str]:
    """Return a table of the phases of each test of this run."""
    return [line for test in _taken for line in ("", test, *table(test))]


def table(test: str) -> list[str]:
    """Return the phases of one test as lines of a table, in seconds."""
    rows = [
        (f"{lap.seconds:.1f}", f"{lap.phase:.1f}", f"{lap.cpu:.0f}", f"{lap.load:.1f}", lap.what)
        for lap in _taken.get(test, [])
    ]
    return [
        f"{since:>15}  {phase:>10}  {cpu:>10}  {load:>4}  {what}"
        for since, phase, cpu, load, what in [HEAD, *rows]
    ]


def scratch() -> pathlib.Path:
    """Create a folder directly below the temporary one, because the paths of Unix sockets must be
    short.

    Its name contains the process that owns it. The folders of killed runs are removed.
    """
    parent = pathlib.Path(tempfile.gettempdir())
    for old in parent.glob(f"{PREFIX}*"):
        if not is_alive(old.name.removeprefix(PREFIX).partition("-")[0]):
            _stop_containers(old)
            _unmount(old)
            shutil.rmtree(old, ignore_errors=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{identity(os.getpid())}-"))


def _stop_containers(folder: pathlib.Path) -> None:
    """Stop the frontends of a killed run, and remove what they and its nodes left outside
    ``folder``.
    """
    for leader in folder.glob("*/leader"):
        process.run([str(CONTAINER), "stop"], timeout=STOP_SECONDS, env={"RUN": str(leader.parent)})
    for group in folder.glob("*/group"):
        process.run([str(OWN_GROUP), "--remove", group.read_text()], timeout=STOP_SECONDS)


def _unmount(folder: pathlib.Path) -> None:
    """Unmount what a killed run had mounted below ``folder``, innermost first."""
    mount_points = [
        line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()
    ]
    for place in reversed(mount_points):
        if place.startswith(f"{folder}/"):
            process.run(["umount", "--lazy", place], timeout=UNMOUNT_SECONDS)


def keep(folder: pathlib.Path, name: str, *, failed: bool) -> None:
    """Copy logs, consoles and screens of ``folder`` to the output of the test ``name``.

    Copy captures and registers too if the test failed.
    """
    patterns = (*KEPT, *KEPT_OF_A_FAILURE) if failed else KEPT
    target = OUTPUT / re.sub(r"[^A-Za-z0-9_-]+", "-", name)
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(
        path
        for pattern in patterns
        for path in [*folder.glob(pattern), *folder.glob(f"*/{pattern}")]
        if path.is_file()
    ):
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
