# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unknown machine becomes a node with a name, a location and an address (paper, 6.4)."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import node_changes, nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode, Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import check_placement
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert import insert
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.known_interfaces import (
    mac_owners,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    BatchResult,
    KnownMachine,
    Location,
    Placement,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    NotFound,
    RocksError,
    Unavailable,
)

COMPUTE_0_3 = "00:50:8b:e0:40:93"
NEW = [f"00:50:8b:00:00:{number:02x}" for number in range(1, 40)]


def requests(*macs: str, **fields: Any) -> list[DhcpRequest]:
    return [DhcpRequest(mac, **fields) for mac in macs]


def names(result: BatchResult) -> list[str]:
    return [node.name for _request, node in result.enrolled]


def macs(result: BatchResult) -> list[str]:
    return [node.mac for _request, node in result.enrolled]


def is_known(database: Database, mac: str) -> bool:
    return mac in mac_owners(database, [mac])


def test_the_next_machine_in_rack_0_is_compute_0_4_with_the_highest_free_address(
    table_ii: Database,
) -> None:
    result = insert(table_ii, requests(NEW[0], interface="eth1", architecture=7), Placement())
    ((request, node),) = result.enrolled
    assert (node.name, node.rack, node.rank) == ("compute-0-4", 0, 4)
    assert (node.mac, node.ip, node.arch) == (NEW[0], "10.255.255.254", "x86_64")
    assert node == nodes.find_node(table_ii, "compute-0-4") and request.mac == NEW[0]


def test_ranks_are_assigned_in_the_order_of_requests(table_ii: Database) -> None:
    result = insert(table_ii, requests(NEW[2], NEW[0], NEW[1]), Placement(rack=2))
    assert [(node.name, node.mac) for _request, node in result.enrolled] == [
        ("compute-2-0", NEW[2]),
        ("compute-2-1", NEW[0]),
        ("compute-2-2", NEW[1]),
    ]


def test_a_known_machine_is_left_alone(table_ii: Database) -> None:
    before = nodes.list_nodes(table_ii)
    result = insert(table_ii, requests(COMPUTE_0_3), Placement())
    assert result == BatchResult(known=(KnownMachine(DhcpRequest(COMPUTE_0_3), "compute-0-3"),))
    assert nodes.list_nodes(table_ii) == before


def test_the_bmc_of_a_node_is_known_too(table_ii: Database) -> None:
    table_ii.execute(
        "insert into interfaces (node, name, kind, mac) values (7, 'bmc', 'bmc', ?)", (NEW[0],)
    )
    result = insert(table_ii, requests(NEW[0]), Placement())
    assert [machine.name for machine in result.known] == ["compute-0-3"]


def test_ten_requests_of_one_machine_give_one_node(table_ii: Database) -> None:
    assert names(insert(table_ii, requests(*[NEW[0]] * 10), Placement())) == ["compute-0-4"]


def test_machines_beyond_the_limit_are_not_enrolled(table_ii: Database) -> None:
    result = insert(table_ii, requests(*NEW[:3]), Placement(), limit=2)
    assert names(result) == ["compute-0-4", "compute-0-5"]
    assert not result.refused and not is_known(table_ii, NEW[2])


def test_a_switch_becomes_a_node_without_a_graph_root(table_ii: Database) -> None:
    result = insert(table_ii, requests(NEW[0]), Placement(membership="Ethernet Switches"))
    ((_request, node),) = result.enrolled
    assert (node.name, node.root) == ("network-0-1", "")


def test_a_replacement_takes_over_the_name_and_the_old_macs_are_removed(
    table_ii: Database,
) -> None:
    old = nodes.find_node(table_ii, "compute-0-3")
    table_ii.execute("insert into interfaces (node, name, mac) values (7, 'eth1', ?)", (NEW[5],))
    result = insert(table_ii, requests(NEW[0]), Placement(replace="compute-0-3"), limit=1)
    ((_request, node),) = result.enrolled
    assert node == old._replace(mac=NEW[0])
    assert not is_known(table_ii, COMPUTE_0_3) and not is_known(table_ii, NEW[5])


