# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a function for many nodes concurrently."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Callable, Generator, Iterable, TypeVar

THREADS = 64

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_concurrently(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    not_started: Callable[[list[Item]], object] = lambda _items: None,
) -> Generator[tuple[Item, Future[Result]], None, None]:
    """Call ``function`` for every item in threads; yield items with their finished futures.

    When the caller stops iterating, for example because of an interrupt, pending items are not
    started but passed to ``not_started``, and running ones are not waited for.
    """
    pool = ThreadPoolExecutor(THREADS)
    items_by_future: dict[Future[Result], Item] = {}
    try:
        items_by_future.update((pool.submit(function, item), item) for item in items)
        for future in as_completed(items_by_future):
            yield items_by_future[future], future
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        cancelled = [item for future, item in items_by_future.items() if future.cancelled()]
        if cancelled:
            not_started(cancelled)
