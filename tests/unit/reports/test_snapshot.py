# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One state of the database for all reports; faulty rows are refused before rendering."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError
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


def test_all_faulty_rows_are_reported_at_once(described: Database) -> None:
    described.execute("update nodes set name = 'compute 0' where id = 7")
    described.execute("update nodes set mac = '00:50' where id = 5")
    described.execute("update nodes set ip = '10.1.1.999' where id = 6")
    described.execute("update networks set zone = 'a..b' where name = 'bmc'")
    with pytest.raises(RocksError) as refused:
        read_snapshot(described)
    for fact in (
        "4 errors",
        "node 7: 'compute 0'",
        "node 5: '00:50'",
        "node 6: '10.1.1.999'",
        "network 2: the zone 'a..b'",
    ):
        assert fact in str(refused.value)


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
def test_a_node_and_an_interface_must_not_share_a_value(
    change: str, shared: str, described: Database
) -> None:
    described.execute(change)
    with pytest.raises(DescriptionError) as refused:
        read_snapshot(described)
    assert refused.value.what.startswith(shared) and "compute-0-0-bmc" in str(refused.value)


def test_an_infiniband_port_can_have_an_address(described: Database) -> None:
    described.execute(
        "insert into interfaces (node, name, kind, mac, ip) values (4, 'ib0', 'infiniband', ?,"
        " '10.9.0.1')",
        (":".join(["80"] * 20),),
    )
    assert "compute-0-0-ib0" in [address.host for address in read_snapshot(described).addresses]
