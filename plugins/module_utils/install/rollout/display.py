# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person sees while nodes reinstall: one line for each step, or bars that are drawn anew."""

from __future__ import annotations

from typing import Mapping

from ..eligibility import REFUSED, UNCHANGED
from ..states import BOOTED, CANCELLED, EXPIRED, FAILED, INSTALLED, INSTALLING, ORDERED, UP
from .rollout import NOT_BEGUN, SENT, WAITING, Step

BAR = 30
# How much of the way a state is; within "installing" the node's own count tells.
SHARE: Mapping[str, float] = {
    **{
        WAITING: 0.0,
        ORDERED: 0.02,
        SENT: 0.05,
        BOOTED: 0.1,
        INSTALLING: 0.15,
        INSTALLED: 0.9,
        UP: 1.0,
    },
    **dict.fromkeys((REFUSED, UNCHANGED, NOT_BEGUN, FAILED, EXPIRED, CANCELLED), 0.0),
}
INSTALLING_SHARE = SHARE[INSTALLED] - SHARE[INSTALLING]
ENDS = (UP, FAILED, EXPIRED, CANCELLED, REFUSED, UNCHANGED, NOT_BEGUN)


def format_step(step: Step) -> str:
    """A step as one line of printable text."""
    count = f" {step.done}/{step.total}" if step.total else ""
    message = f": {step.message}" if step.message not in ("", step.state) else ""
    return printable(f"{step.node} {step.state}{count}{message}")


def format_bars(last: Mapping[str, Step], width: int, height: int) -> list[str]:
    """The nodes' last steps as bars that fit; where there is no room for all, those that are under way come first."""
    under_way = [step for step in last.values() if step.state not in ENDS]
    over = [step for step in last.values() if step.state in ENDS]
    room = max(1, height - 2)
    shown = [*under_way, *over[::-1]][:room]
    name = max([len(step.node) for step in shown], default=0)
    counts = {end: sum(step.state == end for step in over) for end in ENDS}
    told = ", ".join(f"{count} {end}" for end, count in counts.items() if count)
    heading = f"{len(under_way)} under way" + (f", {told}" if told else "")
    return [
        text[:width]
        for text in (
            heading,
            *(f"{step.node:<{name}} {_bar(step)} {_describe(step)}" for step in shown),
        )
    ]


def printable(text: str) -> str:
    """The text with everything that a terminal would act on replaced."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _bar(step: Step) -> str:
    share = SHARE.get(step.state, 0.0)
    if step.state == INSTALLING and step.total:
        share += INSTALLING_SHARE * min(1.0, step.done / step.total)
    full = round(share * BAR)
    return f"[{'#' * full}{'.' * (BAR - full)}]"


def _describe(step: Step) -> str:
    return printable(
        f"{step.state}: {step.message}"
        if step.message and step.message != step.state
        else step.state
    )
