# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The limit on threads that wait in accept(). Integration tests cover the rest of the worker."""

from __future__ import annotations

import contextlib
import threading
from typing import Iterator

from ansible_collections.npaci.rocks.plugins.module_utils.service import gunicorn_worker
from support.waiting import until

THREADS = 8
SECONDS = 10.0


class Waiters:
    """Threads that enter the limit, and stay inside until they are released."""

    def __init__(self, limit: gunicorn_worker._AcceptLimit) -> None:
        self.limit = limit
        self.inside = set[int]()
        self.finished = 0
        self.events = [threading.Event() for _number in range(THREADS)]
        self.threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(THREADS)
        ]

    def _run(self, number: int) -> None:
        with self.limit:
            self.inside.add(number)
            self.events[number].wait(SECONDS)
            self.inside.discard(number)
        self.finished += 1

    def release_inside(self) -> None:
        for number in list(self.inside):
            self.events[number].set()

    def all_finished(self) -> bool:
        """Release the threads that are inside now, and return whether all have been inside."""
        self.release_inside()
        return self.finished == THREADS


@contextlib.contextmanager
def run_waiters(waiting: int) -> Iterator[Waiters]:
    waiters = Waiters(gunicorn_worker._AcceptLimit(waiting))
    for thread in waiters.threads:
        thread.start()
    try:
        yield waiters
    finally:
        for event in waiters.events:
            event.set()


def test_only_the_allowed_number_of_threads_waits_in_accept() -> None:
    with run_waiters(2) as waiters:
        until(lambda: len(waiters.inside) == 2, SECONDS, "two threads inside")
        assert waiters.finished == 0
        assert sum(thread.is_alive() for thread in waiters.threads) == THREADS


def test_the_last_thread_that_leaves_accept_wakes_others_until_all_had_their_turn() -> None:
    with run_waiters(2) as waiters:
        until(lambda: waiters.inside, SECONDS, "a thread inside")
        until(waiters.all_finished, SECONDS, "every thread to have been inside")
