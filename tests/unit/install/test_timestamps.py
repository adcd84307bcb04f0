"""Times as the database stores them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.install import timestamps

SECONDS = st.integers(0, 4_000_000_000)


@given(SECONDS)
def test_a_time_converted_to_text_and_back_is_the_same(seconds: int) -> None:
    assert timestamps.to_seconds(timestamps.from_seconds(seconds)) == seconds


@given(SECONDS, SECONDS)
def test_times_sort_as_texts(first: int, second: int) -> None:
    assert (timestamps.from_seconds(first) < timestamps.from_seconds(second)) == (first < second)


def test_seconds_can_be_added_to_a_time() -> None:
    assert timestamps.add_seconds("2026-11-22 09:14:05", 6 * 3600) == "2026-11-22 15:14:05"
