# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm, asked through sinfo and scontrol as any administrator would.

A node is drained until the frontend has verified what it runs.  Who drained it gives it back: a node that somebody
else took from the jobs, for another reason, stays theirs.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ... import process
from ...errors import CommandError, Unavailable
from ...process import Run

SECONDS = 60.0
REASON_PREFIX = (
    "rocks_reinstall"  # how our reasons begin, which is how our nodes are told from others
)
REASON_CHARACTERS = 200
FLAGS = "*~#!%$@^-+"  # sinfo(1), NODE STATE CODES
# States in which a job, or its cleaning up, is still there.
BUSY = frozenset(("allocated", "mixed", "completing", "draining"))
# States in which a node is out of service, for the reason that stands with it.
OUT_OF_SERVICE = frozenset(("draining", "drained", "down", "fail", "failing"))
# What slurmctld or slurmd says by itself.
SLURM_REASONS = ("none", "Not responding", "Node unexpectedly rebooted")


class SlurmNode(NamedTuple):
    """A node as sinfo shows it; ``reason`` is ``none`` without one."""

    name: str
    reason: str

    @property
    def busy(self) -> bool:
        return self.name in BUSY

    @property
    def drained_by_rocks(self) -> bool:
        """Out of service because of us."""
        return self.name in OUT_OF_SERVICE and self.reason.startswith(REASON_PREFIX)

    @property
    def drained_by_others(self) -> bool:
        """Out of service because a person said so, or a health check."""
        return self.name in OUT_OF_SERVICE and not self.reason.startswith(
            (REASON_PREFIX, *SLURM_REASONS)
        )


class SlurmCommands:
    """The two programs."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def states(self, nodes: Sequence[str]) -> dict[str, SlurmNode]:
        """Node -> state, of those that Slurm knows."""
        if not nodes:
            return {}
        argv = ["sinfo", "--noheader", "--Node", "--format=%N|%T|%E", f"--nodes={','.join(nodes)}"]
        rows = [
            line.split("|", 2) for line in self.answer(argv).splitlines() if line.count("|") >= 2
        ]
        # A node of several partitions stands there several times, always the same.
        return {
            node: SlurmNode(state.rstrip(FLAGS), reason.strip()) for node, state, reason in rows
        }

    def update(self, nodes: Sequence[str], *words: str) -> None:
        if nodes:
            self.answer(["scontrol", "update", f"NodeName={','.join(nodes)}", *words])

    def answer(self, argv: Sequence[str]) -> str:
        try:
            return self._run(argv, timeout=SECONDS).stdout
        except CommandError as error:
            raise Unavailable(
                f"Slurm does not do it: {error.what}", error.where, "or say scheduler: none"
            ) from error


class Slurm:
    """The nodes that Slurm does not know (a login node, a file server) are free, and stay untouched."""

    def __init__(self, run: Run = process.run) -> None:
        self.commands = SlurmCommands(run)

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        taken = [
            node
            for node, state in self.commands.states(nodes).items()
            if not state.drained_by_others
        ]
        self.commands.update(
            taken, "State=DRAIN", f"Reason={REASON_PREFIX}: {reason}"[:REASON_CHARACTERS]
        )

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return {node for node, state in self.commands.states(nodes).items() if state.busy}

    def resume(self, nodes: Sequence[str]) -> None:
        self.commands.update(
            [node for node, state in self.commands.states(nodes).items() if state.drained_by_rocks],
            "State=RESUME",
        )

    def hold(self, node: str, reason: str) -> None:
        self.drain([node], reason)
