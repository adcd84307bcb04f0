# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One connection to a source, and what each answer of its server means.

libcurl does the work: TLS and client certificates, proxies, redirects, ranges, ``file:`` URLs.  This file only says
which answers are worth another attempt, and words those that are not.
"""

from __future__ import annotations

import email.utils
import itertools
import re
import time
from typing import Any, Callable, NamedTuple, Optional
from urllib.parse import quote, urlsplit, urlunsplit

from ...errors import DescriptionError, NotFound, Refused, Unavailable
from ..model import Source
from ..storage.staging import BUFFER

AGENT = "npaci.rocks"
REDIRECTS = 5
FIRST_WAIT, LONGEST_BACKOFF = 0.5, 8.0
# "%" stays, so that a location that is quoted already is not quoted twice; "+" goes, because S3 reads it as a space.
KEPT = "%/:@!$&'()*,;=~"
PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*").fullmatch
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
# libcurl's numbers (libcurl-errors(3)).
HTTP_STATUS, NO_SUCH_FILE = 22, 37
# Proxy and host not found, no connection, cut off, too slow, no TLS, no answer, not sent, not received.
RETRIED_ERROR = frozenset({5, 6, 7, 18, 28, 35, 52, 55, 56})
RANGE_REFUSED = frozenset({33, 36})
RETRY_AFTER = re.compile(rb"retry-after:\s*(.*?)\s*", re.IGNORECASE)


class Limits(NamedTuple):
    """How hard a source is tried.

    connections   that are used at the same time
    attempts      for each file, the first one included
    connect       seconds until a connection must stand
    stall         seconds that a transfer may be slower than ``slowest`` bytes per second
    longest_wait  seconds that a server may ask us to wait (Retry-After)
    lock          seconds to wait for another run that reads the same source
    rounds        how often to start again because the source has changed in between
    """

    connections: int = 8
    attempts: int = 5
    connect_timeout: float = 20
    stall_timeout: float = 30
    min_speed: int = 500
    max_wait: float = 120
    lock: float = 3600
    max_rounds: int = 3


class TransientError(Exception):
    """The same request may succeed in a moment; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, why: str, wait: Optional[float] = None) -> None:
        super().__init__(why, wait)
        self.reason, self.retry_after = why, wait


class NotResumableError(Exception):
    """The server cannot send the rest of a file: fetch all of it."""


class TooLongError(DescriptionError):
    """A file goes on after the size that its repository promised."""


