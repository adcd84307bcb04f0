"""Networks: which addresses there are, and which of them nodes may get."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import put_interface
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    Network,
    NewNode,
    RowChange,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import (
    list_networks,
    put_network,
    remove_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    RocksError,
)

PRIVATE = Network(
    1, "private", "10.0.0.0", "255.0.0.0", "", "cluster", 1500, "private", "", "", "", ""
)


def test_a_network_is_made_once_and_changed_where_it_differs(database: Database) -> None:
    given = {"subnet": "10.0.0.0/8", "zone": "cluster"}
    assert put_network(database, "private", **given) == RowChange(None, PRIVATE)
    assert put_network(database, "private", **given) == RowChange(PRIVATE, PRIVATE)
    faster = PRIVATE._replace(mtu=9000)
    assert put_network(database, "private", mtu=9000, zone=None) == RowChange(PRIVATE, faster)
    assert list_networks(database) == [faster]


def test_netmask_and_prefix_length_say_the_same(database: Database) -> None:
    long = put_network(database, "a", subnet="192.168.1.0", netmask="255.255.255.0").after
    assert put_network(database, "a", subnet="192.168.1.0/24") == RowChange(long, long)


def test_nodes_boot_from_a_private_network_unless_it_is_excluded(database: Database) -> None:
    lan = {"subnet": "11.0.0.0/8"}
    assert put_network(database, "lan", **lan).after.boot
    assert not put_network(database, "lan", boot=False).after.boot
    assert not put_network(database, "lan", mtu=9000).after.boot
    assert not put_network(database, "lan", boot=False).changed
    assert put_network(database, "lan", boot=True).after.boot
    assert not put_network(database, "lan", kind="public").after.boot
    assert put_network(database, "lan", kind="private").after.boot
    assert [one.boot for one in list_networks(database)] == [True]


def test_nodes_stay_out_of_a_pool_that_is_described_later(table_ii: Database) -> None:
    put_network(table_ii, "private", pool_first="10.255.255.250", pool_last="10.255.255.254")
    assert add_nodes(table_ii, [NewNode()])[0].ip == "10.255.255.248"


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        pytest.param(
            "LAN", {"subnet": "11.0.0.0/8"}, "network 'LAN': no name of a network", id="name"
        ),
        pytest.param("lan", {}, "network 'lan': a subnet and a netmask are needed", id="nothing"),
        pytest.param(
            "lan", {"subnet": "11.0.0.0"}, "a subnet and a netmask are needed", id="no-netmask"
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.1/8"}, "subnet '11.0.0.1/8' is none", id="host-bits"
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0", "netmask": "255.0.255.0"}, "network 'lan': ", id="holes"
        ),
        pytest.param("lan", {"subnet": "moon"}, "'moon' is no IPv4 address", id="no-address"),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "kind": "open"},
            "kind is 'open'; one of private, public",
            id="kind",
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0/8", "mtu": 100}, "mtu is 100; 576 to 65520", id="mtu"
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0/8", "zone": "a b"}, "zone 'a b' is no DNS name", id="zone"
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "kind": "management", "boot": True},
            "boot is true and kind is 'management'; nodes boot from private networks only",
            id="boot",
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0/8", "mtu": 100}, "mtu is 100; 576 to 65520", id="mtu"
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0/8", "zone": "a b"}, "zone 'a b' is no DNS name", id="zone"
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "gateway": "10.1.1.1"},
            "gateway 10.1.1.1 is outside 11.0.0.0/8",
            id="gateway",
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "first": "11.0.0.9", "last": "11.0.0.1"},
            "first 11.0.0.9 is above",
            id="limits",
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "pool_first": "11.0.0.9"},
            "pool_first and pool_last belong together",
            id="pool",
        ),
    ],
)
def test_what_is_no_network_is_refused(
    table_ii: Database, name: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(DescriptionError) as raised:
        put_network(table_ii, name, **given)
    assert message in str(raised.value)
    assert list_networks(table_ii) == [PRIVATE]


def test_an_address_belongs_to_one_network(table_ii: Database) -> None:
    with pytest.raises(Conflict) as raised:
        put_network(table_ii, "rack0", subnet="10.0.1.0/24")
    assert str(raised.value) == (
        "network 'rack0': 10.0.1.0/24 overlaps network 'private' (10.0.0.0/8); an address belongs to one network"
    )


@pytest.mark.parametrize("change", [{"subnet": "10.255.0.0/16"}, {"subnet": "11.0.0.0/8"}])
def test_no_node_is_left_outside_every_network(table_ii: Database, change: dict[str, Any]) -> None:
    with pytest.raises(Conflict) as raised:
        put_network(table_ii, "private", **change)
    assert str(raised.value).startswith(
        "outside every network then: compute-0-0"
    ) or "frontend-0 (10.1.1.1)" in str(raised.value)
    assert list_networks(table_ii) == [PRIVATE]


def test_a_network_goes_when_nobody_is_on_it(table_ii: Database) -> None:
    other = put_network(table_ii, "other", subnet="192.168.0.0/16").after
    put_interface(table_ii, "nfs-0-0", "eth1", network="other")
    put_interface(table_ii, "nfs-0-0", "eth2", network="other", ip="none")
    with pytest.raises(Conflict) as raised:
        remove_network(table_ii, "other")
    assert "outside every network then: nfs-0-0 (192.168.255.254)" in str(raised.value)
    put_interface(table_ii, "nfs-0-0", "eth1", ip="none")
    with pytest.raises(Conflict) as raised:
        remove_network(table_ii, "other")
    assert "interface eth1 of nfs-0-0 is on network 'other'; remove it first" in str(raised.value)
    put_interface(table_ii, "nfs-0-0", "eth1", network="")
    put_interface(table_ii, "nfs-0-0", "eth2", network="")
    assert remove_network(table_ii, "other") == RowChange(other, None)
    assert remove_network(table_ii, "other") == RowChange(None, None)


def test_the_network_of_the_nodes_stays(table_ii: Database) -> None:
    with pytest.raises(RocksError) as raised:
        remove_network(table_ii, "private")
    assert "and 3 more; give them other addresses first" in str(raised.value)
