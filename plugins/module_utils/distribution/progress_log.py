# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of text that show the progress of a long step at intervals."""

from __future__ import annotations

import time
from typing import Callable, Optional

from .model import Progress, ProgressCallback

MEGABYTE = 1e6


def format_progress(event: Progress) -> str:
    """Return one event as text, without the totals that are unknown."""
    parts = [f'{event.step} of source "{event.source}"']
    if event.files_total:
        parts.append(f"{event.files:,} of {event.files_total:,} files")
    if event.bytes_total:
        done = event.bytes / MEGABYTE
        parts.append(f"{done:,.1f} of {event.bytes_total / MEGABYTE:,.1f} MB")
    if event.rate:
        parts.append(f"{event.rate / MEGABYTE:,.1f} MB/s")
    return ", ".join(filter(None, [*parts, event.current]))


def periodic_reporter(
    seconds: float,
    write_line: Callable[[str], object],
    *,
    now: Callable[[], float] = time.monotonic,
) -> ProgressCallback:
    """Return a callback that writes a line when a step begins, then at most once in ``seconds``."""
    last_time = float("-inf")
    last_step: Optional[tuple[str, str]] = None

    def report(event: Progress) -> None:
        nonlocal last_time, last_step
        time_now = now()
        step = (event.step, event.source)
        if step != last_step or time_now - last_time >= seconds:
            last_time = time_now
            last_step = step
            write_line(format_progress(event))

    return report
