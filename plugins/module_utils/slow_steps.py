# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report that a step of a long operation is still running, so that nobody waits without a word."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any, Callable, Iterator

FIRST_SECONDS = 5.0
NEXT_SECONDS = 15.0

Notify = Callable[[str], Any]
"""Shows one line; called in another thread."""


def ignore(_line: str) -> None:
    """The default of ``notify``: nobody is waiting."""


@contextlib.contextmanager
def slow_step(step: str, notify: Notify) -> Iterator[None]:
    """Call ``notify`` while the block runs: after FIRST_SECONDS, then each NEXT_SECONDS.

    step  what the block does, as a noun: "report slurm: check"
    """
    if notify is ignore:
        yield
        return
    done = threading.Event()
    started = time.monotonic()

    def announce() -> None:
        seconds = FIRST_SECONDS
        while not done.wait(seconds):
            notify(f"{step}: still running after {time.monotonic() - started:.0f} s")
            seconds = NEXT_SECONDS

    thread = threading.Thread(target=announce, name="slow-step", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
