# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A light node that runs through all its restarts: the firmware, the installer, and the installed
system.

The installed operating system boots as a container, with its own init, its own services and its own
address. Its root is the result of the last installation; `/state` is kept, like a partition that is
not formatted.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
import threading
from typing import Iterator

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.daemons import daemon
from support.waiting import until

from ..evidence import OWN_GROUP
from .node import LightNode

SYSTEM = pathlib.Path(__file__).parent / "system"
RESTARTS = 133
OFF = 0
BOOT_SECONDS = 900.0
STOP_SECONDS = 30.0
INIT = "usr/lib/systemd/systemd"


class LightMachine:
    """A node whose power is on."""

    def __init__(self, node: LightNode) -> None:
        self.node = node
        self.boots: list[str] = []
        self._off = threading.Event()
        self._failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._run_boots)

    def on(self) -> None:
        self._thread.start()

    def off(self) -> None:
        """Cut its power, and raise the error that has stopped it, if any."""
        self._off.set()
        self._thread.join(BOOT_SECONDS)
        process.run([str(OWN_GROUP), "--remove", self.node.namespace.name], timeout=STOP_SECONDS)
        self.check()

    def check(self) -> None:
        """Raise the error that has stopped the machine, if any."""
        if self._failure:
            raise self._failure[0]

    def run(self, *argv: str) -> str:
        """Run a program in the installed operating system, and return its output."""
        init = next(pid for pid in self._pids() if _is_init(pid))
        return process.run(
            ["nsenter", "--target", init, "--all", "--", *argv], timeout=STOP_SECONDS
        ).stdout

    def _pids(self) -> list[str]:
        """Return the processes in the node's network."""
        return process.run(
            ["ip", "netns", "pids", self.node.namespace.name], timeout=STOP_SECONDS
        ).stdout.split()

    def _run_boots(self) -> None:
        try:
            while not self._off.is_set():
                self.boots.append(self._boot())
                if self.boots[-1] == "poweroff":
                    return
        except BaseException as error:  # noqa: BLE001 raised by `check` in another thread
            self._failure.append(error)

    def _boot(self) -> str:
        """Run from the firmware to the next restart or power cut; return what has run."""
        before = self.node.folder / "before"
        self.node.root.rename(before)
        self.node.root.mkdir()
        _move_state(before, self.node.root)
        with self.node.power_on() as running:
            until(
                lambda: self._off.is_set() or not running.alive(),
                BOOT_SECONDS,
                f"{self.node.folder.name} to boot",
            )
            if self._off.is_set():
                return "power cut"
        outcome = self.node.outcome(running, STOP_SECONDS)
        if outcome != "local disk":
            shutil.rmtree(before)
            return outcome
        _move_state(self.node.root, before)
        shutil.rmtree(self.node.root)
        before.rename(self.node.root)
        return self._system()

    def _system(self) -> str:
        if not (self.node.root / INIT).exists():
            raise RuntimeError(f"{self.node.folder.name}: its disk has no operating system")
        (self.node.folder / "group").write_text(self.node.namespace.name)
        argv = [str(SYSTEM), str(OWN_GROUP), str(self.node.folder), self.node.namespace.name]
        with daemon(argv, self.node.folder / "system.log") as running:
            until(
                lambda: self._off.is_set() or not running.alive(),
                float("inf"),
                "the operating system to end",
            )
            if self._off.is_set():
                # A container outlives its systemd-nspawn when that is killed.
                for pid in self._pids():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
        if self._off.is_set():
            return "power cut"
        if running.process.returncode not in (RESTARTS, OFF):
            status = running.process.returncode
            raise RuntimeError(
                f"{self.node.folder.name}: status {status}\n{running.output()[-2000:]}"
            )
        return "system" if running.process.returncode == RESTARTS else "poweroff"


def _is_init(pid: str) -> bool:
    status = pathlib.Path("/proc", pid, "status").read_text()
    return bool(re.search(r"^Name:\tsystemd$.*^NSpid:\t.*\b1$", status, re.MULTILINE | re.DOTALL))


def _move_state(old: pathlib.Path, new: pathlib.Path) -> None:
    if (old / "state").is_dir():
        (old / "state").rename(new / "state")


@contextlib.contextmanager
def switched_on(node: LightNode) -> Iterator[LightMachine]:
    """Keep the node switched on until the block ends."""
    machine = LightMachine(node)
    machine.on()
    try:
        yield machine
    finally:
        machine.off()
