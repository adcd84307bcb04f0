"""The canary goes first, and too many failures stop the rollout (paper, 6.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.waves import (
    Size,
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
def test_waves_are_divided_as_serial_of_ansible_divides_hosts(
    rules: WaveRules, lengths: list[int]
) -> None:
    assert [len(wave) for wave in plan_waves(NODES, rules)] == lengths


def test_a_single_node_needs_no_canary() -> None:
    assert plan_waves(NODES[:1], WaveRules()) == [NODES[:1]]


@pytest.mark.parametrize("size", ["many", 0, "-5", "x%", "inf%"])
def test_an_invalid_wave_size_is_an_error(size: object) -> None:
    with pytest.raises(DescriptionError):
        plan_waves(NODES, WaveRules(sizes=(size,)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "rules"), [("canary", WaveRules(canary=-1)), ("fail_rate", WaveRules(fail_rate=50))]
)
def test_the_error_about_an_invalid_rule_names_its_option(option: str, rules: WaveRules) -> None:
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
def test_every_node_is_in_exactly_one_wave_in_order(
    nodes: list[int], canary: int, sizes: list[Size]
) -> None:
    names = [str(node) for node in nodes]
    rules = WaveRules(canary=canary, sizes=tuple(sizes))
    waves = plan_waves(names, rules)
    assert [name for wave in waves for name in wave] == names
    assert all(waves)


@pytest.mark.parametrize(
    ("started", "failed", "canary", "continues"),
    [
        (1, 0, True, True),
        (1, 1, True, False),
        (5, 2, False, True),
        (5, 3, False, False),
        (20, 2, False, True),
        (29, 3, False, False),
    ],
)
def test_too_many_failures_stop_the_rollout(
    started: int, failed: int, canary: bool, continues: bool
) -> None:
    assert (stop_reason(started, failed, canary, WaveRules()) == "") is continues
