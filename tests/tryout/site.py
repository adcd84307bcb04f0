# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machines of one try, and what its steps know about them."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence

from lab.machine.chassis import Chassis

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from support import rpms

from .frontend import Frontend
from .medium import Medium

NODES = ("compute-0-0", "compute-0-1")
LOCAL_RPMS = "/export/rocks/local"
SITE_NODES = "/etc/rocks/xml/nodes"
TAIL_LINES = 15
QUERY_SECONDS = 60.0
COPY = 'mkdir -p "$(dirname "$1")" && base64 -d >"$1"'


@dataclass(frozen=True)
class Settings:
    """What differs between a real medium and the lab."""

    medium: Medium
    firmware: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of all nodes."""
    frontend_attributes: Mapping[str, str] = field(default_factory=dict)
    distribution: Mapping[str, Any] = field(default_factory=dict)
    """Variables of the distribution role."""
    scheduler: str = "slurm"
    drive: str = "/dev/sr0"
    """Device of the medium on the frontend; "" if nothing has to be mounted."""


@dataclass
class Site:
    """One try."""

    settings: Settings
    folder: pathlib.Path
    frontend: Frontend
    nodes: Sequence[Chassis]
    machine: Optional[Chassis] = None
    """The frontend's, if it is a virtual machine."""
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def sh(self, script: str, *arguments: str, **options: Any) -> str:
        """Run a line of shell on the frontend, and return its output."""
        return self.frontend.run("sh", "-ec", script, "try", *arguments, **options)

    def node(self, name: str, script: str) -> str:
        """Run a line of shell on a node, as root on the frontend can, and return its output."""
        options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"]
        return self.frontend.run("ssh", *options, f"root@{name}", script)

    def playbook(self, name: str, variables: Mapping[str, Any], timeout: float) -> str:
        """Run a playbook of the collection on the frontend, and keep its output in a log."""
        self.start(name, *playbook(name, variables))
        process = self._running[name]
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TimeoutError(f"{name}: not within {timeout:.0f} s\n{self.tail(name)}") from None
        self.has_ended(name)
        return self.log(name)

    def start(self, name: str, *argv: str) -> None:
        """Start a program on the frontend; its output goes to NAME.log."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                self.frontend.argv(argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_ended(self, name: str) -> bool:
        """Return whether a started program has ended.  Raises CommandError if it has failed."""
        status = self._running[name].poll()
        if status:
            raise CommandError(f"{name} ended with status {status}\n{self.tail(name)}")
        return status is not None

    def stop(self) -> None:
        """End the programs that were started and still run."""
        for process in self._running.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def log(self, name: str) -> str:
        """Return the output of a started program."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def tail(self, name: str) -> str:
        return "\n".join(self.log(name).splitlines()[-TAIL_LINES:])

    def write(self, path: str, content: bytes) -> None:
        """Write a file on the frontend."""
        self.sh(COPY, path, stdin=base64.b64encode(content).decode())

    def add_package(self, package: rpms.Rpm) -> None:
        """Put an RPM into the frontend's folder of local packages."""
        built = rpms.write(package, self.folder)
        self.write(f"{LOCAL_RPMS}/{built.name}", built.read_bytes())

    def states(self) -> dict[str, str]:
        """Return node -> the state of its last order, or the reason why it failed."""
        query = (
            "select nodes.name, installs.state, installs.reason from nodes, installs "
            "where installs.node = nodes.id order by installs.id"
        )
        answer = self.frontend.run(
            "mysql", "--batch", "--skip-column-names", "cluster", "--execute", query,
            timeout=QUERY_SECONDS,
        )  # fmt: skip
        rows = [line.split("\t") for line in answer.splitlines()]
        return {name: state if state in STATES else f"{state}: {reason}"
                for name, state, reason in rows}  # fmt: skip


STATES = ("ordered", "booted", "installing", "installed", "up")


def playbook(name: str, variables: Mapping[str, Any]) -> list[str]:
    """Return the command that runs a playbook of the collection."""
    return ["ansible-playbook", f"playbooks/{name}.yml", "-e", json.dumps(variables)]