class Connection:
    """A keep-alive connection to one source.  Not for two threads at once."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._name, self._base = source.name, source.url.rstrip("/")
        self._headers: list[bytes] = []
        self._sink: Callable[[bytes], object] = self._headers.append
        self._left = 0
        self._raised: Optional[BaseException] = None
        self._pycurl = _library(self._base)
        self._curl = self._pycurl.Curl()
        for option, value in self._options(source, limits).items():
            if value != "":
                self._curl.setopt(option, value)

    def _options(self, source: Source, limits: Limits) -> dict[int, object]:
        local, pycurl = self._base.startswith("file:"), self._pycurl
        return {
            pycurl.NOSIGNAL: 1,
            pycurl.USERAGENT: AGENT,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.BUFFERSIZE: BUFFER,
            pycurl.FAILONERROR: 1,
            pycurl.FOLLOWLOCATION: 1,
            pycurl.MAXREDIRS: REDIRECTS,
            pycurl.PROTOCOLS: pycurl.PROTO_FILE
            if local
            else pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.REDIR_PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
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
        """How an error names a file: the source, and the address without the user and password that may be in it."""
        parts = urlsplit(self._address(location))
        return f'source "{self._name}", {urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))}'

    def get(
        self, location: str, sink: Callable[[bytes], object], *, offset: int = 0, most: int
    ) -> None:
        """Hand the file to ``sink`` piece by piece, from byte ``offset`` on, and no more than ``most`` bytes.

        Raises Transient, NotResumable, NotFound, Refused (the server wants to know who asks), TooLong, Unavailable,
        or what ``sink`` raised.
        """
        self._sink, self._left, self._raised = sink, most, None
        self._headers.clear()
        self._curl.setopt(self._pycurl.URL, self._address(location))
        self._curl.setopt(self._pycurl.RESUME_FROM_LARGE, offset)
        try:
            self._curl.perform()
        except self._pycurl.error as error:
            if isinstance(self._raised, TooLongError):
                raise TooLongError(
                    f"it is longer than {offset + most:,} bytes", self.where(location)
                ) from None
            meaning = self._raised or self._meaning(
                location, int(error.args[0]), self._curl.errstr()
            )
            if isinstance(meaning, NotResumableError) and not offset:
                raise Unavailable(
                    "the server refuses a range that was not asked for", self.where(location)
                ) from None
            raise meaning from None

    def _receive(self, piece: bytes) -> Optional[int]:
        """curl's write callback; it keeps what the sink raises, because curl would only print it."""
        self._left -= len(piece)
        try:
            if self._left < 0:
                raise TooLongError("")
            self._sink(piece)
        except BaseException as error:  # noqa: BLE001 - get() raises it again, once curl has ended
            self._raised = error
            return 0
        return None

    def close(self) -> None:
        self._curl.close()

    def _address(self, location: str) -> str:
        return f"{self._base}/{location if PLAIN(location) else quote(location, safe=KEPT)}"

    def _meaning(self, location: str, code: int, said: str) -> Exception:
        where = self.where(location)
        if code == HTTP_STATUS:
            return self._status(where, self._curl.getinfo(self._pycurl.RESPONSE_CODE))
        if code == NO_SUCH_FILE:
            return NotFound("no such file", where)
        if code in RANGE_REFUSED:
            return NotResumableError()
        if code in RETRIED_ERROR:
            return TransientError(said)
        return Unavailable(said, where)

    def _status(self, where: str, status: int) -> Exception:
        if status in (404, 410):
            return NotFound(f"the server answers {status}", where)
        if status in (401, 403, 407):
            return Refused(
                f"the server answers {status}",
                where,
                "does it want a certificate, a key, or a proxy?",
            )
        if status == 416:
            return NotResumableError()
        if status in RETRIED_STATUS:
            return TransientError(
                f"the server answers {status}", retry_after(self._headers, time.time())
            )
        return Unavailable(f"the server answers {status}", where)


def _library(where: str) -> Any:
    try:
        import pycurl  # here, so that a site without mirrors needs none
    except ImportError:
        hint = "install python3-pycurl (RPM) or pycurl (pip)"
        raise Unavailable("pycurl is not installed for this Python", where, hint) from None
    return pycurl


def retry_after(headers: list[bytes], now: float) -> Optional[float]:
    """Seconds that the answer asks us to wait (RFC 9110, 10.2.3: a number, or a date), or None."""
    for header in headers:
        found = RETRY_AFTER.fullmatch(header)
        if found:
            text = found.group(1).decode("ascii", "replace")
            if text.isdecimal():
                return float(text)
            try:
                then: float = email.utils.parsedate_to_datetime(text).timestamp()
                return max(0.0, then - now)
            except (TypeError, ValueError):
                return None
    return None


def read_small_file(connection: Connection, location: str, most: int, limits: Limits) -> bytes:
    """A small file, at most ``most`` bytes of it; tried as often as ``limits`` say."""
    for attempt in itertools.count():
        pieces: list[bytes] = []
        try:
            connection.get(location, pieces.append, most=most)
        except TransientError as error:
            pause = retry_delay(error, attempt, limits, connection.where(location))
            time.sleep(pause)  # as the mirror asked, or longer each time
        else:
            break
    return b"".join(pieces)


def retry_delay(error: TransientError, attempt: int, limits: Limits, where: str) -> float:
    """Seconds to wait after attempt number ``attempt``, counted from 0.

    Raises Unavailable when that was the last one, or the server wants a longer pause than ``limits`` grant.
    """
    if attempt + 1 >= limits.attempts:
        raise Unavailable(
            f"{error.reason} ({limits.attempts} attempts)",
            where,
            "run again later; it goes on from here",
        )
    if error.retry_after is None:
        return min(FIRST_WAIT * 2.0**attempt, LONGEST_BACKOFF)
    if error.retry_after > limits.max_wait:
        raise Unavailable(
            f"{error.reason} and wants {error.retry_after:.0f} s of peace", where, "run again then"
        )
    return error.retry_after
