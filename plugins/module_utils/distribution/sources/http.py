# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An HTTP connection to a source, and the meaning of its responses.

libcurl handles TLS, client certificates, proxies, redirects, ranges and ``file:`` URLs.  This file
decides which responses to retry, and describes the others.
"""

from __future__ import annotations

import email.utils
import itertools
import re
import time
from typing import Any, Callable, NamedTuple, Optional
from urllib.parse import quote

from ...errors import DescriptionError, NotFound, Refused, Unavailable
from ..model import Source
from ..storage.staging import BUFFER
from ..urls import without_password

USER_AGENT = "npaci.rocks"
MAX_REDIRECTS = 5
# Seconds before the second attempt, and the longest pause between two attempts.
FIRST_DELAY = 0.5
MAX_DELAY = 8.0
# Characters of a location that are not quoted: "%", because it can be quoted already; not "+",
# because S3 reads it as a space.
UNQUOTED = "%/:@!$&'()*,;=~"
PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*").fullmatch
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# Error codes of libcurl (libcurl-errors(3)).
HTTP_STATUS_ERROR = 22
FILE_NOT_FOUND = 37
# Proxy or host not found, not connected, truncated, too slow, TLS failed, no response, send or
# receive failed.
RETRIED_ERRORS = frozenset({5, 6, 7, 18, 28, 35, 52, 55, 56})
RANGE_ERRORS = frozenset({33, 36})
_OWN_CLIENT = "set certificate and key to the files of a client certificate that the server accepts"
_CLIENT_FILES = "check the files of the options certificate and key"
CURL_HINTS = {
    35: _OWN_CLIENT,
    43: _CLIENT_FILES,
    56: _OWN_CLIENT,
    58: _CLIENT_FILES,
    60: "if your own authority signed the server's certificate, set ca to that authority's file",
    77: "check the file of the option ca",
}
STAMP = re.compile(rb"(content-length|last-modified):\s*(.*?)\s*$", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"retry-after:\s*(.*?)\s*", re.IGNORECASE)


class Limits(NamedTuple):
    """Limits on the requests to one source.  All times are in seconds."""

    connections: int = 8
    """Connections that are used at the same time."""
    attempts: int = 5
    """Attempts for each file, including the first."""
    connect_timeout: float = 20
    stall_timeout: float = 30
    """Time that a transfer may be slower than ``min_speed``."""
    min_speed: int = 500
    """Bytes per second."""
    max_wait: float = 120
    """Longest pause that a server may request (Retry-After)."""
    lock_timeout: float = 3600
    """Time to wait for another run that reads the same source."""
    snapshot_attempts: int = 3
    """Attempts to read the metadata while the source changes."""


class TransientError(Exception):
    """The same request can succeed later.

    reason       the failure
    retry_after  seconds that the server requested to wait
    """

    def __init__(self, reason: str, retry_after: Optional[float] = None) -> None:
        super().__init__(reason, retry_after)
        self.reason = reason
        self.retry_after = retry_after


class NotResumableError(Exception):
    """The server cannot send the rest of a file: request the whole file."""


class TooLongError(DescriptionError):
    """A file is longer than its repository states."""


class Connection:
    """A keep-alive connection to one source.  Use it from one thread only."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._name = source.name
        self._base = source.url.rstrip("/")
        self._headers: list[bytes] = []
        self._sink: Callable[[bytes], object] = self._headers.append
        self._remaining = 0
        self._sink_error: Optional[BaseException] = None
        self._pycurl = _import_pycurl(self._base)
        self._curl = self._pycurl.Curl()
        for option, value in self._options(source, limits).items():
            if value != "":
                self._curl.setopt(option, value)

    def _options(self, source: Source, limits: Limits) -> dict[int, object]:
        pycurl = self._pycurl
        http = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
        return {
            pycurl.NOSIGNAL: 1,
            pycurl.USERAGENT: USER_AGENT,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.BUFFERSIZE: BUFFER,
            pycurl.FAILONERROR: 1,
            pycurl.FOLLOWLOCATION: 1,
            pycurl.MAXREDIRS: MAX_REDIRECTS,
            pycurl.PROTOCOLS: pycurl.PROTO_FILE if self._base.startswith("file:") else http,
            pycurl.REDIR_PROTOCOLS: http,
            pycurl.CONNECTTIMEOUT_MS: int(limits.connect_timeout * 1000),
            pycurl.LOW_SPEED_LIMIT: limits.min_speed,
            pycurl.LOW_SPEED_TIME: max(1, int(limits.stall_timeout)),
            pycurl.HEADERFUNCTION: self._headers.append,
            pycurl.WRITEFUNCTION: self._receive,
            pycurl.CAINFO: source.ca,
            pycurl.SSLCERT: source.certificate,
            pycurl.SSLKEY: source.key,
            pycurl.PROXY: source.proxy,
        }

    def where(self, location: str) -> str:
        """Return the place for errors: the source and the URL, without user and password."""
        return f'source "{self._name}", {without_password(self._url(location))}'

    def stamp(self, location: str) -> str:
        """Return what the server states of a file without sending it: its size and time of change.

        The text is empty if there is no such file, or if the server does not state anything.
        """
        pycurl = self._pycurl
        self._curl.setopt(pycurl.URL, self._url(location))
        self._curl.setopt(pycurl.RESUME_FROM_LARGE, 0)
        self._curl.setopt(pycurl.NOBODY, 1)
        self._headers.clear()
        try:
            self._curl.perform()
        except pycurl.error:
            return ""
        finally:
            self._curl.setopt(pycurl.HTTPGET, 1)  # this also ends NOBODY
        stated = {match[1].lower(): match[2] for match in map(STAMP.match, self._headers) if match}
        return " ".join(stated[name].decode("ascii", "replace") for name in sorted(stated))

    def get(
        self, location: str, sink: Callable[[bytes], object], *, offset: int = 0, max_bytes: int
    ) -> None:
        """Pass a file to ``sink`` in chunks, from byte ``offset`` on.

        Raises TransientError, NotResumableError, NotFound, Refused (authentication is required),
        TooLongError (after ``max_bytes``), Unavailable, or what ``sink`` raised.
        """
        self._sink = sink
        self._remaining = max_bytes
        self._sink_error = None
        self._headers.clear()
        self._curl.setopt(self._pycurl.URL, self._url(location))
        self._curl.setopt(self._pycurl.RESUME_FROM_LARGE, offset)
        try:
            self._curl.perform()
        except self._pycurl.error as error:
            if isinstance(self._sink_error, TooLongError):
                raise TooLongError(
                    f"it has more than {offset + max_bytes:,} bytes", self.where(location)
                ) from None
            meaning = self._sink_error or self._explain(
                location, int(error.args[0]), self._curl.errstr()
            )
            if isinstance(meaning, NotResumableError) and not offset:
                raise Unavailable(
                    "the server refused a range, and none was requested", self.where(location)
                ) from None
            raise meaning from None

    def _receive(self, chunk: bytes) -> Optional[int]:
        """Serve as curl's write callback; keep errors of the sink, which curl would only print."""
        self._remaining -= len(chunk)
        try:
            if self._remaining < 0:
                raise TooLongError("")
            self._sink(chunk)
        except BaseException as error:  # noqa: BLE001 - get() raises it again when curl has ended
            self._sink_error = error
            return 0
        return None

    def close(self) -> None:
        self._curl.close()

    def _url(self, location: str) -> str:
        if not location:
            return self._base
        return f"{self._base}/{location if PLAIN(location) else quote(location, safe=UNQUOTED)}"

    def _explain(self, location: str, code: int, message: str) -> Exception:
        """Return the error that an error code of curl means."""
        where = self.where(location)
        if code == HTTP_STATUS_ERROR:
            return self._explain_status(where, self._curl.getinfo(self._pycurl.RESPONSE_CODE))
        if code == FILE_NOT_FOUND:
            return NotFound("file not found", where)
        if code in RANGE_ERRORS:
            return NotResumableError()
        if code in RETRIED_ERRORS and "certificate" not in message:
            return TransientError(message)
        return Unavailable(message, where, CURL_HINTS.get(code, ""))

    def _explain_status(self, where: str, status: int) -> Exception:
        what = f"the server returned status {status}"
        if status in (404, 410):
            return NotFound(what, where)
        if status in (401, 403, 407):
            hint = (
                "if it requires a password, write https://USER:PASSWORD@… into url; or check the"
                " options certificate and key, and proxy"
            )
            return Refused(what, where, hint)
        if status == 416:
            return NotResumableError()
        if status in RETRIED_STATUSES:
            return TransientError(what, parse_retry_after(self._headers, time.time()))
        return Unavailable(what, where)


