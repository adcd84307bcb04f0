# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide whether a node is ordered, left alone, or refused (contract C6; the safety rules of a
reinstallation)."""

from __future__ import annotations

from typing import Final, Optional

from ..cluster.model import FRONTEND
from .model import Candidate, Order, Pin, Verdict
from .recipes import Comparison
from .states import INSTALLED, OPEN, UP

ORDER: Final = "order"
UNCHANGED: Final = "unchanged"
"""The node runs what it would get."""
UNDER_WAY: Final = "live"
"""An order for the same generation and profile is under way."""
REFUSED: Final = "refused"
MAINTENANCE: Final = "maintenance"
"""The node is out of service, and is left alone."""


def decide(
    candidate: Candidate,
    pin: Pin,
    comparison: Optional[Comparison] = None,
    *,
    force: bool = False,
    rearm: bool = False,
) -> Verdict:
    """Decide what happens when ``pin`` is ordered for this node.

    comparison  what a reinstallation would change; None: compare the pins
    force       install even if nothing would change
    rearm       the administrator has checked a suspect node and clears it
    """
    last = candidate.last
    if candidate.maintenance:
        reason = f"{candidate.maintenance}; to end it: rocks_maintenance with state=absent"
        return Verdict(candidate.name, MAINTENANCE, reason, last)
    refusal = not_installable_reason(candidate) or _suspect_reason(last, rearm)
    if refusal:
        return Verdict(candidate.name, REFUSED, refusal, last)
    if last and last.state in OPEN:
        return _decide_live(last, pin)
    if comparison and (last is None or comparison.order != last.id):
        comparison = None  # another order was made since
    if last and not force and _is_unchanged(last, pin, comparison):
        if last.state == UP:
            return Verdict(candidate.name, UNCHANGED, _same_reason(last, pin, comparison), last)
        if last.state == INSTALLED:
            return Verdict(candidate.name, UNDER_WAY, "it is installed and booting", last)
    return Verdict(candidate.name, ORDER, _order_reason(last, pin, comparison))


def _is_unchanged(last: Order, pin: Pin, comparison: Optional[Comparison]) -> bool:
    if comparison is None or comparison.differences is None:
        return last.pin == pin
    return not comparison.differences


def _same_reason(last: Order, pin: Pin, comparison: Optional[Comparison]) -> str:
    reason = f"it runs generation {last.pin.generation}"
    if comparison and comparison.differences is None:
        return f"{reason}; its values are unknown, compared by generation"
    if last.pin.generation == pin.generation:
        return reason
    return f"{reason}, and {pin.generation} would give it the same"


def not_installable_reason(candidate: Candidate) -> str:
    """Return why this kind of node can never be ordered; empty if it can."""
    if candidate.appliance == FRONTEND:
        return "a frontend cannot be installed by an order"
    if candidate.frontend_conflict:
        return candidate.frontend_conflict
    if not candidate.root:
        return (
            f"the appliance {candidate.appliance!r} has no root in the graph,"
            " so there is nothing to install"
        )
    return ""


def _order_reason(last: Order | None, pin: Pin, comparison: Optional[Comparison]) -> str:
    """Describe the change for a preview: the node's current state, and its new one."""
    if last and last.state == UP and comparison and comparison.differences is not None:
        return "; ".join(comparison.differences) or "forced"
    if not last:
        return f"never installed; gets generation {pin.generation}"
    if last.state != UP:
        return f"its last order is {last.state}; gets generation {pin.generation}"
    if last.pin.distribution != pin.distribution:
        return f"from {last.pin.distribution} to {pin.distribution}, generation {pin.generation}"
    if last.pin.generation != pin.generation:
        return f"from generation {last.pin.generation} to {pin.generation}"
    return "its profile has changed" if last.pin != pin else "forced"


def _suspect_reason(last: Order | None, rearm: bool) -> str:
    if not last or not last.suspect or rearm:
        return ""
    return f"{last.reason}; check `rocks_install_info`, then order it again with rearm: true"


def _decide_live(live: Order, pin: Pin) -> Verdict:
    if live.pin == pin:
        return Verdict(live.node, UNDER_WAY, f"ordered by {live.by}, {live.state}", live)
    return Verdict(
        live.node,
        REFUSED,
        f"an order of {live.by} for generation {live.pin.generation} is {live.state};"
        " wait for it, or cancel it: rocks_install, state: cancelled",
        live,
    )