def test_a_removed_machine_is_new_at_its_next_request(table_ii: Database) -> None:
    node_changes.remove_nodes(table_ii, ["compute-0-1"])
    result = insert(table_ii, requests("00:50:8b:e0:44:5e"), Placement())
    assert names(result) == ["compute-0-4"]


def test_gaps_are_filled_on_request(table_ii: Database) -> None:
    node_changes.remove_nodes(table_ii, ["compute-0-1"])
    result = insert(table_ii, requests(*NEW[:2]), Placement(fill_gaps=True))
    assert names(result) == ["compute-0-1", "compute-0-4"]


def test_ranks_start_at_the_given_rank_and_skip_those_in_use(table_ii: Database) -> None:
    node_changes.add_nodes(table_ii, [NewNode(rank=10)])
    result = insert(table_ii, requests(*NEW[:3]), Placement(rank=9))
    assert names(result) == ["compute-0-9", "compute-0-11", "compute-0-12"]


def test_with_a_table_only_its_machines_are_enrolled_at_their_locations(
    table_ii: Database,
) -> None:
    locations = {
        NEW[0]: Location(rack=3, rank=7),
        "ge-9": Location(rack=3, rank=9, name="oak"),
        NEW[1]: Location(membership="Power Units"),
    }
    machines = [
        DhcpRequest(NEW[2]),
        DhcpRequest(NEW[0]),
        DhcpRequest(NEW[3], port="ge-9"),
        DhcpRequest(NEW[1]),
    ]
    result = insert(table_ii, machines, Placement(locations=locations))
    assert names(result) == ["compute-3-7", "oak", "power-0-0"]
    assert [refusal.request.mac for refusal in result.refused] == [NEW[2]]


def test_a_machine_behind_a_relay_gets_an_address_in_the_relays_network(
    table_ii: Database,
) -> None:
    table_ii.execute(
        "insert into networks (name, subnet, netmask, kind)"
        " values ('rack2', '192.168.2.0', '255.255.255.0', 'private')"
    )
    machines = [
        *requests(NEW[0], relay="192.168.2.1"),
        *requests(NEW[1], relay="172.16.0.1"),
    ]
    result = insert(table_ii, machines, Placement())
    assert [node.ip for _request, node in result.enrolled] == ["192.168.2.254"]
    (refusal,) = result.refused
    assert refusal.request.mac == NEW[1] and "172.16.0.1" in refusal.reason


def test_requests_on_another_interface_are_refused(table_ii: Database) -> None:
    machines = [
        *requests(NEW[0], interface="eth0"),
        *requests(NEW[1], interface="eth1"),
        *requests(NEW[2]),
    ]
    result = insert(table_ii, machines, Placement(interface="eth1"))
    assert macs(result) == [NEW[1], NEW[2]]
    (refusal,) = result.refused
    assert "eth0" in refusal.reason and "eth1" in refusal.reason


def test_names_follow_the_attribute_name_pattern(table_ii: Database) -> None:
    table_ii.execute(
        "insert into attributes (scope, appliance, owner, name, value)"
        " values ('appliance', 2, 2, 'name_pattern', ?)",
        ("c{rank:04}",),
    )
    assert names(insert(table_ii, requests(NEW[0]), Placement())) == ["c0004"]


def test_firmware_only_refuses_requests_of_operating_systems(table_ii: Database) -> None:
    machines = [
        *requests(NEW[0], vendor="udhcp 1.35.0"),
        *requests(NEW[1], vendor="PXEClient:Arch:00000:UNDI:002001"),
    ]
    result = insert(table_ii, machines, Placement(firmware_only=True))
    assert macs(result) == [NEW[1]]
    assert "firmware_only" in result.refused[0].reason


