# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read requests from nginx over SCGI: CGI variables on a socket, which need no further parsing.

nginx has read and validated the request, and has buffered all of it. The variables that nginx sets
itself, such as the source address of the connection, cannot be confused with a client's headers,
which all begin with ``HTTP_``.
"""

from __future__ import annotations

import io
import sys
from typing import Any, Callable, Iterable, Protocol

CHUNK = 65536
MIN_BYTES = 24  # a request has at least the variables CONTENT_LENGTH and SCGI
MAX_VARIABLES_BYTES = 128 * 1024  # nginx takes four header buffers of 8 kB, and adds few variables
# Environment entries that every WSGI application gets (PEP 3333).
WSGI_ENVIRON: dict[str, Any] = {
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "SCRIPT_NAME": "",
}

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Stream(Protocol):
    """The part of a socket's interface that is used here."""

    def recv(self, size: int, /) -> bytes: ...


def read_request(client: Stream) -> dict[str, Any]:
    """Return one request as a WSGI environment.

    The format is ``LENGTH:NAME\\0VALUE\\0...,BODY``, where the body has CONTENT_LENGTH bytes.
    Raises ConnectionError when the request is truncated, ValueError when it is not SCGI.
    """
    data = _read_at_least(client, b"", MIN_BYTES)
    length, colon, _remainder = data[:8].partition(b":")
    if not (colon and length.isdigit() and int(length) <= MAX_VARIABLES_BYTES):
        raise ValueError(f"not an SCGI request: it begins with {data[:8]!r}")
    start = len(length) + 1
    end = start + int(length)
    data = _read_at_least(client, data, end + 1)
    words = data[start:end].decode("latin-1").split("\0")
    environ = _make_environ(words[0::2], words[1::2])
    data = _read_at_least(client, data, end + 1 + int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(data[end + 1 :])
    return environ


def call_application(application: Application, environ: dict[str, Any]) -> bytes:
    """Return the application's complete response to a request, in the form that nginx reads."""
    head: list[str] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _failure: object = None
    ) -> None:
        head[:] = [
            f"Status: {status}\r\n",
            *(f"{name}: {value}\r\n" for name, value in headers),
            "\r\n",
        ]

    parts = application(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return "".join(head).encode("latin-1") + body


def _read_at_least(client: Stream, data: bytes, size: int) -> bytes:
    while len(data) < size:
        part = client.recv(CHUNK)
        if not part:
            raise ConnectionError(f"the request ends after {len(data)} of {size} bytes")
        data += part
    return data


def _make_environ(names: list[str], values: list[str]) -> dict[str, Any]:
    """Return the variables by name; the values of a repeated header are joined, as in HTTP."""
    environ = {**WSGI_ENVIRON, **dict(zip(names, values))}
    if len(set(names)) != len(names):
        for name in names:
            environ[name] = ",".join(value for other, value in zip(names, values) if other == name)
    return environ
