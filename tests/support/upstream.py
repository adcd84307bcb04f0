# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mirror with faults: an HTTP server on loopback that serves a folder, after scripted faults.

with upstream(folder) as server:
    server.fail("*.rpm", status(503, retry_after="1"), cut(100))
    ...  # the first request for an RPM gets 503, the second 100 bytes, the others the file
"""

from __future__ import annotations

import contextlib
import fnmatch
import http.server
import itertools
import pathlib
import re
import sys
import threading
from typing import Any, Callable, Iterator, NamedTuple, Optional
from urllib.parse import unquote

FOREVER = sys.maxsize


class Request(NamedTuple):
    """A received request."""

    path: str
    """Path below the folder."""
    offset: Optional[int]
    """First byte of the requested range; None for the whole file."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Serve files with ranges and keep-alive, after the scripted faults."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes: without this, each response waits for a delayed ACK.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        path = unquote(self.path).lstrip("/")
        self.server.owner.requests.append(Request(path, self.offset))
        fault = self.server.owner.next_fault(path)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            (fault or serve)(self)

    def do_HEAD(self) -> None:
        content = self.content
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()

    @property
    def offset(self) -> Optional[int]:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(match[1]) if match else None

    @property
    def content(self) -> Optional[bytes]:
        """The content of the requested file, or None."""
        path = self.server.owner.folder / unquote(self.path).lstrip("/")
        return path.read_bytes() if path.is_file() else None

    def reply(self, code: int, body: bytes, length: Optional[int] = None, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Requests are in ``Upstream.requests``."""


Fault = Callable[[Handler], None]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: Upstream

    def handle_error(self, _request: object, _address: object) -> None:
        """Ignore clients that close the connection: tests check the errors of the client."""


class Upstream:
    """The server: its URL, its requests, and its scripted faults."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.requests: list[Request] = []
        self.finish = threading.Event()
        self._faults: list[tuple[str, Iterator[Fault]]] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, pattern: str, *faults: Fault, times: int = 1) -> None:
        """Respond to the next requests for ``pattern`` with these faults, each ``times`` times."""
        with self._lock:
            in_order = itertools.chain.from_iterable(
                itertools.repeat(fault, times) for fault in faults
            )
            self._faults.append((pattern, in_order))

    def heal(self) -> None:
        """Remove the remaining faults."""
        with self._lock:
            self._faults.clear()

    def requests_for(self, pattern: str) -> list[Request]:
        """Return the requests whose path matches ``pattern``."""
        return [request for request in self.requests if fnmatch.fnmatch(request.path, pattern)]

    def next_fault(self, path: str) -> Optional[Fault]:
        with self._lock:
            matching = (
                faults for pattern, faults in self._faults if fnmatch.fnmatch(path, pattern)
            )
            return next(itertools.chain.from_iterable(matching), None)

    @contextlib.contextmanager
    def running(self) -> Iterator[Upstream]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.finish.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


@contextlib.contextmanager
def upstream(folder: pathlib.Path) -> Iterator[Upstream]:
    """Serve ``folder`` for the length of the block."""
    with Upstream(folder).running() as server:
        yield server


def serve(handler: Handler) -> None:
    """Respond without a fault: with the file, its end, or 404."""
    content = handler.content
    offset = handler.offset
    if content is None:
        handler.reply(404, b"<html>not found</html>")
    elif offset is None:
        handler.reply(200, content)
    elif offset >= len(content):
        handler.reply(416, b"", Content_Range=f"bytes */{len(content)}")
    else:
        span = f"bytes {offset}-{len(content) - 1}/{len(content)}"
        handler.reply(206, content[offset:], Content_Range=span)


def status(code: int, retry_after: str = "", body: bytes = b"<html>an error page</html>") -> Fault:
    """Respond with another status than 200."""
    headers: dict[str, Any] = {"Retry_After": retry_after} if retry_after else {}
    return lambda handler: handler.reply(code, body, **headers)


def redirect(url: str) -> Fault:
    return lambda handler: handler.reply(302, b"", Location=url)


def text(body: bytes) -> Fault:
    """Respond with 200 and other content, such as a captive portal, an old or a longer file."""
    return lambda handler: handler.reply(200, body)


def cut(after: int) -> Fault:
    """Announce the whole file, send ``after`` bytes of the requested range, and hang up."""

    def fault(handler: Handler) -> None:
        content = handler.content or b""
        offset = handler.offset or 0
        headers = (
            {"Content_Range": f"bytes {offset}-{len(content) - 1}/{len(content)}"} if offset else {}
        )
        part = content[offset : offset + after]
        handler.reply(206 if offset else 200, part, length=len(content) - offset, **headers)
        handler.hang_up()

    return fault


def shortened(by: int) -> Fault:
    """Respond with the file without its end, and its length: an incomplete mirror."""
    return lambda handler: handler.reply(200, (handler.content or b"")[:-by])


def whole(handler: Handler) -> None:
    """Respond with the whole file to a request for a range: a server without ranges."""
    handler.reply(200, handler.content or b"")


def hang_up(handler: Handler) -> None:
    """Close the connection without a response."""
    handler.hang_up()


def stall(after: int) -> Fault:
    """Send ``after`` bytes, and then nothing until the test ends."""

    def fault(handler: Handler) -> None:
        content = handler.content or b""
        handler.reply(200, content[:after], length=len(content))
        handler.wfile.flush()
        handler.server.owner.finish.wait(60)
        handler.hang_up()

    return fault


def endless(handler: Handler) -> None:
    """Respond with bytes without end, and without a length."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while not handler.server.owner.finish.is_set():
        handler.wfile.write(bytes(1 << 16))
    handler.hang_up()


def meanwhile(action: Callable[[], object]) -> Fault:
    """Run an action on the server, and then respond without a fault."""

    def fault(handler: Handler) -> None:
        action()
        serve(handler)

    return fault
