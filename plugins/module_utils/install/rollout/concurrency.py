# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One thing done to many nodes, many at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Callable, Iterable, Iterator, TypeVar

THREADS = 64

Thing = TypeVar("Thing")
Outcome = TypeVar("Outcome")


def run_concurrently(
    work: Callable[[Thing], Outcome], things: Iterable[Thing]
) -> Iterator[tuple[Thing, Future[Outcome]]]:
    """Each thing with what became of it, as they end.

    Interrupted, what waits for its turn is not begun, and nothing is waited for.
    """
    pool = ThreadPoolExecutor(THREADS)
    try:
        begun = {pool.submit(work, thing): thing for thing in things}
        for done in as_completed(begun):
            yield begun[done], done
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
