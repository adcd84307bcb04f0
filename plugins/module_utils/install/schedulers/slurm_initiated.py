# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm as the one who asks: it has freed the nodes, waits for them to come back, and takes them back by itself.

It reboots nodes when somebody says ``scontrol reboot``, and to give a job the features that it asked for (paper, 6.2.3).
"""

from __future__ import annotations

from typing import Sequence

from ... import process
from ...errors import Refused
from ...process import Run
from .slurm import REASON_CHARACTERS, REASON_PREFIX, SlurmCommands

INSTALL_SECONDS = (
    1800  # less time than this, and Slurm gives up nodes that are still being installed
)


class SlurmReboot:
    """Nodes that slurmctld has handed to its RebootProgram."""

    def __init__(self, run: Run = process.run) -> None:
        self.commands = SlurmCommands(run)

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        """They are free already.  Raises Refused, before anything is ordered, when Slurm would not wait long enough."""
        said = self.commands.answer(["scontrol", "show", "config"])
        values = dict(line.partition("=")[::2] for line in said.splitlines())
        seconds = {
            name.strip(): value.split()[0] for name, value in values.items() if value.strip()
        }["ResumeTimeout"]
        if seconds.isdigit() and int(seconds) < INSTALL_SECONDS:
            raise Refused(
                f"ResumeTimeout is {seconds} s, and an installation may take {INSTALL_SECONDS}",
                "slurm.conf",
                "raise it, then: scontrol reconfigure",
            )

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return set()

    def resume(self, nodes: Sequence[str]) -> None:
        """slurmd's first word after the start does it, or leaves the node down where nextstate=DOWN was asked for."""

    def hold(self, node: str, reason: str) -> None:
        self.commands.update(
            [node], "State=DOWN", f"Reason={REASON_PREFIX}: {reason}"[:REASON_CHARACTERS]
        )
