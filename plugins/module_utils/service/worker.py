# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How gunicorn runs the application: some threads in each process, each of which takes a connection and answers it.

gunicorn's own threads get their work from a dispatcher, which costs more than an installing node's report does; its
``sync`` worker has no threads, so that a process waits while the database flushes a commit, and lingers at the end of
each connection as a TCP server must. Behind nginx, on a Unix socket, neither slow clients nor the end of a connection
are ours to deal with.  gunicorn reads the request, calls the application and writes the answer.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from typing import Any

try:
    from gunicorn.http import RequestParser
    from gunicorn.http.errors import NoMoreData, ParseException
    from gunicorn.workers.sync import SyncWorker
except ImportError:  # only gunicorn itself loads this file; ansible-test looks at it without
    SyncWorker = object

BEAT_SECONDS = 1.0
GARBAGE = 20_000  # objects that may be left in circles before they are looked for; Python's own is 700
STANDING = 2  # threads that wait for a connection at the same time


class Worker(SyncWorker):  # type: ignore[misc]  # gunicorn has no types
    """A process with ``threads`` threads on the one socket."""

    alive: bool
    cfg: Any

    def run(self) -> None:
        """Answer until we are told to end, or the parent is gone; what was begun is answered then."""
        (listener,) = self.sockets
        listener.setblocking(True)
        self.cfg = _Settled(self.cfg)
        gc.freeze()  # what was loaded before the first request stays, and need not be looked through again and again
        gc.set_threshold(GARBAGE)
        busy, door = [False] * self.cfg.threads, _Door(STANDING)
        for number in range(self.cfg.threads):
            threading.Thread(target=self._serve, args=(listener, door, busy, number), daemon=True).start()
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
                    client, address = listener.accept()
                busy[number] = True
                try:
                    self._answer(listener, client, address)
                finally:
                    client.close()
                    busy[number] = False

    def _answer(self, listener: Any, client: Any, address: Any) -> None:
        answer = _Answer(client)
        try:
            self.handle_request(listener, next(RequestParser(self.cfg, client, address)), answer, address)
            answer.send()
        except (NoMoreData, StopIteration, OSError):
            pass  # whoever asked has gone
        except ParseException as error:
            self.handle_error(None, client, address, error)
        except Exception:
            self.log.exception("a request ended the way no request should")


class _Settled:
    """gunicorn's settings as plain attributes: it reads some twenty in each request, and finds each by two calls."""

    def __init__(self, settings: Any) -> None:
        self.__dict__.update({name: getattr(settings, name) for name in settings.settings}, _settings=settings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)


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


class _Answer:
    """The client's socket as gunicorn writes to it: head and body leave together, and nginx is woken once."""

    def __init__(self, client: Any) -> None:
        self._client, self._parts = client, bytearray()

    def sendall(self, data: bytes) -> None:
        """Keep what is written until it is whole."""
        self._parts += data

    def send(self) -> None:
        """All of it."""
        self._client.sendall(self._parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
