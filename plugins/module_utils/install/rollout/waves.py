# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Divide nodes into waves: a canary first, then groups, until too many nodes fail.  Pure."""

from __future__ import annotations

from typing import NamedTuple, Sequence, Union

from ...errors import DescriptionError

Size = Union[int, str]

MIN_NODES_FOR_RATE = 10  # with fewer nodes, the share of failures means little


class WaveRules(NamedTuple):
    """The sizes of the waves, and the limits of failures."""

    canary: int = 1
    """Size of the first wave; no further wave starts unless all of its nodes come up."""
    sizes: tuple[Size, ...] = (32,)
    """Sizes of the other waves, as numbers or percentages of all nodes; the last one repeats."""
    max_failed: int = 3
    """The rollout stops after this number of failed nodes; 0: no limit."""
    fail_rate: float = 0.1
    """It also stops after this share (0 to 1) of the started nodes, from MIN_NODES_FOR_RATE on."""


def plan_waves(nodes: Sequence[str], rules: WaveRules) -> list[list[str]]:
    """Divide the nodes into waves, in their order.  Raises DescriptionError for invalid rules."""
    total = len(nodes)
    sizes = [_wave_size(size, total) for size in rules.sizes]
    if not sizes or min(sizes) < 1:
        what = f"waves of {', '.join(map(str, rules.sizes)) or 'no size'}"
        raise DescriptionError(what, "serial", "use at least 1 for each")
    if rules.canary < 0:
        raise DescriptionError(f"{rules.canary} is negative", "canary", "use 0 or more")
    if not 0 <= rules.fail_rate <= 1:
        what = f"{rules.fail_rate:g} is not a share"
        raise DescriptionError(what, "fail_rate", "0.1 is a tenth, 1 is all")
    # A single node needs no canary.
    canary = rules.canary if total > 1 else 0
    waves = [list(nodes[:canary])] if canary else []
    start = canary
    number = 0
    while start < total:
        size = sizes[min(number, len(sizes) - 1)]
        waves.append(list(nodes[start : start + size]))
        start += size
        number += 1
    return waves


def stop_reason(started: int, failed: int, canary: bool, rules: WaveRules) -> str:
    """Return why no further wave starts; empty if one can start.

    canary  whether the last wave was the canary
    """
    if canary and failed:
        return f"{failed} of {started} canary nodes did not come up"
    if rules.max_failed and failed >= rules.max_failed:
        return f"{failed} nodes failed; the limit is {rules.max_failed}"
    if started >= MIN_NODES_FOR_RATE and failed > rules.fail_rate * started:
        return f"{failed} of {started} nodes failed, more than {rules.fail_rate:.0%}"
    return ""


def _wave_size(size: Size, total: int) -> int:
    text = str(size).strip()
    try:
        if text.endswith("%"):
            return max(1, int(total * float(text[:-1]) / 100))
        return int(text)
    except (ValueError, OverflowError):
        raise DescriptionError(
            f"{size!r} is not a wave size", "serial", "use a number, or a percentage such as 10%"
        ) from None
