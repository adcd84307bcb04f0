# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an order allows its machine now: the decisions of the boot answer and of the kickstart, as pure functions.

A machine can never loop into a second installation: the kickstart is given once (and again only while the first
answer may have been lost), and a machine that asks for its boot file after that has restarted in the middle.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..install import timestamps
from ..install.model import Order
from ..install.states import BOOTED, EXPIRED, FAILED, INSTALLING, OPEN, ORDERED

AGAIN_SECONDS = 120  # the installer's curl tries four times within half a minute; a restart takes longer than this
SKEW_SECONDS = 300  # between the clocks of several services

INSTALL, LOCAL = "install", "local"


class Decision(NamedTuple):
    """What is answered, and what becomes of the order.

    answer  ``install`` (or: the kickstart) or ``local`` (or: refused)
    to      the state that the order changes to; empty: it stays
    reason  why it is refused; of the change when it is one for the worse
    """

    answer: str
    to: str = ""
    reason: str = ""


def on_boot(order: Optional[Order], now: str) -> Decision:
    """The boot loader asks what to do."""
    closed = _closed(order, now)
    if closed or order is None:
        return closed or Decision(LOCAL)
    if order.state == INSTALLING:
        reached = f"{order.phase} {order.done} of {order.total}" if order.total else order.phase
        return Decision(
            LOCAL, FAILED, f"the machine restarted in the middle of the installation ({reached})"
        )
    return Decision(INSTALL, BOOTED if order.state == ORDERED else "")


def on_kickstart(order: Optional[Order], now: str) -> Decision:
    """The installer asks for its kickstart."""
    closed = _closed(order, now)
    if closed or order is None:
        return closed or Decision(LOCAL)
    if order.state != INSTALLING:
        return Decision(INSTALL, INSTALLING)
    silent = order.phase == INSTALLING and not order.delivered
    if silent and now <= timestamps.add_seconds(order.changed, AGAIN_SECONDS):
        return Decision(INSTALL)
    return Decision(
        LOCAL, FAILED, "the kickstart was asked for a second time, so the machine restarted"
    )


def _closed(order: Optional[Order], now: str) -> Optional[Decision]:
    """The refusal of an order that is not open, or None."""
    if order is None:
        return Decision(LOCAL, reason="no install order")
    if order.state not in OPEN:
        told = f"{order.state} ({order.reason})" if order.reason else order.state
        return Decision(LOCAL, reason=f"the last install order is {told}")
    if order.expires <= now:
        return Decision(LOCAL, EXPIRED, f"the last install order expired {order.expires}")
    if order.ordered > timestamps.add_seconds(now, SKEW_SECONDS):
        return Decision(
            LOCAL,
            reason=f"the install order is of {order.ordered}, and the frontend's clock says {now}",
        )
    return None
