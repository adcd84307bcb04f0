# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait for a condition with a deadline: the only place where the tests sleep."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

PAUSE = 0.05
LEAST_SECONDS = 60.0
"""The shortest deadline.  It is reached only by a failing test, and a busy machine is slow."""


def until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Call ``condition`` until its result is true, and return that.

    Raises TimeoutError, which names ``what`` was expected, after this number of seconds, but not
    before ``LEAST_SECONDS``.
    """
    seconds = max(seconds, LEAST_SECONDS)
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(PAUSE)  # the only sleep of the tests
