# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide what an order allows its machine now: the boot answer and the kickstart.

Pure functions. Every user of a node can send these requests, so none of them uses up an order: the
first message of the installer, which only root can send, starts the installation
(``install.installer_start``). A machine that requests a boot file or its kickstart after that has
restarted during the installation, and never gets a second one.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Optional, Union

from ..install import timestamps
from ..install.model import Order
from ..install.states import BOOTED, EXPIRED, FAILED, INSTALLING, OPEN, ORDERED, OrderState

MAX_CLOCK_SKEW_SECONDS = 300  # between the clocks of several frontends

BootAction = Literal["install", "local"]
INSTALL: BootAction = "install"
LOCAL: BootAction = "local"


class Decision(NamedTuple):
    """A boot action, and the change of the order that goes with it."""

    action: BootAction
    """``install``: start the installer or serve the kickstart; ``local``: disk, or refusal."""
    next_state: Union[OrderState, Literal[""]] = ""
    """The state that the order changes to; empty: no change."""
    reason: str = ""
    """Why the request is refused, or why the order fails or expires."""


def decide_boot(order: Optional[Order], now: str, *, is_machine: bool = True) -> Decision:
    """Answer a boot loader that requests its script.

    is_machine  False: the client cannot be a boot loader or root, so the order does not change
    """
    refusal = _refuse_unless_open(order, now)
    if refusal or order is None:
        return refusal or Decision(LOCAL)
    if order.state == INSTALLING:
        phase = f"{order.phase} {order.done} of {order.total}" if order.total else order.phase
        reason = f"the machine restarted in the middle of the installation ({phase})"
        return Decision(LOCAL, FAILED, reason)
    return Decision(INSTALL, BOOTED if is_machine and order.state == ORDERED else "")


def decide_kickstart(order: Optional[Order], now: str) -> Decision:
    """Answer an installer that requests its kickstart."""
    refusal = _refuse_unless_open(order, now)
    if refusal or order is None:
        return refusal or Decision(LOCAL)
    if order.state != INSTALLING:
        return Decision(INSTALL)
    reason = "the kickstart was requested after the installer had started, so the machine restarted"
    return Decision(LOCAL, FAILED, reason)


def _refuse_unless_open(order: Optional[Order], now: str) -> Optional[Decision]:
    """Return the refusal of an order that is not open at ``now``, or None."""
    if order is None:
        return Decision(LOCAL, reason="no install order")
    if order.state not in OPEN:
        state = f"{order.state} ({order.reason})" if order.reason else order.state
        return Decision(LOCAL, reason=f"the last install order is {state}")
    if order.expires <= now:
        return Decision(LOCAL, EXPIRED, f"the last install order expired {order.expires}")
    if order.ordered > timestamps.add_seconds(now, MAX_CLOCK_SKEW_SECONDS):
        return Decision(
            LOCAL,
            reason=f"the install order was made at {order.ordered}, but the frontend's clock is"
            f" at {now}",
        )
    return None
