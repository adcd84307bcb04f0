# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of DHCP messages (RFC 2132, 3046, 3396)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.dhcp_options import (
    encoded_options,
    parse_options,
)

OPTIONS = st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=255)), max_size=8)


def encode(options: list[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes([code, len(value)]) + value for code, value in options)


@given(OPTIONS, st.integers(0, 3))
def test_options_are_read_as_they_were_written(
    options: list[tuple[int, bytes]], padding: int
) -> None:
    assert list(encoded_options(b"\0" * padding + encode(options) + b"\xff garbage")) == options


@given(OPTIONS)
def test_an_option_that_occurs_again_continues_the_first(options: list[tuple[int, bytes]]) -> None:
    joined: dict[int, bytes] = {}
    for code, value in options:
        joined[code] = joined.get(code, b"") + value
    assert parse_options(encode(options)) == joined
    assert parse_options(encode(options[:3]), encode(options[3:])) == joined


@given(st.binary(max_size=64))
def test_any_bytes_can_be_read(field: bytes) -> None:
    assert all(len(value) <= len(field) for value in parse_options(field).values())
