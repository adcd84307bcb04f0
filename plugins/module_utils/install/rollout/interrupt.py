# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Describe what an interrupted rollout leaves behind: which orders stay, and what will happen."""

from __future__ import annotations

from typing import Mapping, Sequence

from .. import sending
from ..model import Order
from ..states import BOOTED, INSTALLED, INSTALLING, ORDERED
from .display import printable

MAX_ORDERS = 20  # lines
NOTHING_LEFT = "interrupted: no order of these nodes is live, so no machine will be installed"
HINT = (
    "to follow them, run the same command again: it restarts no machine twice;"
    " to cancel them: ansible localhost -m rocks_install -a 'name=NODE state=cancelled'"
)
EFFECTS: Mapping[str, str] = {
    ORDERED: "installs when it boots from the network",
    BOOTED: "boots the installer",
    INSTALLING: "installs to its end",
    INSTALLED: "boots from its disk",
}


def describe_live_orders(live: Sequence[Order], now: str) -> str:
    """Return the message for an interrupted command; ``live`` are the orders of its nodes."""
    if not live:
        return NOTHING_LEFT
    lines = [f"interrupted: {len(live)} order{'s' * (len(live) != 1)} stay live"]
    lines += [f"  {_describe(order, now)}" for order in live[:MAX_ORDERS]]
    if len(live) > MAX_ORDERS:
        lines.append(f"  and {len(live) - MAX_ORDERS} more: rocks_install_info")
    return "\n".join([*lines, HINT])


def _describe(order: Order, now: str) -> str:
    progress = f" ({order.phase} {order.done} of {order.total})" if order.total else ""
    sent = sending.describe(order, now)
    until = "" if order.state == INSTALLED else f", until {order.expires} UTC"
    state = f"{order.state}{progress}" + (f", {sent}" if sent else "")
    return printable(f"{order.node} {state}: {EFFECTS[order.state]}{until}")
