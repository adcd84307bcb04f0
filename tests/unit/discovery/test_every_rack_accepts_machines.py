# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever was added before, discovery can add one more machine to every rack."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import put_membership
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    ensure_nodes,
    ensure_nodes_absent,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import check_placement
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert import insert
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Location, Placement
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

MAC = "02:00:00:00:00:01"
MEMBERSHIPS = ("Compute", "Testing", "C4", "Login")
RACKS = (0, 1, 12)
PATTERNS = (
    "{appliance}-{rack}-{rank}",
    "c{rank}",
    "c{rank:02}",
    "n{rack}{rank}",
    "{appliance}{rack:02}n{rank:02}",
)

memberships = st.sampled_from(MEMBERSHIPS)
racks = st.sampled_from(RACKS)
ranks = st.one_of(st.integers(0, 5), st.just(99999))
names = st.one_of(
    st.builds("compute-{}-{}".format, racks, ranks),
    st.builds("c{}".format, ranks),
    st.builds("c{:02}".format, ranks),
    st.builds("n{}{}".format, racks, ranks),
    st.sampled_from(["gate", "login-0-0"]),
)
node_requests = st.fixed_dictionaries(
    {"name": names},
    optional={"membership": memberships, "rack": racks, "rank": ranks, "new_name": names},
)
locations = st.builds(
    Location,
    rack=st.none() | racks,
    rank=st.none() | ranks,
    name=st.just("") | names,
    membership=st.just("") | memberships,
)
placements = st.builds(
    Placement,
    membership=memberships,
    rack=racks,
    rank=st.none() | st.integers(0, 5),
    fill_gaps=st.booleans(),
    locations=st.dictionaries(st.just("02:00:00:00:00:02"), locations),
)
steps = st.one_of(
    st.tuples(st.just("nodes"), st.lists(node_requests, min_size=1, max_size=3)),
    st.tuples(st.just("absent"), st.lists(node_requests, min_size=1, max_size=2)),
    st.tuples(st.just("insert"), placements),
    st.tuples(st.just("pattern"), st.sampled_from(PATTERNS)),
    st.tuples(st.just("appliance"), st.tuples(memberships, st.sampled_from(["compute", "login"]))),
)


def take(database: Database, action: str, value: Any) -> None:
    if action == "nodes":
        ensure_nodes(database, value)
    elif action == "absent":
        ensure_nodes_absent(database, value)
    elif action == "pattern":
        set_attribute(database, "name_pattern", value, Scope())
    elif action == "appliance":
        membership, appliance = value
        put_membership(database, membership, appliance=appliance)
    else:
        insert(database, [DhcpRequest("02:00:00:00:00:02")], value)


def assert_accepts_a_machine(database: Database, placement: Placement) -> None:
    check_placement(database, placement)
    before = list_nodes(database)
    with database.transaction(dry_run=True):
        result = insert(database, [DhcpRequest(MAC)], placement)
        assert result.refused == ()
        ((_request, node),) = result.enrolled
    assert (node.rack, node.membership) == (placement.rack, placement.membership)
    assert node.name not in {other.name for other in before}
    assert (node.appliance, node.rack, node.rank) not in {
        (other.appliance, other.rack, other.rank) for other in before
    }


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(steps, min_size=1, max_size=6), st.booleans())
def test_discovery_can_add_a_machine_to_every_rack_after_any_accepted_changes(
    table_ii: Database, changes: list[tuple[str, Any]], fill_gaps: bool
) -> None:
    with table_ii.transaction(dry_run=True):
        put_membership(table_ii, "Testing", appliance="compute")
        put_membership(table_ii, "C4", appliance="compute")
        for action, value in changes:
            with contextlib.suppress(RocksError):
                take(table_ii, action, value)
        for membership in MEMBERSHIPS:
            for rack in RACKS:
                placement = Placement(membership=membership, rack=rack, fill_gaps=fill_gaps)
                assert_accepts_a_machine(table_ii, placement)


@pytest.mark.parametrize("first", [{"mac": MAC}, {"port": "ge-1"}])
def test_positions_in_the_table_stay_free_for_their_machines(
    table_ii: Database, first: dict[str, str]
) -> None:
    locations = {
        "02:00:00:00:00:09": Location(name="compute-5-0"),
        "ge-9": Location(rack=5, rank=1),
        (first.get("mac") or first["port"]): Location(rack=5),
    }
    placement = Placement(locations=locations)
    machines = [
        DhcpRequest(MAC, port=first.get("port", "")),
        DhcpRequest("02:00:00:00:00:09"),
        DhcpRequest("02:00:00:00:00:08", port="ge-9"),
    ]
    names = []
    for machine in machines:
        ((_request, node),) = insert(table_ii, [machine], placement).enrolled
        names.append((node.name, node.rack, node.rank))
    assert names == [("compute-5-2", 5, 2), ("compute-5-0", 5, 0), ("compute-5-1", 5, 1)]
