# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The states of an install order, and the allowed transitions between them (contract C6).

``orders.advance`` builds its compare-and-set from this table; no other code knows which state
follows which.
"""

from __future__ import annotations

from typing import Final, Literal, Mapping

OrderState = Literal[
    "ordered", "booted", "installing", "installed", "up", "failed", "expired", "cancelled"
]

ORDERED: Final = "ordered"
"""The node should be installed; its machine has not contacted the frontend yet."""
BOOTED: Final = "booted"
"""The frontend answered a boot loader, or root on the node, with the installer."""
INSTALLING: Final = "installing"
"""The installer has started: it sent its first message, as only root can."""
INSTALLED: Final = "installed"
"""The installer reported that it is done; the machine boots from its own disk again."""
UP: Final = "up"
"""The installed system reported which profile and which generation it runs."""
FAILED: Final = "failed"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"

STATES: Final[tuple[OrderState, ...]] = (
    ORDERED,
    BOOTED,
    INSTALLING,
    INSTALLED,
    UP,
    FAILED,
    EXPIRED,
    CANCELLED,
)

OPEN: Final[tuple[OrderState, ...]] = (ORDERED, BOOTED, INSTALLING)
"""Only in these states can a machine get a boot answer, a kickstart and secrets to install."""

LIVE: Final[tuple[OrderState, ...]] = (*OPEN, INSTALLED)
"""An order in one of these states is live; a unique key of the table allows one per node."""

ENDED_BADLY: Final[tuple[OrderState, ...]] = (FAILED, EXPIRED, CANCELLED)
"""An order in one of these states ended without an installed node, and shows its last phase."""

# The states from which a state can be reached.  A boot medium requests no boot file, so "booted"
# can be skipped.  An installed node does not expire: it stays "installed" until it reports that it
# is up, or until it is ordered again.
REACHED_FROM: Mapping[OrderState, tuple[OrderState, ...]] = {
    BOOTED: (ORDERED,),
    INSTALLING: (ORDERED, BOOTED),
    INSTALLED: (INSTALLING,),
    UP: (INSTALLED,),
    FAILED: LIVE,
    EXPIRED: OPEN,
    CANCELLED: LIVE,
}
