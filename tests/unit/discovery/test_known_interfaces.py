# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Machines with several interfaces: why a known one cannot boot, and which are new machines."""

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import Enroller
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert import insert
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    BatchResult,
    KnownMachine,
    Location,
    Placement,
)

COMPUTE_0_3 = "00:50:8b:e0:40:93"
NEW = [f"00:50:8b:00:00:{number:02x}" for number in range(1, 9)]
UUID = "4c4c4544-004d-3210-8047-b8c04f4b4832"
OTHER_UUID = "4c4c4544-004d-3210-8047-b8c04f4b4833"


def known_machine(database: Database, mac: str, vendor: str = "PXEClient") -> KnownMachine:
    (machine,) = insert(database, [DhcpRequest(mac, vendor=vendor)], Placement()).known
    return machine


def names(result: BatchResult) -> list[str]:
    return [node.name for _request, node in result.enrolled]


@pytest.mark.parametrize(
    ("ip", "vendor", "problem"),
    [
        pytest.param("10.2.0.1", "PXEClient", "", id="it can boot"),
        pytest.param(
            None, "PXEClient", "rocks_interface -a 'node=compute-0-3 name=eth1 ", id="no address"
        ),
        pytest.param(
            "172.16.0.1", "PXEClient", "'storage', from which nodes do not boot", id="storage"
        ),
        pytest.param("172.16.0.1", "", "", id="the installed system on storage"),
        pytest.param("192.0.2.7", "PXEClient", "'campus', which is public", id="public"),
    ],
)
def test_a_known_interface_that_cannot_boot_is_reported_with_the_remedy(
    ip: Optional[str], vendor: str, problem: str, table_ii: Database
) -> None:
    put_network(table_ii, "storage", subnet="172.16.0.0/16", boot=False)
    put_network(table_ii, "campus", subnet="192.0.2.0/24", kind="public")
    row = (NEW[0], ip)
    table_ii.execute("insert into interfaces (node, name, mac, ip) values (7, 'eth1', ?, ?)", row)
    machine = known_machine(table_ii, NEW[0], vendor)
    assert machine.name == "compute-0-3"
    assert problem in machine.problem and bool(problem) == bool(machine.problem)


def test_a_node_without_an_address_is_reported_with_the_remedy(table_ii: Database) -> None:
    table_ii.execute("update nodes set ip = null where name = 'compute-0-3'")
    assert "rocks_node -a 'name=compute-0-3 ip=" in known_machine(table_ii, COMPUTE_0_3).problem


def test_a_bmc_on_a_network_without_boot_is_not_a_problem(table_ii: Database) -> None:
    put_network(table_ii, "bmc", subnet="192.168.0.0/16", kind="management")
    table_ii.execute(
        "insert into interfaces (node, name, kind, mac, ip) values (7, 'bmc', 'bmc', ?, ?)",
        (NEW[0], "192.168.0.1"),
    )
    assert known_machine(table_ii, NEW[0]).problem == ""


def test_another_mac_with_the_uuid_of_a_node_is_a_further_interface(table_ii: Database) -> None:
    enroller = Enroller(table_ii, Placement())
    assert names(enroller.enrol([DhcpRequest(NEW[0], uuid=UUID)], None)) == ["compute-0-4"]
    enroller.enrol([DhcpRequest(COMPUTE_0_3, uuid=OTHER_UUID)], None)
    further = [DhcpRequest(NEW[1], uuid=UUID), DhcpRequest(NEW[2], uuid=OTHER_UUID.upper())]
    result = enroller.enrol(further, None)
    assert not result.enrolled
    assert [
        f"rocks_interface -a 'node={name} name=eth1 mac={mac} " in refusal.reason
        for refusal, name, mac in zip(result.refused, ("compute-0-4", "compute-0-3"), NEW[1:])
    ] == [True, True]


def test_two_interfaces_of_a_new_machine_in_one_batch_are_one_node(table_ii: Database) -> None:
    batch = [DhcpRequest(mac, uuid=UUID) for mac in NEW[:2]]
    result = insert(table_ii, batch, Placement())
    assert names(result) == ["compute-0-4"] and len(result.refused) == 1


@pytest.mark.parametrize(
    "uuid",
    [
        "",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
    ],
)
def test_a_uuid_that_many_machines_share_is_ignored(uuid: str, table_ii: Database) -> None:
    batch = [DhcpRequest(mac, uuid=uuid) for mac in NEW[:2]]
    assert names(insert(table_ii, batch, Placement())) == ["compute-0-4", "compute-0-5"]


@pytest.mark.parametrize(
    "placement",
    [
        pytest.param(Placement(locations={NEW[1]: Location(rank=9)}), id="listed"),
        pytest.param(Placement(replace="compute-0-2"), id="replacement"),
    ],
)
def test_listed_machines_and_replacements_are_new_whatever_their_uuid(
    placement: Placement, table_ii: Database
) -> None:
    enroller = Enroller(table_ii, placement)
    enroller.enrol([DhcpRequest(COMPUTE_0_3, uuid=UUID)], None)
    assert len(enroller.enrol([DhcpRequest(NEW[1], uuid=UUID)], None).enrolled) == 1


def test_a_machine_whose_enrolment_was_undone_is_enrolled_again(table_ii: Database) -> None:
    enroller = Enroller(table_ii, Placement())
    request = DhcpRequest(NEW[0], uuid=UUID)
    enroller.enrol([request], None)
    table_ii.execute("delete from nodes where mac = ?", (NEW[0],))
    assert names(enroller.enrol([request], None)) == ["compute-0-4"]


def test_a_dry_run_reports_further_interfaces_too(table_ii: Database) -> None:
    enroller = Enroller(table_ii, Placement(), dry_run=True)
    results = [enroller.enrol([DhcpRequest(mac, uuid=UUID)], None) for mac in NEW[:2]]
    assert [(len(result.enrolled), len(result.refused)) for result in results] == [(1, 0), (0, 1)]
