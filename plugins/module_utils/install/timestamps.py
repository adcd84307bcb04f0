# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as the database stores them: UTC texts such as ``2026-11-22 09:14:05``.

Both engines can read them, and they sort as text.
"""

from __future__ import annotations

import calendar
import time

FORMAT = "%Y-%m-%d %H:%M:%S"


def now() -> str:
    """Return the current time.

    Only modules, programs and the HTTP service should call it; other functions take the time as an
    argument.
    """
    return from_seconds(time.time())


def from_seconds(seconds: float) -> str:
    """Convert seconds since 1970 to a text."""
    return time.strftime(FORMAT, time.gmtime(seconds))


def to_seconds(text: str) -> int:
    """Convert a text to seconds since 1970."""
    # This takes a tenth of the time of strptime, and every kickstart request calls it twice.
    return calendar.timegm(
        (
            int(text[:4]),
            int(text[5:7]),
            int(text[8:10]),
            int(text[11:13]),
            int(text[14:16]),
            int(text[17:]),
        )
    )


def add_seconds(text: str, seconds: float) -> str:
    """Return the time ``seconds`` after ``text``, or before it when negative."""
    return from_seconds(to_seconds(text) + seconds)
