"""Names and ranks (paper, Table II)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.allocations import (
    load_allocations,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.naming import (
    check_pattern,
    group_name,
    name_fault,
    next_rank,
    node_name,
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
    [((), 0, 0), ((0, 1, 2, 3), 4, 4), ((1, 3), 4, 0), ((0, 2), 3, 1), ((9,), 10, 0)],
)
def test_the_next_rank_follows_the_highest_and_gaps_are_filled_on_request(
    in_use: tuple[int, ...], following: int, lowest: int
) -> None:
    assert next_rank(in_use) == following
    assert next_rank(in_use, fill_gaps=True) == lowest


@given(st.sets(st.integers(0, 50)))
def test_the_next_rank_is_free_and_the_lowest_free_one_on_request(in_use: set[int]) -> None:
    assert next_rank(in_use) not in in_use
    lowest = next_rank(in_use, fill_gaps=True)
    assert lowest not in in_use and set(range(lowest)) <= in_use


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
