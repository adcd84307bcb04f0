# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm, controlled with sinfo and scontrol, as an administrator would do it.

A node stays drained until the frontend has verified what it runs.  Only nodes that were drained
here are resumed: a node that someone else took out of service stays out of service.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ... import process
from ...errors import CommandError, Unavailable
from ...process import Run

SECONDS = 60.0
REASON_PREFIX = "rocks_reinstall"
"""The start of the reasons that a reinstallation sets; it distinguishes these nodes from others."""
REASON_CHARACTERS = 200
FLAGS = "*~#!%$@^-+"  # sinfo(1), NODE STATE CODES
# States in which a job, or its epilogue, still runs.
BUSY = frozenset(("allocated", "mixed", "completing", "draining"))
# States in which a node is out of service, for the reason shown with it.
OUT_OF_SERVICE = frozenset(("draining", "drained", "down", "fail", "failing"))
# Reasons that slurmctld and slurmd set automatically.
SLURM_REASONS = ("none", "Not responding", "Node unexpectedly rebooted")


class SlurmNode(NamedTuple):
    """A node as sinfo prints it."""

    state: str
    reason: str
    """``none`` without a reason."""

    @property
    def busy(self) -> bool:
        return self.state in BUSY

    def drained_by(self, prefix: str) -> bool:
        return self.state in OUT_OF_SERVICE and self.reason.startswith(prefix)

    def drained_by_others(self, prefix: str) -> bool:
        """Check whether a person or a health check took the node out of service."""
        automatic = (prefix, *SLURM_REASONS)
        return self.state in OUT_OF_SERVICE and not self.reason.startswith(automatic)


class SlurmCommands:
    """Calls sinfo and scontrol."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def nodes(self, names: Sequence[str]) -> dict[str, SlurmNode]:
        """Return those of the nodes that Slurm knows, by name."""
        if not names:
            return {}
        argv = ["sinfo", "--noheader", "--Node", "--format=%N|%T|%E", f"--nodes={','.join(names)}"]
        rows = [line.split("|", 2) for line in self.call(argv).splitlines() if line.count("|") >= 2]
        # A node in several partitions has several identical lines.
        return {
            name: SlurmNode(state.rstrip(FLAGS), reason.strip()) for name, state, reason in rows
        }

    def update(self, names: Sequence[str], *settings: str) -> None:
        if names:
            self.call(["scontrol", "update", f"NodeName={','.join(names)}", *settings])

    def call(self, argv: Sequence[str]) -> str:
        """Run a program and return its output.  Raises Unavailable."""
        try:
            return self._run(argv, timeout=SECONDS).stdout
        except CommandError as error:
            raise Unavailable(
                f"Slurm failed: {error.what}",
                error.where,
                "or use scheduler: none with force_jobs: true",
            ) from error


class Slurm:
    """Treats nodes that Slurm does not know (login nodes, file servers) as free.

    prefix  the start of the reasons that are set, and of those that are resumed
    """

    def __init__(self, run: Run = process.run, prefix: str = REASON_PREFIX) -> None:
        self.commands = SlurmCommands(run)
        self._prefix = prefix

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        names = [
            name
            for name, node in self.commands.nodes(nodes).items()
            if not node.drained_by_others(self._prefix)
        ]
        self.commands.update(names, "State=DRAIN", reason_setting(reason, self._prefix))

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return {name for name, node in self.commands.nodes(nodes).items() if node.busy}

    def resume(self, nodes: Sequence[str]) -> None:
        names = [
            name
            for name, node in self.commands.nodes(nodes).items()
            if node.drained_by(self._prefix)
        ]
        self.commands.update(names, "State=RESUME")

    def hold(self, node: str, reason: str) -> None:
        self.drain([node], reason)


def reason_setting(reason: str, prefix: str = REASON_PREFIX) -> str:
    """Return the setting for ``scontrol update``, cut to a length that Slurm accepts."""
    return f"Reason={prefix}: {reason}"[:REASON_CHARACTERS]
