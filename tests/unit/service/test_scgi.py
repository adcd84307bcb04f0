# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests over SCGI become WSGI environments in any fragments; other data is an error."""

from __future__ import annotations

from typing import Any, Mapping
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.service import scgi

# As nginx sends them; CONTENT_LENGTH comes first.
VARIABLES = {
    "SCGI": "1",
    "REQUEST_METHOD": "POST",
    "PATH_INFO": "/rocks/events",
    "QUERY_STRING": "",
    "REMOTE_ADDR": "10.255.255.245",
    "REMOTE_PORT": "700",
    "SERVER_NAME": "10.1.1.1",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
}


class FakeSocket:
    """A connection that delivers its data in fragments of these sizes, and then all the rest."""

    def __init__(self, data: bytes, sizes: list[int] | None = None) -> None:
        self._data = data
        self._sizes = list(sizes or [])

    def recv(self, size: int) -> bytes:
        size = self._sizes.pop(0) if self._sizes else size
        part = self._data[:size]
        self._data = self._data[size:]
        return part


def message(variables: Mapping[str, str] | list[tuple[str, str]], body: bytes = b"") -> bytes:
    pairs = [
        ("CONTENT_LENGTH", str(len(body))),
        *(variables.items() if isinstance(variables, Mapping) else variables),
    ]
    head = "".join(f"{name}\0{value}\0" for name, value in pairs).encode("latin-1")
    return b"%d:%s,%s" % (len(head), head, body)


texts = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=40)


@given(
    st.dictionaries(texts.map("HTTP_{}".format), texts, max_size=5),
    st.binary(max_size=300),
    st.lists(st.integers(1, 90)),
)
def test_a_request_is_read_completely_in_any_fragments(
    headers: dict[str, str], body: bytes, sizes: list[int]
) -> None:
    environ = scgi.read_request(FakeSocket(message({**VARIABLES, **headers}, body), sizes))
    assert {name: environ[name] for name in {**VARIABLES, **headers}} == {**VARIABLES, **headers}
    assert (environ["CONTENT_LENGTH"], environ["wsgi.input"].read()) == (str(len(body)), body)


@given(st.integers(0, 10**6))
def test_a_truncated_request_is_an_error(cut: int) -> None:
    whole = message(VARIABLES, b"{}")
    with pytest.raises(ConnectionError, match="the request ends after"):
        scgi.read_request(FakeSocket(whole[: cut % len(whole)]))


@pytest.mark.parametrize(
    "data", [b"POST /rocks/events HTTP/1.1\r\n\r\n", b"999999999:" + b"x" * 30, b"-5:" + b"x" * 30]
)
def test_data_that_is_not_scgi_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an SCGI request"):
        scgi.read_request(FakeSocket(data))


def test_a_repeated_header_has_both_values() -> None:
    twice = [*VARIABLES.items(), ("HTTP_X_A", "one"), ("HTTP_X_B", "three"), ("HTTP_X_A", "two")]
    environ = scgi.read_request(FakeSocket(message(twice)))
    assert (environ["HTTP_X_A"], environ["HTTP_X_B"]) == ("one,two", "three")


def test_environment_and_response_follow_the_wsgi_rules() -> None:
    # wsgiref.validate checks both.
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
        return [environ["wsgi.input"].read(3), b"two"]

    environ = scgi.read_request(FakeSocket(message(VARIABLES, b"one")))
    response = scgi.call_application(validator(application), environ)
    assert (
        response == b"Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nonetwo"
    )
