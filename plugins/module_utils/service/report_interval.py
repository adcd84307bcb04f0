# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often an installing node reports: the more nodes install, the less often each of them.

The service thus gets about MESSAGES_PER_SECOND, whatever the number of nodes. A message contains
all steps since the last one, so nothing is lost between two messages.
"""

from __future__ import annotations

import time
from typing import Callable

from ..cluster.database import Database
from ..install.states import INSTALLING

MESSAGES_PER_SECOND = 100
MAX_SECONDS = 60
COUNT_SECONDS = 5.0  # how long a count of the installing nodes is used
COUNT = "select count(*) from installs where live = 1 and state = ?"


class ReportInterval:
    """The interval, from a count of the installing nodes that the threads of a process share."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seconds = 1
        self._counted = -COUNT_SECONDS

    def seconds(self, db: Database) -> int:
        """Return the seconds between two messages of a node."""
        now = self._monotonic()
        if now - self._counted >= COUNT_SECONDS:
            self._counted = now  # the other threads use the old count meanwhile
            row = db.row(COUNT, (INSTALLING,))
            self._seconds = interval_of(row[0] if row else 0)
        return self._seconds


def interval_of(installing: int) -> int:
    """Return the seconds between two messages of each of ``installing`` nodes."""
    return min(MAX_SECONDS, max(1, -(-installing // MESSAGES_PER_SECOND)))
