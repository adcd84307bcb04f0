# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""OpenPBS, asked through pbsnodes.

As with Slurm, who took a node from the jobs gives it back: the comment on an offline node tells whose it is.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ... import process
from ...errors import CommandError, Unavailable
from ...process import Run

SECONDS = 60.0


COMMENT_PREFIX = "rocks_reinstall"  # how our comments begin


class Vnode(NamedTuple):
    """A node as ``pbsnodes -v`` shows it."""

    states: frozenset[str]
    comment: str
    jobs: str

    @property
    def drained_by_rocks(self) -> bool:
        return "offline" in self.states and self.comment.startswith(COMMENT_PREFIX)

    @property
    def drained_by_others(self) -> bool:
        return "offline" in self.states and not self.comment.startswith(COMMENT_PREFIX)


class OpenPBS:
    """Every node must be one that OpenPBS knows; pbsnodes names the one that is not."""

    def __init__(self, run: Run = process.run) -> None:
        self._run = run

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        taken = [node for node, one in self._vnodes(nodes).items() if not one.drained_by_others]
        if taken:
            self._ask(["pbsnodes", "-o", "-C", f"{COMMENT_PREFIX}: {reason}", *taken])

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return {node for node, one in self._vnodes(nodes).items() if one.jobs}

    def resume(self, nodes: Sequence[str]) -> None:
        back = [node for node, one in self._vnodes(nodes).items() if one.drained_by_rocks]
        if back:
            self._ask(["pbsnodes", "-r", "-C", "", *back])

    def hold(self, node: str, reason: str) -> None:
        self.drain([node], reason)

    def _vnodes(self, nodes: Sequence[str]) -> dict[str, Vnode]:
        if not nodes:
            return {}
        said: dict[str, dict[str, str]] = {}
        values: dict[str, str] = {}
        for line in self._ask(["pbsnodes", "-v", *nodes]).splitlines():
            if line and not line[0].isspace():
                values = said.setdefault(line.strip(), {})
            elif " = " in line:
                name, _equals, value = line.strip().partition(" = ")
                values[name] = value
        return {
            node: Vnode(
                frozenset(one.get("state", "").split(",")),
                one.get("comment", ""),
                one.get("jobs", ""),
            )
            for node, one in said.items()
        }

    def _ask(self, argv: Sequence[str]) -> str:
        try:
            return self._run(argv, timeout=SECONDS).stdout
        except CommandError as error:
            raise Unavailable(
                f"OpenPBS does not do it: {error.what}", error.where, "or say scheduler: none"
            ) from error
