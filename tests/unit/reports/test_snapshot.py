# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One state of the database for all reports; faulty values are left out before rendering."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import read_snapshot


def test_nodes_are_in_natural_order(described: Database) -> None:
    described.execute(
        "insert into nodes (name, membership, rack, `rank`) values ('compute-0-10', 2, 0, 10)"
    )
    assert [node.name for node in read_snapshot(described).nodes][:5] == [
        "compute-0-0",
        "compute-0-1",
        "compute-0-2",
        "compute-0-3",
        "compute-0-10",
    ]


def test_compute_nodes_are_those_of_table_iii(snapshot: Snapshot) -> None:
    assert [node.name for node in snapshot.compute_nodes()] == [
        f"compute-0-{rank}" for rank in range(4)
    ]


def test_the_attribute_of_the_narrower_scope_wins(described: Database) -> None:
    described.execute(
        "insert into attributes (scope, owner, name, value) values ('global', 0, 'power_unit',"
        " 'none')"
    )
    snapshot = read_snapshot(described, {"groups"})
    assert snapshot.attribute("web-1-0", "power_unit") == "power-1-0"
    assert snapshot.attribute("compute-0-0", "power_unit") == "none"


def test_each_faulty_value_is_left_out_and_reported(described: Database) -> None:
    described.execute("update nodes set name = 'compute 0' where id = 7")
    described.execute("update nodes set mac = '00:50' where id = 5")
    described.execute("update nodes set ip = '10.1.1.999' where id = 6")
    described.execute("update nodes set arch = 'x86 64' where id = 8")
    described.execute("update hardware set memory = -1 where node = 4")
    described.execute("update networks set zone = 'a..b', pool_last = '' where name = 'bmc'")
    snapshot = read_snapshot(described, {"hardware", "groups"})
    assert [str(fault).partition("; ")[0] for fault in snapshot.faults] == [
        "network 'bmc': zone 'a..b' is not a valid DNS name",
        "network 'bmc': pool_first and pool_last require each other",
        "node 7: 'compute 0' is not a valid host name",
        "node compute-0-1: '00:50' is not a valid MAC address",
        "node compute-0-2: '10.1.1.999' is not a valid IPv4 address",
        "node web-1-0: 'x86 64' is not a valid architecture",
        "compute-0-0: its hardware is not plausible (memory is -1, and must be 1 to 1073741824)",
    ]
    values = {node.name: (node.mac, node.ip, node.arch) for node in snapshot.nodes}
    assert values["compute-0-1"] == ("", "10.255.255.244", "x86_64")
    assert values["compute-0-2"] == ("00:50:8b:e0:40:95", "", "x86_64")
    assert values["web-1-0"][2] == "" and "compute 0" not in str(snapshot.groups)
    assert sorted(snapshot.hardware) == ["compute-0-1", "compute-0-2"]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("subnet = '10.0.1.0', netmask = '255.255.255.0'", ["private"]),
        ("netmask = '0.0.3.255'", ["private"]),
        ("subnet = 'moon'", ["private"]),
        ("gateway = '10.9.9.9'", ["private", "bmc"]),
    ],
)
def test_a_faulty_network_does_not_hide_the_others(
    change: str, left: list[str], described: Database
) -> None:
    described.execute(f"update networks set {change} where name = 'bmc'")
    snapshot = read_snapshot(described)
    assert len(snapshot.faults) == 1 and "'bmc'" in str(snapshot.faults[0])
    assert [network.name for network in snapshot.networks] == left


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        pytest.param(
            "update interfaces set mac = '00:50:8b:c5:c7:d3' where node = 4",
            "00:50:8b:c5:c7:d3",
            id="MAC",
        ),
        pytest.param(
            "update interfaces set ip = '10.255.255.246' where node = 4",
            "10.255.255.246",
            id="address",
        ),
        pytest.param(
            "update nodes set name = 'compute-0-0-bmc' where id = 8",
            "compute-0-0-bmc",
            id="host name",
        ),
    ],
)
def test_an_interface_with_a_value_of_a_node_is_left_out(
    change: str, shared: str, described: Database
) -> None:
    described.execute(change)
    snapshot = read_snapshot(described)
    (fault,) = snapshot.faults
    assert isinstance(fault, DescriptionError) and fault.what.startswith(shared)
    assert fault.where == "interface 'bmc' of compute-0-0"
    assert [interface.node for interface in snapshot.interfaces] == ["compute-0-1"]


def test_an_infiniband_port_can_have_an_address(described: Database) -> None:
    described.execute(
        "insert into interfaces (node, name, kind, mac, ip) values (4, 'ib0', 'infiniband', ?,"
        " '10.9.0.1')",
        (":".join(["80"] * 20),),
    )
    assert "compute-0-0-ib0" in [address.host for address in read_snapshot(described).addresses]
