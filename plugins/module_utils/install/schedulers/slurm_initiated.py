# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstallations that Slurm initiates.

Slurm has already freed the nodes, waits for them to come back, and returns them to service itself.
It reboots nodes for ``scontrol reboot``, and to give a job the features that it requires (paper,
6.2.3).
"""

from __future__ import annotations

from typing import Sequence

from ... import process
from ...errors import Refused
from ...process import Run
from .slurm import SlurmCommands, reason_setting

# With a shorter ResumeTimeout, Slurm would give up nodes that are still being installed.
INSTALL_SECONDS = 1800


class SlurmReboot:
    """Nodes that slurmctld has passed to its RebootProgram."""

    def __init__(self, run: Run = process.run) -> None:
        self.commands = SlurmCommands(run)

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        """Check Slurm's timeout; the nodes are free already.

        Raises Refused, before anything is ordered, if Slurm would not wait long enough.
        """
        output = self.commands.call(["scontrol", "show", "config"])
        lines = (line.partition("=") for line in output.splitlines())
        config = {name.strip(): value.split()[0] for name, _equals, value in lines if value.strip()}
        timeout = config["ResumeTimeout"]
        if timeout.isdigit() and int(timeout) < INSTALL_SECONDS:
            raise Refused(
                f"ResumeTimeout is {timeout} s; an installation can take {INSTALL_SECONDS} s",
                "slurm.conf",
                "increase it, then run: scontrol reconfigure",
            )

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return set()

    def resume(self, nodes: Sequence[str]) -> None:
        """Do nothing: a node returns to service when its slurmd registers.

        With nextstate=DOWN, Slurm leaves it down.
        """

    def hold(self, node: str, reason: str) -> None:
        self.commands.update([node], "State=DOWN", reason_setting(reason))
