# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a reinstallation asks of a scheduler: let no new job begin, say who is still busy, take the node back,
or keep it out.

The interface is four verbs.  Slurm is the first engine, OpenPBS the second; without a scheduler every node is free.
"""

from __future__ import annotations

from typing import Callable, Mapping, Protocol, Sequence

from .openpbs import OpenPBS
from .slurm import Slurm
from .slurm_initiated import SlurmReboot


class Scheduler(Protocol):
    """An engine that gives nodes to jobs.  Every verb may be said twice."""

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        """Begin no new job there; what runs, goes on."""

    def busy(self, nodes: Sequence[str]) -> set[str]:
        """Those of the nodes on which a job still runs."""

    def resume(self, nodes: Sequence[str]) -> None:
        """Give the nodes that were drained by ``drain`` to jobs again."""

    def hold(self, node: str, reason: str) -> None:
        """Keep a node whose installation failed from jobs, and say why."""


class NoScheduler:
    """No scheduler: every node is free at once."""

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        pass

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return set()

    def resume(self, nodes: Sequence[str]) -> None:
        pass

    def hold(self, node: str, reason: str) -> None:
        pass


SCHEDULERS: Mapping[str, Callable[[], Scheduler]] = {
    "none": NoScheduler,
    "slurm": Slurm,
    "slurm_reboot": SlurmReboot,
    "pbs": OpenPBS,
}
