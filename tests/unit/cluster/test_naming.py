"""Names and ranks (paper, Table II)."""

from __future__ import annotations

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


def test_every_name_of_table_ii_is_what_its_membership_rack_and_rank_give(
    table_ii: Database,
) -> None:
    there = load_allocations(table_ii)
    named = [
        node_name(there.pattern(node.appliance), node.appliance, node.rack, node.rank)
        for node in list_nodes(table_ii)
    ]
    assert named == [node.name for node in list_nodes(table_ii)]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{appliance}-{rack}-{rank}", "compute-1-7"),
        ("c{rack:02}n{rank:03}", "c01n007"),
        ("node{rank:4}", "node0007"),
        ("{rank}-{rank}", "7-7"),
    ],
)
def test_a_site_names_by_its_own_pattern(pattern: str, name: str) -> None:
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
def test_a_pattern_that_cannot_tell_ranks_apart_or_asks_for_more_is_refused(pattern: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        check_pattern(pattern)
    assert str(raised.value).startswith(f"name_pattern is {pattern!r}; it is made of")


@pytest.mark.parametrize(
    ("taken", "next_one", "lowest"),
    [((), 0, 0), ((0, 1, 2, 3), 4, 4), ((1, 3), 4, 0), ((0, 2), 3, 1), ((9,), 10, 0)],
)
def test_the_next_rank_follows_the_highest_and_gaps_are_filled_on_request(
    taken: tuple[int, ...], next_one: int, lowest: int
) -> None:
    assert (next_rank(taken), next_rank(taken, fill_gaps=True)) == (next_one, lowest)


@given(st.sets(st.integers(0, 50)))
def test_a_free_rank_is_free_and_the_lowest_one_has_none_below(taken: set[int]) -> None:
    assert next_rank(taken) not in taken
    lowest = next_rank(taken, fill_gaps=True)
    assert lowest not in taken and set(range(lowest)) <= taken


@pytest.mark.parametrize(
    "name", ["compute-0-0", "a", "login1", "x" * 63, "rack", "racks-1", "network-0-0"]
)
def test_a_host_name_is_a_name(name: str) -> None:
    assert name_fault(name, {}) is None


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "'' is no host name"),
        ("compute-0.0", "no dot"),
        ("Compute-0-0", "letters a-z"),
        ("0-compute", "begin with a letter"),
        ("10", "begin with a letter"),
        ("node-", "is no host name"),
        ("node_1", "is no host name"),
        ("x" * 64, "at most 63"),
        ("käse", "letters a-z"),
        ("a\n", "is no host name"),
        ("rack1", "'rack1' is reserved, it reads as a rack"),
        ("rack-12", "it reads as a rack"),
        ("localhost", "'localhost' is reserved, it is every machine's own name"),
        ("all", "an Ansible group"),
        ("ungrouped", "an Ansible group"),
        ("aarch64", "an architecture"),
        ("compute", "'compute' is reserved, it is an appliance"),
    ],
)
def test_a_name_that_means_something_else_is_refused(name: str, fault: str) -> None:
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
def test_a_membership_gives_a_group_that_ansible_accepts(membership: str, group: str) -> None:
    assert group_name(membership) == group
