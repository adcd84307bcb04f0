# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""OpenPBS, controlled with pbsnodes.

As with Slurm, only nodes that were drained here are resumed: the comment of an offline node shows
who drained it.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ... import process
from ...errors import CommandError, Unavailable
from ...process import Run

SECONDS = 60.0
COMMENT_PREFIX = "rocks_reinstall"
"""The start of every comment that a reinstallation sets."""


class Vnode(NamedTuple):
    """A node as ``pbsnodes -v`` prints it."""

    states: frozenset[str]
    comment: str
    jobs: str

    def drained_by(self, prefix: str) -> bool:
        return "offline" in self.states and self.comment.startswith(prefix)

    def drained_by_others(self, prefix: str) -> bool:
        return "offline" in self.states and not self.comment.startswith(prefix)


class OpenPBS:
    """All nodes must be known to OpenPBS; the error of pbsnodes names an unknown one."""

    def __init__(self, run: Run = process.run, prefix: str = COMMENT_PREFIX) -> None:
        self._run = run
        self._prefix = prefix

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        names = [
            name
            for name, node in self._vnodes(nodes).items()
            if not node.drained_by_others(self._prefix)
        ]
        if names:
            self._call(["pbsnodes", "-o", "-C", f"{self._prefix}: {reason}", *names])

    def busy(self, nodes: Sequence[str]) -> set[str]:
        return {name for name, node in self._vnodes(nodes).items() if node.jobs}

    def resume(self, nodes: Sequence[str]) -> None:
        names = [
            name for name, node in self._vnodes(nodes).items() if node.drained_by(self._prefix)
        ]
        if names:
            self._call(["pbsnodes", "-r", "-C", "", *names])

    def hold(self, node: str, reason: str) -> None:
        self.drain([node], reason)

    def _vnodes(self, nodes: Sequence[str]) -> dict[str, Vnode]:
        if not nodes:
            return {}
        attributes_by_node: dict[str, dict[str, str]] = {}
        attributes: dict[str, str] = {}
        for line in self._call(["pbsnodes", "-v", *nodes]).splitlines():
            if line and not line[0].isspace():
                attributes = attributes_by_node.setdefault(line.strip(), {})
            elif " = " in line:
                name, _equals, value = line.strip().partition(" = ")
                attributes[name] = value
        return {
            node: Vnode(
                states=frozenset(attributes.get("state", "").split(",")),
                comment=attributes.get("comment", ""),
                jobs=attributes.get("jobs", ""),
            )
            for node, attributes in attributes_by_node.items()
        }

    def _call(self, argv: Sequence[str]) -> str:
        try:
            return self._run(argv, timeout=SECONDS).stdout
        except CommandError as error:
            raise Unavailable(
                f"OpenPBS failed: {error.what}",
                error.where,
                "or use scheduler: none with force_jobs: true",
            ) from error
