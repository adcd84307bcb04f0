# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limit the audit rows of requests that change nothing: users of nodes can send any number.

The rows of changes of an order, of delivered secrets and of suspect requests are not limited.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, NamedTuple, Optional

MINUTE = 60.0
DAY = 86400.0
ROWS = {MINUTE: 20, DAY: 1000}
MAX_SOURCES = 20_000


class _Source(NamedTuple):
    """The rows of one address and kind, in the current period of each length."""

    starts: tuple[float, ...]
    rows: tuple[int, ...]
    omitted: int = 0


class AuditLimit:
    """Counts the rows of each address and kind of request in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: dict[tuple[str, str], _Source] = {}
        self._lock = threading.Lock()

    def admit(self, address: str, kind: str) -> Optional[int]:
        """Return None if a row of this address and kind is not to be added.

        Otherwise return the number of rows that were omitted since the last one.
        """
        key = (address, kind)
        with self._lock:
            source = self._current(key, self._clock())
            if any(rows >= limit for rows, limit in zip(source.rows, ROWS.values())):
                self._sources[key] = source._replace(omitted=source.omitted + 1)
                return None
            rows = tuple(count + 1 for count in source.rows)
            self._sources[key] = source._replace(rows=rows, omitted=0)
            return source.omitted

    def _current(self, key: tuple[str, str], now: float) -> _Source:
        """Return the source with new periods where the old ones have ended."""
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) >= MAX_SOURCES:
                self._sources.clear()
            return _Source(starts=(now,) * len(ROWS), rows=(0,) * len(ROWS))
        ended = [now - start >= seconds for start, seconds in zip(source.starts, ROWS)]
        return source._replace(
            starts=tuple(now if end else start for end, start in zip(ended, source.starts)),
            rows=tuple(0 if end else rows for end, rows in zip(ended, source.rows)),
        )
