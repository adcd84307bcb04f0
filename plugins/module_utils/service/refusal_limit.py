# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limit the audit rows of refused requests: any user of a node can send any number of them.

The rows of requests that are accepted, and of suspect ones that end an order, are not limited.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, NamedTuple, Optional

WINDOW_SECONDS = 60.0
ROWS_PER_WINDOW = 20
MAX_ADDRESSES = 20_000


class _Window(NamedTuple):
    start: float
    rows: int
    omitted: int


class RefusalLimit:
    """Counts the refusals of each address in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def admit(self, address: str) -> Optional[int]:
        """Return None if a refusal of this address is not to be recorded.

        Otherwise return the number of those that were not recorded in its last window.
        """
        now = self._clock()
        with self._lock:
            window = self._windows.get(address)
            if window is None or now - window.start >= WINDOW_SECONDS:
                if window is None and len(self._windows) >= MAX_ADDRESSES:
                    self._windows.clear()
                self._windows[address] = _Window(now, 1, 0)
                return window.omitted if window else 0
            if window.rows < ROWS_PER_WINDOW:
                self._windows[address] = window._replace(rows=window.rows + 1)
                return 0
            self._windows[address] = window._replace(omitted=window.omitted + 1)
            return None
