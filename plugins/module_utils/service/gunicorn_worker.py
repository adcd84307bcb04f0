# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How gunicorn runs the application: some threads in each process, each of which takes a connection and answers it.

gunicorn starts the processes, looks after them and replaces them. Its own workers read HTTP once more, which nginx has
read already, and that costs several times what an installing node's report does; and its threads get their work from a
dispatcher. Here nginx is the only client, on a Unix socket, and says what it has read (``scgi``).
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from typing import Any

try:
    from gunicorn.workers.base import Worker as Process
except ImportError:  # only gunicorn itself loads this file; ansible-test looks at it without
    Process = object

from .scgi import answered, received

BEAT_SECONDS = 1.0
GARBAGE = (
    20_000  # objects that may be left in circles before they are looked for; Python's own is 700
)
STANDING = 2  # threads that wait for a connection at the same time


class Worker(Process):  # type: ignore[misc]  # gunicorn has no types
    """A process with ``threads`` threads on the one socket."""

    alive: bool
    cfg: Any

    def run(self) -> None:
        """Answer until we are told to end, or the parent is gone; what was begun is answered then."""
        (listener,) = self.sockets
        listener.setblocking(True)
        gc.freeze()  # what was loaded before the first request stays, and need not be looked through again and again
        gc.set_threshold(GARBAGE)
        busy, door = [False] * self.cfg.threads, _Door(STANDING)
        for number in range(self.cfg.threads):
            threading.Thread(
                target=self._serve, args=(listener, door, busy, number), daemon=True
            ).start()
        while self.alive and self.ppid == os.getppid():
            self.notify()
            time.sleep(BEAT_SECONDS)  # gunicorn wants a sign of life
        self.alive = False
        self.log.info("Ending (pid: %s): what was begun is answered first", self.pid)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while any(busy) and time.monotonic() < deadline:
            time.sleep(BEAT_SECONDS / 100)  # for what was begun, until the deadline

    def _serve(self, listener: Any, door: _Door, busy: list[bool], number: int) -> None:
        while self.alive:
            with contextlib.suppress(OSError):
                with door:
                    client = listener.accept()[0]
                busy[number] = True
                try:
                    self._answer(client)
                finally:
                    client.close()
                    busy[number] = False

    def _answer(self, client: Any) -> None:
        try:
            client.sendall(answered(self.wsgi, received(client)))
        except OSError:
            pass  # whoever asked has gone
        except Exception:
            self.log.exception("a request ended the way no request should")


class _Door:
    """Where threads wait for a connection: some stand in it, and the others sleep until the last of those has left.

    The kernel wakes whoever waits in ``accept`` in turn. With a few, a quiet hour is served by threads whose memory is
    still in the processor's caches; in a storm each that leaves the door empty wakes the next.
    """

    def __init__(self, standing: int) -> None:
        self._room, self._free, self._standing = threading.Condition(), standing, standing

    def __enter__(self) -> None:
        with self._room:
            while not self._free:
                self._room.wait()
            self._free -= 1

    def __exit__(self, *_exception: object) -> None:
        with self._room:
            self._free += 1
            if self._free == self._standing:
                self._room.notify()
