"""Further NICs and BMCs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import (
    list_interfaces,
    put_interface,
    remove_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Interface, RowChange
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import put_network
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

MAC = "02:00:00:00:00:01"
NODE = "compute-0-3"
PORT = "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:0b:a1"


@pytest.fixture
def with_bmcs(table_ii: Database) -> Database:
    put_network(table_ii, "management", subnet="192.168.0.0/16", kind="management")
    return table_ii


def test_a_bmc_gets_the_next_free_address_of_its_network(with_bmcs: Database) -> None:
    bmc = Interface(1, NODE, "bmc", "bmc", "management", MAC, "192.168.255.254")
    assert put_interface(
        with_bmcs, NODE, "bmc", network="management", mac=MAC.upper()
    ) == RowChange(None, bmc)
    assert put_interface(with_bmcs, NODE, "bmc", network="management", mac=MAC) == RowChange(
        bmc, bmc
    )
    assert (
        put_interface(with_bmcs, "web-1-0", "bmc", network="management").after.ip
        == "192.168.255.253"
    )
    assert list_interfaces(with_bmcs, NODE) == [bmc]
    assert [one.node for one in list_interfaces(with_bmcs)] == [NODE, "web-1-0"]


def test_an_interface_may_lack_address_and_network(with_bmcs: Database) -> None:
    assert put_interface(with_bmcs, NODE, "eth1", mac=MAC).after == Interface(
        1, NODE, "eth1", "ethernet", "", MAC, ""
    )
    without = put_interface(with_bmcs, NODE, "eth2", network="management", ip="none").after
    assert (without.network, without.ip) == ("management", "")
    assert put_interface(with_bmcs, NODE, "eth2", network="management", ip="none").changed is False
    assert put_interface(with_bmcs, NODE, "eth2", mac=MAC[:-1] + "2").after.ip == ""


def test_an_address_tells_its_network(with_bmcs: Database) -> None:
    assert put_interface(with_bmcs, NODE, "eth1", ip="192.168.0.7").after.network == "management"


def test_another_network_means_another_address(with_bmcs: Database) -> None:
    put_interface(with_bmcs, NODE, "eth1", network="management")
    moved = put_interface(with_bmcs, NODE, "eth1", network="private").after
    assert (moved.network, moved.ip) == ("private", "10.255.255.254")
    assert put_interface(with_bmcs, NODE, "eth1", network="").after[4:] == ("", "", "")


def test_a_bond_and_a_vlan_have_an_address_and_no_mac(with_bmcs: Database) -> None:
    for name in ("bond0", "bond0.120"):
        assert put_interface(with_bmcs, NODE, name, network="management").after.mac == ""


def test_an_infiniband_port_keeps_its_octets(with_bmcs: Database) -> None:
    port = put_interface(with_bmcs, NODE, "ib0", kind="infiniband", mac=PORT, ip="10.2.0.3").after
    assert (port.kind, port.mac) == ("infiniband", PORT)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        pytest.param("a name", {}, "compute-0-3: 'a name' is no name of an interface", id="name"),
        pytest.param("x" * 16, {}, "is no name of an interface", id="long-name"),
        pytest.param(
            "eth1", {"kind": "token ring"}, "kind is 'token ring'; one of ethernet", id="kind"
        ),
        pytest.param(
            "eth1",
            {"network": "moon"},
            "there is no network 'moon'; known: private, management",
            id="network",
        ),
        pytest.param("eth1", {"mac": "x"}, "'x' is no MAC", id="mac"),
        pytest.param(
            "eth1",
            {"mac": PORT},
            "address of an InfiniBand port; set kind to infiniband",
            id="infiniband-mac",
        ),
        pytest.param(
            "bond0",
            {"mac": "00:50:8b:e0:40:93"},
            "belongs to compute-0-3; a bond or a VLAN has no MAC",
            id="bond-mac",
        ),
        pytest.param(
            "eth1",
            {"ip": "10.255.255.242"},
            "the NICs of a bond have an address each (docs/networks.md)",
            id="bond",
        ),
        pytest.param(
            "eth1",
            {"mac": "00:50:8b:e0:3a:a7"},
            "compute-0-3/eth1: the MAC 00:50:8b:e0:3a:a7 belongs to compute-0-0",
            id="mac-taken",
        ),
        pytest.param(
            "eth1",
            {"ip": "10.255.255.245"},
            "the address 10.255.255.245 belongs to compute-0-0",
            id="address-taken",
        ),
        pytest.param(
            "eth1", {"ip": "11.0.0.1"}, "11.0.0.1 is outside every network", id="address-outside"
        ),
        pytest.param("eth1", {"ip": "10"}, "'10' is no IPv4 address", id="no-address"),
        pytest.param(
            "eth1",
            {"ip": "10.2.0.1", "network": "management"},
            "10.2.0.1 is on network 'private', not 'management'",
            id="another-network",
        ),
    ],
)
def test_an_interface_that_cannot_be_is_refused(
    with_bmcs: Database, name: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(RocksError) as raised:
        put_interface(with_bmcs, NODE, name, **given)
    assert message in str(raised.value)
    assert list_interfaces(with_bmcs) == []


def test_an_interface_goes_with_its_address(with_bmcs: Database) -> None:
    bmc = put_interface(with_bmcs, NODE, "bmc", network="management").after
    assert remove_interface(with_bmcs, NODE, "bmc") == RowChange(bmc, None)
    assert remove_interface(with_bmcs, NODE, "bmc") == RowChange(None, None)
    assert put_interface(with_bmcs, "nfs-0-0", "bmc", network="management").after.ip == bmc.ip


def test_an_unknown_node_has_no_interfaces(with_bmcs: Database) -> None:
    for attempt in (put_interface, remove_interface):
        with pytest.raises(RocksError) as raised:
            attempt(with_bmcs, "compute-9-9", "eth1")
        assert "there is no node 'compute-9-9'" in str(raised.value)
