# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a reinstallation asks of a scheduler: let no new job begin, say who is still busy, take the node back.

The interface is three verbs.  Slurm is the first engine, OpenPBS the second; without a scheduler every node is free.
"""

from __future__ import annotations

from typing import Callable, Iterable, Mapping, Protocol, Sequence

from .. import command
from ..command import Run
from ..errors import CommandError, Unavailable

SECONDS = 60.0
REASON = "reinstall"


class Scheduler(Protocol):
    """An engine that gives nodes to jobs."""

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        """Begin no new job there; what runs, goes on."""

    def busy(self, nodes: Sequence[str]) -> set[str]:
        """Those of the nodes on which a job still runs."""

    def resume(self, nodes: Sequence[str]) -> None:
        """Give the nodes to jobs again."""


class Nobody:
    """No scheduler: every node is free at once."""

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        pass

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return set()

    def resume(self, nodes: Sequence[str]) -> None:
        pass


class Slurm:
    """Slurm through scontrol and sinfo, as any administrator would."""

    # Node states in which a job, or its cleaning up, is still there (sinfo(1), NODE STATE CODES).
    BUSY = frozenset(("allocated", "mixed", "completing", "draining"))

    def __init__(self, run: Run = command.run) -> None:
        self._run = run

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        self._update(nodes, "State=DRAIN", f"Reason={reason}")

    def busy(self, nodes: Sequence[str]) -> set[str]:
        argv = ["sinfo", "--noheader", "--Node", "--format=%N %T", f"--nodes={','.join(nodes)}"]
        said = _answer(self._run, argv)
        states = {
            words[0]: words[1].rstrip("*~#!%$@^-") for words in map(str.split, said.splitlines()) if len(words) == 2
        }
        return {node for node, state in states.items() if state in self.BUSY}

    def resume(self, nodes: Sequence[str]) -> None:
        # A node that Slurm does not know, or that is not down, is no fault of the reinstallation.
        self._update(nodes, "State=RESUME", ok=(0, 1))

    def _update(self, nodes: Sequence[str], *words: str, ok: Iterable[int] = (0,)) -> None:
        _answer(self._run, ["scontrol", "update", f"NodeName={','.join(nodes)}", *words], ok)


class OpenPBS:
    """OpenPBS through pbsnodes."""

    def __init__(self, run: Run = command.run) -> None:
        self._run = run

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        _answer(self._run, ["pbsnodes", "-o", "-C", reason, *nodes])

    def busy(self, nodes: Sequence[str]) -> set[str]:
        found, node = set(), ""
        for line in _answer(self._run, ["pbsnodes", "-v", *nodes]).splitlines():
            if line and not line[0].isspace():
                node = line.strip()
            elif line.strip().startswith("jobs ="):
                found.add(node)
        return found

    def resume(self, nodes: Sequence[str]) -> None:
        _answer(self._run, ["pbsnodes", "-r", "-C", "", *nodes])


SCHEDULERS: Mapping[str, Callable[[], Scheduler]] = {"none": Nobody, "slurm": Slurm, "pbs": OpenPBS}


def _answer(run: Run, argv: Sequence[str], ok: Iterable[int] = (0,)) -> str:
    try:
        return str(run(argv, timeout=SECONDS, ok=tuple(ok)).stdout)
    except CommandError as error:
        raise Unavailable(
            f"the scheduler does not do it: {error.what}", error.where, "or say scheduler: none"
        ) from error
