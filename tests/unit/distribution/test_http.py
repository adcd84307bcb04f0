# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Responses of a server determine when a request is repeated."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.http import (
    Connection,
    Limits,
    TransientError,
    parse_retry_after,
    retry_delay,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable

NOON = 1795348800.0  # Sun, 22 Nov 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(b"Retry-After: 120\r\n", 120, id="a number"),
        pytest.param(b"retry-after:5\r\n", 5, id="as HTTP/2 writes it"),
        pytest.param(b"Retry-After: Sun, 22 Nov 2026 12:00:30 GMT\r\n", 30, id="a date"),
        pytest.param(b"Retry-After: Sun, 22 Nov 2020 12:00:30 GMT\r\n", 0, id="a date in the past"),
        pytest.param(b"Retry-After: soon\r\n", None, id="other text"),
        pytest.param(b"Retry-After: -5\r\n", None, id="a negative number"),
        pytest.param(b"Content-Length: 120\r\n", None, id="another header"),
    ],
)
def test_retry_after_can_be_a_number_or_a_date(header: bytes, seconds: float) -> None:
    assert parse_retry_after([b"HTTP/1.1 503 Busy\r\n", header, b"\r\n"], NOON) == seconds


def test_the_delay_between_attempts_doubles_up_to_a_limit() -> None:
    limits = Limits(attempts=8)

    delays = [retry_delay(TransientError("busy"), attempt, limits, "x") for attempt in range(7)]

    assert delays == [0.5, 1, 2, 4, 8, 8, 8]


def test_the_delay_is_that_of_the_server_when_it_requests_one() -> None:
    assert retry_delay(TransientError("busy", 3.0), 4, Limits(attempts=8), "x") == 3


def test_no_attempt_follows_the_last_one() -> None:
    with pytest.raises(Unavailable, match=r"http://x: busy \(3 attempts\)"):
        retry_delay(TransientError("busy", 1.0), 2, Limits(attempts=3), "http://x")


@pytest.mark.parametrize(
    ("base", "location", "url"),
    [
        ("http://m/os/", "Packages/a-1.rpm", "http://m/os/Packages/a-1.rpm"),
        (
            "http://m/os",
            "Packages/libstdc++-1^git~rc 1.rpm",
            "http://m/os/Packages/libstdc%2B%2B-1%5Egit~rc%201.rpm",
        ),
        ("http://m/os", "a%2Bb.rpm", "http://m/os/a%2Bb.rpm"),
        ("https://user:secret@m/os", "a.rpm", "https://m/os/a.rpm"),
    ],
)
def test_a_url_is_quoted_once_and_contains_no_password(base: str, location: str, url: str) -> None:
    connection = Connection(Source("os", url=base), Limits())
    assert connection.where(location) == f'source "os", {url}'
    connection.close()
