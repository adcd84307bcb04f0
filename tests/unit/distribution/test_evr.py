"""Versions are ordered as in rpm-version(7).  test_oracles.py compares them with librpm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.evr import (
    evr_key,
    parse_evr,
    version_key,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import EVR
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

TEXTS = st.text("019azAZ~^.+_-", max_size=12)


def compare(left: str, right: str) -> int:
    """Return -1, 0 or 1, as rpmvercmp does."""
    left_key = version_key(left)
    right_key = version_key(right)
    return (left_key > right_key) - (left_key < right_key)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param("1.9", "1.10", id="numbers compare as numbers"),
        pytest.param("1.0~rc1", "1.0", id="a tilde is a version before"),
        pytest.param("1.0~rc1", "1.0~rc2", id="of two before, the later one"),
        pytest.param("1.0", "1.0^git1", id="a caret is a snapshot after"),
        pytest.param("1.0^git1", "1.0.1", id="but before the next version"),
        pytest.param("1.0^git1~pre", "1.0^git1", id="a tilde after a caret"),
        pytest.param("1.a", "1.1", id="letters before numbers"),
        pytest.param("2.0", "2.0a", id="more segments are newer"),
        pytest.param("a", "b", id="letters by their order"),
        pytest.param("A", "a", id="capitals first"),
        pytest.param("5.5p1", "5.5p10", id="p1 before p10"),
        pytest.param("9" * 20, "1" + "0" * 20, id="numbers longer than any integer"),
    ],
)
def test_the_newer_version_compares_greater(older: str, newer: str) -> None:
    assert (compare(older, newer), compare(newer, older)) == (-1, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("1.0", "1_0", id="separators only separate"),
        pytest.param("1.05", "1.5", id="leading zeros do not count"),
        pytest.param("1..0", "1.0", id="nor how many separators there are"),
        pytest.param("2.50.", "2.50", id="nor one at the end"),
    ],
)
def test_versions_compare_equal_when_only_separators_and_zeros_differ(
    first: str, second: str
) -> None:
    assert compare(first, second) == 0


@given(TEXTS, TEXTS, TEXTS)
def test_the_order_is_total(first: str, second: str, third: str) -> None:
    low, middle, high = sorted((first, second, third), key=version_key)

    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0
    assert compare(first, second) == -compare(second, first)


def test_the_epoch_outweighs_the_version_and_the_version_the_release() -> None:
    evrs = [EVR(1, "1.20", "1"), EVR(0, "1.24", "9"), EVR(0, "1.24", "10"), EVR(0, "1.9", "99")]

    assert sorted(evrs, key=evr_key) == [evrs[3], evrs[1], evrs[2], evrs[0]]


@pytest.mark.parametrize(
    ("text", "evr"),
    [
        pytest.param("2:1.20.1-14.el9", EVR(2, "1.20.1", "14.el9"), id="all parts"),
        pytest.param("1.20.1-14.el9", EVR(0, "1.20.1", "14.el9"), id="no epoch"),
        pytest.param("1.20.1", EVR(0, "1.20.1", ""), id="only a version"),
    ],
)
def test_an_evr_is_parsed_from_text(text: str, evr: EVR) -> None:
    assert parse_evr(text) == evr


@pytest.mark.parametrize("text", ["", ":1.0", "x:1.0", "-1", "1:"])
def test_an_invalid_version_is_an_error(text: str) -> None:
    with pytest.raises(DescriptionError, match=r"not a valid version.*\[epoch:\]"):
        parse_evr(text)


def test_an_epoch_of_0_is_not_shown() -> None:
    assert [str(EVR(0, "1.0", "1")), str(EVR(2, "1.0", "1"))] == ["1.0-1", "2:1.0-1"]
