"""Names and ranks (paper, Table II)."""

from __future__ import annotations

import re
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.allocations import (
    load_allocations,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.naming import (
    MAX_POSITION,
    check_pattern,
    contains_rack,
    free_ranks,
    group_name,
    name_fault,
    node_name,
    position_in_name,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError


def test_the_names_of_table_ii_follow_from_membership_rack_and_rank(
    table_ii: Database,
) -> None:
    allocations = load_allocations(table_ii)
    for node in list_nodes(table_ii):
        pattern = allocations.pattern(node.appliance)
        assert node_name(pattern, node.appliance, node.rack, node.rank) == node.name


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{appliance}-{rack}-{rank}", "compute-1-7"),
        ("c{rack:02}n{rank:03}", "c01n007"),
        ("node{rank:4}", "node0007"),
        ("{rank}-{rank}", "7-7"),
    ],
)
def test_a_pattern_gives_the_name_of_a_node(pattern: str, name: str) -> None:
    assert node_name(pattern, "compute", 1, 7) == name


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "node",
        "node-{rack}",
        "{rank} {site}",
        "{rank.__class__}",
        "{rank!r}",
        "{rank:>9}",
        "{{rank}}",
        "{rank",
    ],
)
def test_a_pattern_without_rank_or_with_unknown_fields_is_rejected(pattern: str) -> None:
    with pytest.raises(DescriptionError, match=re.escape(f"name_pattern {pattern!r}")):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("in_use", "following", "lowest"),
    [
        ((), 0, 0),
        ((0, 1, 2, 3), 4, 4),
        ((1, 3), 4, 0),
        ((0, 2), 3, 1),
        ((9,), 10, 0),
        ((0, MAX_POSITION), 1, 1),
    ],
)
def test_the_next_rank_follows_the_highest_and_gaps_are_filled_on_request_or_at_the_end(
    in_use: tuple[int, ...], following: int, lowest: int
) -> None:
    assert next(free_ranks(in_use)) == following
    assert next(free_ranks(in_use, fill_gaps=True)) == lowest


@given(st.sets(st.integers(0, 50)), st.integers(0, 50))
def test_free_ranks_are_free_and_begin_where_they_are_asked_to(
    in_use: set[int], first: int
) -> None:
    assert next(free_ranks(in_use)) not in in_use
    lowest = next(free_ranks(in_use, fill_gaps=True))
    assert lowest not in in_use and set(range(lowest)) <= in_use
    from_first = next(free_ranks(in_use, first_rank=first))
    assert from_first not in in_use and set(range(first, from_first)) <= in_use


def test_no_rank_is_free_when_all_are_in_use() -> None:
    everything = range(MAX_POSITION + 1)
    assert list(free_ranks(everything)) == []
    assert list(free_ranks({MAX_POSITION}, first_rank=MAX_POSITION)) == []


@pytest.mark.parametrize(
    ("pattern", "name", "rack", "position"),
    [
        ("{appliance}-{rack}-{rank}", "compute-1-7", None, (1, 7)),
        ("{appliance}-{rack}-{rank}", "compute-1-7", 1, (1, 7)),
        ("{appliance}-{rack}-{rank}", "compute-1-7", 2, None),
        ("{appliance}-{rack}-{rank}", "compute-1-07", None, None),
        ("{appliance}-{rack}-{rank}", "login-1-7", None, None),
        ("{appliance}-{rack}-{rank}", "compute-0-100000", None, None),
        ("{appliance}-{rack}-{rank}", "compute-0-" + "9" * 5000, None, None),
        ("{appliance}-{rack}-{rank}", "compute-0-\u0661", None, None),
        ("c{rank:04}", "c0007", None, (None, 7)),
        ("c{rank:04}", "c0007", 3, (3, 7)),
        ("c{rank:04}", "c12345", None, (None, 12345)),
        ("c{rank:04}", "c012345", None, None),
        ("{rank}-{rank}", "7-7", None, (None, 7)),
        ("{rank}-{rank}", "7-8", None, None),
        ("r{rack:02}{rank:02}", "r0117", None, (1, 17)),
        ("r{rack:02}{rank:02}", "r10203", None, None),
        ("r{rack:02}{rank:02}", "r10203", 10, (10, 203)),
    ],
)
def test_a_name_that_fits_the_pattern_contains_a_position(
    pattern: str, name: str, rack: Optional[int], position: Optional[tuple[Optional[int], int]]
) -> None:
    assert position_in_name(pattern, "compute", name, rack) == position


@given(
    st.lists(
        st.sampled_from(["{rack}", "{rank}", "{rank:3}", "{rack:02}", "{appliance}", "-", "1", "."])
    ),
    st.integers(0, MAX_POSITION),
    st.integers(0, MAX_POSITION),
)
def test_the_position_in_the_name_of_a_node_is_its_own_or_unknown(
    parts: list[str], rack: int, rank: int
) -> None:
    pattern = "".join([*parts, "{rank}"])
    name = node_name(pattern, "compute", rack, rank)
    with_rack = position_in_name(pattern, "compute", name, rack)
    assert with_rack == (rack, rank) or (with_rack is None and pattern.count("{rank") > 1)
    found = position_in_name(pattern, "compute", name)
    assert found in (None, (rack if contains_rack(pattern) else None, rank))


@pytest.mark.parametrize(
    "name", ["compute-0-0", "a", "login1", "x" * 63, "rack", "racks-1", "network-0-0"]
)
def test_a_valid_host_name_has_no_fault(name: str) -> None:
    assert name_fault(name, {}) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "not a valid host name"),
        ("compute-0.0", "no dots"),
        ("Compute-0-0", "a-z"),
        ("0-compute", "begin with a letter"),
        ("10", "begin with a letter"),
        ("node-", "not a valid host name"),
        ("node_1", "not a valid host name"),
        ("x" * 64, "at most 63"),
        ("käse", "a-z"),
        ("a\n", "not a valid host name"),
        ("rack1", "'rack1' is reserved"),
        ("rack-12", "rack"),
        ("localhost", "'localhost' is reserved"),
        ("all", "an Ansible group"),
        ("ungrouped", "an Ansible group"),
        ("aarch64", "an architecture"),
        ("compute", "an appliance"),
    ],
)
def test_a_reserved_or_malformed_name_has_a_fault(name: str, fault: str) -> None:
    assert fault in (name_fault(name, {"compute": "an appliance"}) or "")


@pytest.mark.parametrize(
    ("membership", "group"),
    [
        ("Compute", "compute"),
        ("NFS Server", "nfs_server"),
        ("Power Units (old)", "power_units_old"),
        ("3D Wall", "_3d_wall"),
    ],
)
def test_the_group_name_of_a_membership_is_valid_for_ansible(membership: str, group: str) -> None:
    assert group_name(membership) == group
