# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waves: a canary first, then so many at a time, until too many fail.  Pure."""

from __future__ import annotations

from typing import NamedTuple, Sequence, Union

from ...errors import DescriptionError

Size = Union[int, str]


class WaveRules(NamedTuple):
    """How a reinstallation of many nodes goes.

    canary    how many go alone, first; nothing follows unless all of them come up
    sizes     of the waves after that, numbers or percentages of all nodes; the last one repeats
    max_failed   so many failed nodes end it
    fail_rate     or this share (0 to 1) of those that were begun, once there are enough to tell
    """

    canary: int = 1
    sizes: tuple[Size, ...] = (32,)
    max_failed: int = 3
    fail_rate: float = 0.1


MIN_NODES_FOR_RATE = 10  # nodes, before a share of them means anything


def plan_waves(nodes: Sequence[str], rules: WaveRules) -> list[list[str]]:
    """The nodes in waves, in their order.  Raises DescriptionError for rules that are none."""
    total = len(nodes)
    sizes = [_wave_size(size, total) for size in rules.sizes]
    if not sizes or min(sizes) < 1:
        raise DescriptionError(
            f"waves of {', '.join(map(str, rules.sizes)) or 'nothing'}", "serial", "at least 1 each"
        )
    if rules.canary < 0:
        raise DescriptionError(f"{rules.canary} nodes cannot go first", "canary", "0 or more")
    if not 0 <= rules.fail_rate <= 1:
        raise DescriptionError(
            f"{rules.fail_rate:g} is no share", "fail_rate", "0.1 is a tenth, 1 is all"
        )
    cut: list[list[str]] = []
    start = 0
    # One wave's worth needs no canary of its own: it is small enough to look at.
    if rules.canary and total > 1:
        cut.append(list(nodes[: rules.canary]))
        start = rules.canary
    while start < total:
        size = sizes[min(len(cut) - (1 if rules.canary and total > 1 else 0), len(sizes) - 1)]
        cut.append(list(nodes[start : start + size]))
        start += size
    return cut


def stop_reason(begun: int, failed: int, canary: bool, rules: WaveRules) -> str:
    """Why no further wave begins; empty when one may."""
    if canary and failed:
        return f"{failed} of the {begun} nodes that went first did not come up"
    if rules.max_failed and failed >= rules.max_failed:
        return f"{failed} nodes failed, and {rules.max_failed} are the limit"
    if begun >= MIN_NODES_FOR_RATE and failed > rules.fail_rate * begun:
        return f"{failed} of {begun} nodes failed, more than {rules.fail_rate:.0%}"
    return ""


def _wave_size(size: Size, total: int) -> int:
    text = str(size).strip()
    try:
        if text.endswith("%"):
            return max(1, int(total * float(text[:-1]) / 100))
        return int(text)
    except (ValueError, OverflowError):
        raise DescriptionError(
            f"{size!r} is no size of a wave", "serial", "a number, or a percentage as 10%"
        ) from None
