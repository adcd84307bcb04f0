# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interface of a batch scheduler, as a reinstallation uses it.

The interface has four methods.  Slurm and OpenPBS implement it; without a scheduler every node is
free.
"""

from __future__ import annotations

from typing import Callable, Mapping, Protocol, Sequence

from .openpbs import OpenPBS
from .slurm import Slurm
from .slurm_initiated import SlurmReboot


class Scheduler(Protocol):
    """A program that assigns jobs to nodes.  All methods are idempotent."""

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        """Start no new jobs on these nodes; running jobs continue."""

    def busy(self, nodes: Sequence[str]) -> set[str]:
        """Return those of the nodes that still run a job."""

    def resume(self, nodes: Sequence[str]) -> None:
        """Return the nodes that ``drain`` has drained to service."""

    def hold(self, node: str, reason: str) -> None:
        """Keep a node whose installation failed out of service."""


class NoScheduler:
    """Every node is free at once."""

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        pass

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return set()

    def resume(self, nodes: Sequence[str]) -> None:
        pass

    def hold(self, node: str, reason: str) -> None:
        pass


class Impatient:
    """Drains and resumes nodes as a scheduler does, but does not wait for their jobs."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.drain = scheduler.drain
        self.resume = scheduler.resume
        self.hold = scheduler.hold

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return set()


SCHEDULERS: Mapping[str, Callable[[], Scheduler]] = {
    "none": NoScheduler,
    "slurm": Slurm,
    "slurm_reboot": SlurmReboot,
    "pbs": OpenPBS,
}
