# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The states of an install order, and which change is allowed (contract C6).

The compare-and-set of ``orders.advance`` is made from this table; nothing else knows which state follows which.
"""

from __future__ import annotations

from typing import Mapping

ORDERED = "ordered"  # permission and duty; the machine has not been heard of
BOOTED = "booted"  # its firmware was sent to the installer
INSTALLING = "installing"  # the installer took its kickstart
INSTALLED = (
    "installed"  # the installer said that it is done; the machine boots from its own disk again
)
UP = "up"  # the installed system said which profile and which generation it runs
FAILED = "failed"
EXPIRED = "expired"
CANCELLED = "cancelled"

STATES = (ORDERED, BOOTED, INSTALLING, INSTALLED, UP, FAILED, EXPIRED, CANCELLED)

# Only these open the installer to a machine: boot answer, kickstart, secrets, progress.
OPEN = (ORDERED, BOOTED, INSTALLING)

# An order in one of these is live, and a node has at most one (the table's unique key).
LIVE = (*OPEN, INSTALLED)

# These ended without an installed node, in the phase that the order still shows.
ENDED_BADLY = (FAILED, EXPIRED, CANCELLED)

# The states from which a state is reached.  A kexec goes straight to the installer, so "booted" may be skipped.
# An installed node does not expire: it is told from one that is up, until it reports or is ordered anew.
REACHED_FROM: Mapping[str, tuple[str, ...]] = {
    BOOTED: (ORDERED,),
    INSTALLING: (ORDERED, BOOTED),
    INSTALLED: (INSTALLING,),
    UP: (INSTALLED,),
    FAILED: LIVE,
    EXPIRED: OPEN,
    CANCELLED: LIVE,
}
