# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show the progress of a rollout at a terminal: one line for each step, or progress bars."""

from __future__ import annotations

from typing import Mapping

from ..eligibility import MAINTENANCE, REFUSED, UNCHANGED
from ..states import BOOTED, CANCELLED, EXPIRED, FAILED, INSTALLED, INSTALLING, ORDERED, UP
from .rollout import NOT_BEGUN, SENT, WAITING, Step

BAR_WIDTH = 30
# The share of the whole that is done in a state; within "installing" the node's count is added.
SHARES: Mapping[str, float] = {
    WAITING: 0.0,
    ORDERED: 0.02,
    SENT: 0.05,
    BOOTED: 0.1,
    INSTALLING: 0.15,
    INSTALLED: 0.9,
    UP: 1.0,
}
INSTALLING_SHARE = SHARES[INSTALLED] - SHARES[INSTALLING]
FINAL_STATES = (UP, FAILED, EXPIRED, CANCELLED, REFUSED, UNCHANGED, MAINTENANCE, NOT_BEGUN)


def format_step(step: Step) -> str:
    """Return a step as one line of printable text."""
    count = f" {step.done}/{step.total}" if step.total else ""
    message = f": {step.message}" if step.message not in ("", step.state) else ""
    return printable(f"{step.node} {step.state}{count}{message}")


def format_bars(last: Mapping[str, Step], width: int, height: int) -> list[str]:
    """Return the last steps of the nodes as a heading and bars that fit the terminal.

    If there are more nodes than lines, those under way come first.
    """
    under_way = [step for step in last.values() if step.state not in FINAL_STATES]
    finished = [step for step in last.values() if step.state in FINAL_STATES]
    visible = [*under_way, *finished[::-1]][: max(1, height - 2)]
    name_width = max([len(step.node) for step in visible], default=0)
    counts = {state: sum(step.state == state for step in finished) for state in FINAL_STATES}
    summary = [f"{len(under_way)} under way"]
    summary += [f"{count} {state}" for state, count in counts.items() if count]
    lines = [
        ", ".join(summary),
        *(f"{step.node:<{name_width}} {_bar(step)} {_describe(step)}" for step in visible),
    ]
    return [line[:width] for line in lines]


def printable(text: str) -> str:
    """Replace all characters that a terminal would interpret."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _bar(step: Step) -> str:
    share = SHARES.get(step.state, 0.0)
    if step.state == INSTALLING and step.total:
        share += INSTALLING_SHARE * min(1.0, step.done / step.total)
    full = round(share * BAR_WIDTH)
    return f"[{'#' * full}{'.' * (BAR_WIDTH - full)}]"


def _describe(step: Step) -> str:
    if step.message in ("", step.state):
        return printable(step.state)
    return printable(f"{step.state}: {step.message}")
