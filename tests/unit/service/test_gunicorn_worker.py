# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a process's threads share one socket: few wait at the door, and an empty door is never left unwatched."""

from __future__ import annotations

import contextlib
import threading
from typing import Iterator

from ansible_collections.npaci.rocks.plugins.module_utils.service import gunicorn_worker
from support.waiting import until

THREADS, SECONDS = 8, 10.0


class Visitors:
    """Threads that come to the door, and stay in it until they are called away."""

    def __init__(self, door: gunicorn_worker._AcceptLimit) -> None:
        self.door, self.inside, self.gone = door, set[int](), 0
        self.calls = [threading.Event() for number in range(THREADS)]
        self.threads = [
            threading.Thread(target=self._come, args=(number,), daemon=True)
            for number in range(THREADS)
        ]

    def _come(self, number: int) -> None:
        with self.door:
            self.inside.add(number)
            self.calls[number].wait(SECONDS)
            self.inside.discard(number)
        self.gone += 1

    def call_away(self) -> None:
        """Everybody who stands in the door now."""
        for number in list(self.inside):
            self.calls[number].set()


@contextlib.contextmanager
def visitors(standing: int) -> Iterator[Visitors]:
    made = Visitors(gunicorn_worker._AcceptLimit(standing))
    for thread in made.threads:
        thread.start()
    try:
        yield made
    finally:
        for call in made.calls:
            call.set()


def test_only_so_many_stand_in_the_door() -> None:
    with visitors(2) as found:
        until(lambda: len(found.inside) == 2, SECONDS, "two in the door")
        assert found.gone == 0
        assert sum(thread.is_alive() for thread in found.threads) == THREADS


def test_who_leaves_the_door_empty_wakes_the_next_until_everybody_was_there() -> None:
    with visitors(2) as found:
        until(lambda: found.inside, SECONDS, "somebody in the door")
        until(
            lambda: (found.call_away(), found.gone == THREADS)[1],
            SECONDS,
            "everybody to have been in the door",
        )
