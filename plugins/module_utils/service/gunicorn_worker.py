# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A gunicorn worker whose threads accept connections from nginx and answer them over SCGI.

gunicorn starts the processes, supervises them and replaces them. Its own workers parse HTTP a
second time, after nginx, which costs several times as much as a progress report itself, and they
hand requests to their threads through a dispatcher. Here nginx is the only client, on a Unix
socket, and passes on what it has parsed (``scgi``).
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
except ImportError:  # only gunicorn itself loads this file; ansible-test imports it without
    Process = object

from .scgi import call_application, read_request

HEARTBEAT_SECONDS = 1.0
# Objects in reference cycles that may accumulate before a garbage collection; Python's default:
# 700.
GC_THRESHOLD = 20_000
MAX_WAITING = 2  # threads that wait in accept() at the same time


class Worker(Process):  # type: ignore[misc]  # gunicorn has no types
    """A process with ``threads`` threads that share one socket."""

    alive: bool
    cfg: Any

    def run(self) -> None:
        """Answer requests until gunicorn stops the worker or its parent exits.

        Requests in progress are completed first, within ``graceful_timeout`` seconds.
        """
        (listener,) = self.sockets
        listener.setblocking(True)
        gc.freeze()  # exempt what was loaded before the first request from every later collection
        gc.set_threshold(GC_THRESHOLD)
        busy = [False] * self.cfg.threads
        limit = _AcceptLimit(MAX_WAITING)
        for number in range(self.cfg.threads):
            threading.Thread(
                target=self._serve, args=(listener, limit, busy, number), daemon=True
            ).start()
        while self.alive and self.ppid == os.getppid():
            self.notify()
            time.sleep(HEARTBEAT_SECONDS)  # gunicorn replaces a worker that does not notify
        self.alive = False
        self.log.info("Stopping (pid: %s) after the requests in progress", self.pid)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while any(busy) and time.monotonic() < deadline:
            time.sleep(HEARTBEAT_SECONDS / 100)

    def _serve(self, listener: Any, limit: _AcceptLimit, busy: list[bool], number: int) -> None:
        while self.alive:
            with contextlib.suppress(OSError):
                with limit:
                    client = listener.accept()[0]
                busy[number] = True
                try:
                    self._answer(client)
                finally:
                    client.close()
                    busy[number] = False

    def _answer(self, client: Any) -> None:
        try:
            client.sendall(call_application(self.wsgi, read_request(client)))
        except OSError:
            pass  # the client closed the connection
        except Exception:
            self.log.exception("unexpected error while answering a request")


class _AcceptLimit:
    """Let only ``waiting`` threads wait in ``accept``; the others sleep until those have left.

    The kernel wakes the threads that wait in ``accept`` in turn. With only a few of them, light
    load is served by threads whose memory is still in the processor's caches; under heavy load each
    thread that leaves ``accept`` empty wakes the next.
    """

    def __init__(self, waiting: int) -> None:
        self._condition = threading.Condition()
        self._free = waiting
        self._waiting = waiting

    def __enter__(self) -> None:
        with self._condition:
            while not self._free:
                self._condition.wait()
            self._free -= 1

    def __exit__(self, *_exception: object) -> None:
        with self._condition:
            self._free += 1
            if self._free == self._waiting:
                self._condition.notify()
