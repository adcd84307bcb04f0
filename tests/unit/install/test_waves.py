"""A canary goes first; nothing follows a failure that would be repeated (paper, 6.3; a site's patience)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.waves import (
    WaveRules,
    plan_waves,
    stop_reason,
)

NODES = [f"compute-0-{rank}" for rank in range(10)]


@pytest.mark.parametrize(
    ("rules", "lengths"),
    [
        (WaveRules(), [1, 9]),
        (WaveRules(canary=0), [10]),
        (WaveRules(sizes=(4,)), [1, 4, 4, 1]),
        (WaveRules(canary=2, sizes=(1, 3)), [2, 1, 3, 3, 1]),
        (WaveRules(canary=0, sizes=("20%",)), [2, 2, 2, 2, 2]),
        (WaveRules(canary=0, sizes=("1%", "100%")), [1, 9]),
    ],
)
def test_waves_are_cut_as_ansible_cuts_serial(rules: WaveRules, lengths: list[int]) -> None:
    assert [len(wave) for wave in plan_waves(NODES, rules)] == lengths


def test_one_node_is_its_own_canary() -> None:
    assert plan_waves(NODES[:1], WaveRules()) == [NODES[:1]]


@pytest.mark.parametrize("size", ["many", 0, "-5", "x%", "inf%"])
def test_a_size_that_is_none_is_an_error(size: object) -> None:
    with pytest.raises(DescriptionError):
        plan_waves(NODES, WaveRules(sizes=(size,)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "rules"), [("canary", WaveRules(canary=-1)), ("fail_rate", WaveRules(fail_rate=50))]
)
def test_a_rule_that_is_none_is_told_by_its_name(option: str, rules: WaveRules) -> None:
    with pytest.raises(DescriptionError, match=f"^{option}: "):
        plan_waves(NODES, rules)


@given(
    st.lists(st.integers(), unique=True, max_size=60),
    st.integers(0, 5),
    st.lists(
        st.one_of(st.integers(1, 40), st.integers(1, 100).map(lambda number: f"{number}%")),
        min_size=1,
        max_size=4,
    ),
)
def test_every_node_goes_exactly_once_and_in_order(
    nodes: list[int], canary: int, sizes: list[object]
) -> None:
    names = [str(node) for node in nodes]
    cut = plan_waves(names, WaveRules(canary=canary, sizes=tuple(sizes)))  # type: ignore[arg-type]
    assert [name for wave in cut for name in wave] == names
    assert all(cut)


@pytest.mark.parametrize(
    ("begun", "failed", "canary", "goes_on"),
    [
        (1, 0, True, True),
        (1, 1, True, False),
        (5, 2, False, True),
        (5, 3, False, False),
        (20, 2, False, True),
        (29, 3, False, False),
    ],
)
def test_too_many_failures_end_it(begun: int, failed: int, canary: bool, goes_on: bool) -> None:
    assert (stop_reason(begun, failed, canary, WaveRules()) == "") is goes_on