def test_only_the_machines_at_fault_are_refused(table_ii: Database) -> None:
    locations = {
        NEW[0]: Location(rack=0, rank=3, where="t.csv:2"),
        NEW[1]: Location(rack=0, rank=8),
        NEW[2]: Location(rack=100000, rank=0),
    }
    result = insert(table_ii, requests(*NEW[:3]), Placement(locations=locations))
    assert names(result) == ["compute-0-8"]
    reasons = {refusal.request.mac: refusal.reason for refusal in result.refused}
    assert f"t.csv:2: {NEW[0]}: rack 0, rank 3" in reasons[NEW[0]]
    assert "rack 100000" in reasons[NEW[2]]


def test_a_full_network_refuses_further_machines(table_ii: Database) -> None:
    table_ii.execute("update networks set first = '10.255.255.253', last = '10.255.255.254'")
    result = insert(table_ii, requests(*NEW[:2]), Placement())
    assert names(result) == ["compute-0-4"]
    assert "'private' is full" in result.refused[0].reason


def test_an_error_before_the_commit_refuses_the_machine_at_fault(table_ii: Database) -> None:
    ordered: list[str] = []

    def order(enrolled: Sequence[Node]) -> None:
        for node in enrolled:
            if node.mac == NEW[1]:
                raise Conflict("no such generation", node.name)
            ordered.append(node.name)

    result = insert(table_ii, requests(*NEW[:3]), Placement(), before_commit=order)
    assert names(result) == ["compute-0-4", "compute-0-5"] and not is_known(table_ii, NEW[1])
    assert [refusal.reason for refusal in result.refused] == ["compute-0-5: no such generation"]
    assert ordered[-2:] == ["compute-0-4", "compute-0-5"]


def test_a_database_outage_before_the_commit_leaves_no_row(table_ii: Database) -> None:
    def fail(_enrolled: Sequence[Node]) -> None:
        raise Unavailable("the database server does not answer")

    before = nodes.list_nodes(table_ii)
    with pytest.raises(Unavailable):
        insert(table_ii, requests(*NEW[:2]), Placement(), before_commit=fail)
    assert nodes.list_nodes(table_ii) == before


def test_a_dry_run_returns_the_result_of_the_run_and_leaves_no_row(table_ii: Database) -> None:
    before = nodes.list_nodes(table_ii)
    preview = insert(table_ii, requests(*NEW[:2]), Placement(), dry_run=True)
    assert nodes.list_nodes(table_ii) == before
    result = insert(table_ii, requests(*NEW[:2]), Placement())
    assert [node._replace(id=0) for _request, node in preview.enrolled] == [
        node._replace(id=0) for _request, node in result.enrolled
    ]


def test_two_runs_at_once_give_no_machine_two_names(table_ii: Database) -> None:
    with connect(table_ii.location.url) as second_connection:
        first = insert(table_ii, requests(*NEW[:2]), Placement(rack=0))
        second = insert(second_connection, requests(*NEW[:3]), Placement(rack=5))
    assert names(first) == ["compute-0-4", "compute-0-5"]
    assert names(second) == ["compute-5-0"]
    assert [machine.name for machine in second.known] == ["compute-0-4", "compute-0-5"]


@pytest.mark.parametrize(
    ("placement", "error", "words"),
    [
        pytest.param(
            Placement(membership="Computer"), NotFound, "mean Compute", id="unknown membership"
        ),
        pytest.param(Placement(rack=-1), RocksError, "rack -1", id="rack out of range"),
        pytest.param(Placement(rank=100000), RocksError, "rank 100000", id="rank out of range"),
        pytest.param(Placement(network="publik"), NotFound, "'publik'", id="unknown network"),
        pytest.param(Placement(replace="compute-0-9"), NotFound, "compute-0-9", id="unknown node"),
    ],
)
def test_check_placement_reports_what_would_refuse_every_machine(
    table_ii: Database, placement: Placement, error: type[RocksError], words: str
) -> None:
    with pytest.raises(error, match=words):
        check_placement(table_ii, placement)


def test_check_placement_changes_nothing(table_ii: Database) -> None:
    before = nodes.list_nodes(table_ii)
    check_placement(table_ii, Placement())
    assert nodes.list_nodes(table_ii) == before
