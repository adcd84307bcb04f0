"""Further NICs and BMCs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    Interface,
    NewNode,
    RowChange,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    list_interfaces,
    put_interface,
    remove_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    add_nodes,
    ensure_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    RocksError,
)

MAC = "02:00:00:00:00:01"
NODE = "compute-0-3"
PORT = "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:0b:a1"


@pytest.fixture
def with_bmcs(table_ii: Database) -> Database:
    put_network(table_ii, "management", subnet="192.168.0.0/16", kind="management")
    return table_ii


def test_a_bmc_gets_the_next_free_address_of_its_network(with_bmcs: Database) -> None:
    bmc = Interface(
        id=1,
        node=NODE,
        name="bmc",
        kind="bmc",
        network="management",
        mac=MAC,
        ip="192.168.255.254",
    )
    added = put_interface(with_bmcs, NODE, "bmc", network="management", mac=MAC.upper())
    assert added == RowChange(None, bmc)
    unchanged = put_interface(with_bmcs, NODE, "bmc", network="management", mac=MAC)
    assert unchanged == RowChange(bmc, bmc)
    other = put_interface(with_bmcs, "web-1-0", "bmc", network="management").after
    assert other.ip == "192.168.255.253"
    assert list_interfaces(with_bmcs, NODE) == [bmc]
    assert [interface.node for interface in list_interfaces(with_bmcs)] == [NODE, "web-1-0"]


def test_an_interface_can_have_no_address_and_no_network(with_bmcs: Database) -> None:
    assert put_interface(with_bmcs, NODE, "eth1", mac=MAC).after == Interface(
        id=1, node=NODE, name="eth1", kind="ethernet", network="", mac=MAC, ip=""
    )
    no_address = put_interface(with_bmcs, NODE, "eth2", network="management", ip="none").after
    assert (no_address.network, no_address.ip) == ("management", "")
    assert put_interface(with_bmcs, NODE, "eth2", network="management", ip="none").changed is False
    assert put_interface(with_bmcs, NODE, "eth2", mac=MAC[:-1] + "2").after.ip == ""


def test_the_network_of_an_interface_follows_from_its_address(with_bmcs: Database) -> None:
    assert put_interface(with_bmcs, NODE, "eth1", ip="192.168.0.7").after.network == "management"


def test_changing_the_network_allocates_another_address(with_bmcs: Database) -> None:
    put_interface(with_bmcs, NODE, "eth1", network="management")
    moved = put_interface(with_bmcs, NODE, "eth1", network="private").after
    assert (moved.network, moved.ip) == ("private", "10.255.255.254")
    assert put_interface(with_bmcs, NODE, "eth1", network="").after[4:] == ("", "", "")


def test_a_bond_and_a_vlan_have_an_address_and_no_mac(with_bmcs: Database) -> None:
    for name in ("bond0", "bond0.120"):
        assert put_interface(with_bmcs, NODE, name, network="management").after.mac == ""


def test_an_infiniband_interface_stores_all_octets(with_bmcs: Database) -> None:
    port = put_interface(with_bmcs, NODE, "ib0", kind="infiniband", mac=PORT, ip="10.2.0.3").after
    assert (port.kind, port.mac) == ("infiniband", PORT)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        pytest.param("a name", {}, "compute-0-3: 'a name' is not a valid", id="name"),
        pytest.param("x" * 16, {}, "'x{16}' is not a valid", id="long-name"),
        pytest.param("eth1", {"kind": "token ring"}, "'token ring'.*ethernet", id="kind"),
        pytest.param(
            "eth1",
            {"network": "moon"},
            "no network 'moon'; .*private, management",
            id="network",
        ),
        pytest.param("eth1", {"mac": "x"}, "'x' is not a valid MAC", id="mac"),
        pytest.param(
            "eth1",
            {"mac": PORT},
            "InfiniBand port; set kind to infiniband",
            id="infiniband-mac",
        ),
        pytest.param(
            "bond0",
            {"mac": "00:50:8b:e0:40:93"},
            "belongs to compute-0-3; .* bond or a VLAN",
            id="bond-mac",
        ),
        pytest.param(
            "eth1",
            {"ip": "10.255.255.242"},
            "belongs to compute-0-3; .*NIC of a bond.*docs/networks.md",
            id="bond",
        ),
        pytest.param(
            "eth1",
            {"mac": "00:50:8b:e0:3a:a7"},
            "compute-0-3/eth1: .*00:50:8b:e0:3a:a7 belongs to compute-0-0",
            id="mac-taken",
        ),
        pytest.param(
            "eth1",
            {"ip": "10.255.255.245"},
            "10.255.255.245 belongs to compute-0-0",
            id="address-taken",
        ),
        pytest.param(
            "eth1", {"ip": "11.0.0.1"}, "11.0.0.1 is outside every network", id="address-outside"
        ),
        pytest.param("eth1", {"ip": "10"}, "'10' is not a valid IPv4", id="no-address"),
        pytest.param(
            "eth1",
            {"ip": "10.2.0.1", "network": "management"},
            "10.2.0.1 is on network 'private', not 'management'",
            id="another-network",
        ),
    ],
)
def test_an_interface_that_is_not_valid_is_rejected(
    with_bmcs: Database, name: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(RocksError, match=message):
        put_interface(with_bmcs, NODE, name, **values)
    assert list_interfaces(with_bmcs) == []


@pytest.mark.parametrize("name", ["eth1.20", "eth1-20", "ETH1_20"])
def test_the_host_name_of_an_interface_is_unique(with_bmcs: Database, name: str) -> None:
    put_interface(with_bmcs, NODE, "eth1_20")
    ensure_nodes(with_bmcs, [{"name": "compute-0-3-bmc", "membership": "Web Server"}])
    with pytest.raises(Conflict, match=r"compute-0-3-eth1-20.*interface eth1_20 of compute-0-3"):
        put_interface(with_bmcs, NODE, name)
    with pytest.raises(Conflict, match=r"compute-0-3-bmc.*the name of a node"):
        put_interface(with_bmcs, NODE, "bmc")


def test_a_node_cannot_have_the_host_name_of_an_interface(with_bmcs: Database) -> None:
    put_interface(with_bmcs, NODE, "bmc")
    with pytest.raises(DescriptionError, match="host name of interface bmc of compute-0-3"):
        ensure_nodes(with_bmcs, [{"name": "compute-0-3-bmc"}])
    ensure_nodes(with_bmcs, [{"name": "fourth-bmc"}])
    with pytest.raises(Conflict, match=r"compute-0-3: .*'bmc': .*'fourth-bmc'"):
        ensure_nodes(with_bmcs, [{"name": NODE, "new_name": "fourth"}])
    with pytest.raises(Conflict, match="longer than 63"):
        ensure_nodes(with_bmcs, [{"name": NODE, "new_name": "n" * 60}])
    ensure_nodes(with_bmcs, [{"name": NODE, "new_name": "n" * 59}])
    ensure_nodes(with_bmcs, [{"name": "compute-0-3-bmc"}])


def test_a_rank_whose_name_belongs_to_an_interface_is_skipped(with_bmcs: Database) -> None:
    set_attribute(with_bmcs, "name_pattern", "compute-0-3-eth{rank}", Scope(appliance="web"))
    put_interface(with_bmcs, NODE, "eth1")
    (added,) = add_nodes(with_bmcs, [NewNode(membership="Web Server", rack=1)])
    assert added.name == "compute-0-3-eth2"


def test_the_host_name_of_an_interface_has_at_most_63_characters(with_bmcs: Database) -> None:
    ensure_nodes(with_bmcs, [{"name": "n" * 60}])
    put_interface(with_bmcs, "n" * 60, "e1")
    with pytest.raises(Conflict, match="longer than 63"):
        put_interface(with_bmcs, "n" * 60, "eth1")


def test_removing_an_interface_frees_its_address(with_bmcs: Database) -> None:
    bmc = put_interface(with_bmcs, NODE, "bmc", network="management").after
    assert remove_interface(with_bmcs, NODE, "bmc") == RowChange(bmc, None)
    assert remove_interface(with_bmcs, NODE, "bmc") == RowChange(None, None)
    assert put_interface(with_bmcs, "nfs-0-0", "bmc", network="management").after.ip == bmc.ip


def test_interfaces_of_an_unknown_node_are_rejected(with_bmcs: Database) -> None:
    with pytest.raises(NotFound, match="'compute-9-9'"):
        put_interface(with_bmcs, "compute-9-9", "eth1")
    with pytest.raises(NotFound, match="'compute-9-9'"):
        remove_interface(with_bmcs, "compute-9-9", "eth1")
