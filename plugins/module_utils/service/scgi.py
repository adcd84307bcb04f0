# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A request as nginx hands it over (SCGI), and the answer: CGI's variables on a socket, with nothing left to parse.

nginx has read and judged the request, and holds the whole of it. The variables that it names itself, among them the
source of the connection, can be told from a client's headers, which all begin with ``HTTP_``.
"""

from __future__ import annotations

import io
import sys
from typing import Any, Callable, Iterable, Protocol

CHUNK = 65536
SHORTEST = 24  # bytes: a request has the variables CONTENT_LENGTH and SCGI at least
LONGEST = 128 * 1024  # bytes of variables: nginx takes four header buffers of 8 kB, and adds few
# What every WSGI application is told (PEP 3333).
ALWAYS: dict[str, Any] = {
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
    """As much of a socket as is needed."""

    def recv(self, size: int, /) -> bytes: ...


def received(client: Stream) -> dict[str, Any]:
    """One request as WSGI's environment.  Raises ConnectionError when it ends before its end, ValueError when it is none.

    ``LENGTH:NAME\\0VALUE\\0...,BODY``, where the body has CONTENT_LENGTH bytes.
    """
    data = _at_least(client, b"", SHORTEST)
    length, colon, _rest = data[:8].partition(b":")
    if not (colon and length.isdigit() and int(length) <= LONGEST):
        raise ValueError(f"no SCGI request begins with {data[:8]!r}")
    start = len(length) + 1
    end = start + int(length)
    data = _at_least(client, data, end + 1)
    words = data[start:end].decode("latin-1").split("\0")
    environ = _named(words[0::2], words[1::2])
    data = _at_least(client, data, end + 1 + int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(data[end + 1 :])
    return environ


def answered(application: Application, environ: dict[str, Any]) -> bytes:
    """All that the application says to a request, as nginx wants to read it."""
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


def _at_least(client: Stream, data: bytes, size: int) -> bytes:
    while len(data) < size:
        part = client.recv(CHUNK)
        if not part:
            raise ConnectionError(f"the request ends after {len(data)} of {size} bytes")
        data += part
    return data


def _named(names: list[str], values: list[str]) -> dict[str, Any]:
    """The variables by name; a header that a client sent more than once has all its values, as in HTTP."""
    named = {**ALWAYS, **dict(zip(names, values))}
    if len(set(names)) != len(names):
        for name in names:
            named[name] = ",".join(value for other, value in zip(names, values) if other == name)
    return named
