# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times as the database writes them: UTC texts that both engines read and that sort, ``2026-11-22 09:14:05``."""

from __future__ import annotations

import calendar
import time

FORM = "%Y-%m-%d %H:%M:%S"


def now() -> str:
    """This moment.  Functions take it as an argument; only modules and the HTTP face ask for it."""
    return from_seconds(time.time())


def from_seconds(seconds: float) -> str:
    """Seconds since 1970 as a text."""
    return time.strftime(FORM, time.gmtime(seconds))


def to_seconds(text: str) -> int:
    """A text of the database as seconds since 1970."""
    # A tenth of what strptime costs, and each kickstart asks twice.
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


def add_seconds(text: str, by: float) -> str:
    """The moment ``by`` seconds after ``text``; before it, when negative."""
    return from_seconds(to_seconds(text) + by)
