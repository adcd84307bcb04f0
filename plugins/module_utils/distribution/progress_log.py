# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person reads while a long step goes on: a line now and then."""

from __future__ import annotations

import time
from typing import Callable

from .model import Progress, ProgressCallback

MEGA = 1e6


def format_progress(event: Progress) -> str:
    """One event in words; totals that are not known are left out."""
    words = [f'{event.step} of source "{event.source}"']
    if event.files_total:
        words.append(f"{event.files:,} of {event.files_total:,} files")
    if event.bytes_total:
        words.append(f"{event.bytes / MEGA:,.1f} of {event.bytes_total / MEGA:,.1f} MB")
    if event.rate:
        words.append(f"{event.rate / MEGA:,.1f} MB/s")
    return ", ".join(filter(None, [*words, event.current]))


def periodic_reporter(
    seconds: float, say: Callable[[str], object], *, now: Callable[[], float] = time.monotonic
) -> ProgressCallback:
    """A Report that says a line when a step begins, and then at most once in ``seconds``."""
    last, subject = float("-inf"), ("", "")

    def report(event: Progress) -> None:
        nonlocal last, subject
        moment = now()
        if event[:2] != subject or moment - last >= seconds:
            last, subject = moment, event[:2]
            say(format_progress(event))

    return report
