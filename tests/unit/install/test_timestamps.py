"""Times as the database writes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.install import timestamps

SECONDS = st.integers(0, 4_000_000_000)


@given(SECONDS)
def test_a_time_read_back_is_the_same(moment: int) -> None:
    assert timestamps.to_seconds(timestamps.from_seconds(moment)) == moment


@given(SECONDS, SECONDS)
def test_times_sort_as_texts(one: int, other: int) -> None:
    assert (timestamps.from_seconds(one) < timestamps.from_seconds(other)) == (one < other)


def test_an_order_of_six_hours_ends_in_the_afternoon() -> None:
    assert timestamps.add_seconds("2026-11-22 09:14:05", 6 * 3600) == "2026-11-22 15:14:05"