def _import_pycurl(where: str) -> Any:
    try:
        import pycurl  # here, because a site without mirrors does not need it
    except ImportError:
        hint = "install python3-pycurl (RPM) or pycurl (pip)"
        raise Unavailable("pycurl is not installed for this Python", where, hint) from None
    return pycurl


def parse_retry_after(headers: list[bytes], now: float) -> Optional[float]:
    """Return the seconds in Retry-After (RFC 9110, 10.2.3: a number or a date), or None."""
    for header in headers:
        match = RETRY_AFTER.fullmatch(header)
        if match:
            text = match.group(1).decode("ascii", "replace")
            if text.isdecimal():
                return float(text)
            try:
                date: float = email.utils.parsedate_to_datetime(text).timestamp()
                return max(0.0, date - now)
            except (TypeError, ValueError):
                return None
    return None


def read_small_file(connection: Connection, location: str, max_bytes: int, limits: Limits) -> bytes:
    """Return a file of up to ``max_bytes``; retry within ``limits``.

    Raises the errors of ``Connection.get``, with Unavailable after the last attempt.
    """
    for attempt in itertools.count():
        chunks: list[bytes] = []
        try:
            connection.get(location, chunks.append, max_bytes=max_bytes)
        except TransientError as error:
            pause = retry_delay(error, attempt, limits, connection.where(location))
            time.sleep(pause)  # the server's Retry-After, or twice the last pause
        else:
            break
    return b"".join(chunks)


def retry_delay(error: TransientError, attempt: int, limits: Limits, where: str) -> float:
    """Return the seconds to wait after attempt number ``attempt``, counted from 0.

    Raises Unavailable after the last attempt, and when the server requests a longer pause than
    ``limits`` allow.
    """
    if attempt + 1 >= limits.attempts:
        raise Unavailable(
            f"{error.reason} ({limits.attempts} attempts)",
            where,
            "run again later; the download continues from here",
        )
    if error.retry_after is None:
        return min(FIRST_DELAY * 2.0**attempt, MAX_DELAY)
    if error.retry_after > limits.max_wait:
        raise Unavailable(
            f"{error.reason}, and requests a pause of {error.retry_after:.0f} s",
            where,
            "run again after that time",
        )
    return error.retry_after
