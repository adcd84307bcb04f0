"""Networks, and which of their addresses nodes get."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    NewNode,
    RowChange,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    NEW_NETWORK,
    list_networks,
    put_network,
    remove_network,
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
    RocksError,
)

PRIVATE = NEW_NETWORK._replace(
    id=1, name="private", subnet="10.0.0.0", netmask="255.0.0.0", zone="cluster"
)


def test_a_network_is_created_once_and_changed_where_it_differs(database: Database) -> None:
    values = {"subnet": "10.0.0.0/8", "zone": "cluster"}
    assert put_network(database, "private", **values) == RowChange(None, PRIVATE)
    assert put_network(database, "private", **values) == RowChange(PRIVATE, PRIVATE)
    faster = PRIVATE._replace(mtu=9000)
    assert put_network(database, "private", mtu=9000, zone=None) == RowChange(PRIVATE, faster)
    assert list_networks(database) == [faster]


def test_a_prefix_length_is_equivalent_to_a_netmask(database: Database) -> None:
    network = put_network(database, "a", subnet="192.168.1.0", netmask="255.255.255.0").after
    assert put_network(database, "a", subnet="192.168.1.0/24") == RowChange(network, network)


def test_nodes_boot_from_a_private_network_unless_it_is_excluded(database: Database) -> None:
    lan = {"subnet": "11.0.0.0/8"}
    assert put_network(database, "lan", **lan).after.boot
    assert not put_network(database, "lan", boot=False).after.boot
    assert not put_network(database, "lan", mtu=9000).after.boot
    assert not put_network(database, "lan", boot=False).changed
    assert put_network(database, "lan", boot=True).after.boot
    assert not put_network(database, "lan", kind="public").after.boot
    assert put_network(database, "lan", kind="private").after.boot
    assert [network.boot for network in list_networks(database)] == [True]


def test_new_nodes_get_no_address_of_a_pool_that_is_added_later(table_ii: Database) -> None:
    put_network(table_ii, "private", pool_first="10.255.255.250", pool_last="10.255.255.252")
    added = add_nodes(table_ii, [NewNode(), NewNode()])
    assert [node.ip for node in added] == ["10.255.255.254", "10.255.255.248"]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        pytest.param("LAN", {"subnet": "11.0.0.0/8"}, "network 'LAN': ", id="name"),
        pytest.param("lan", {}, "network 'lan': .*netmask", id="nothing"),
        pytest.param("lan", {"subnet": "11.0.0.0"}, "netmask is missing", id="no-netmask"),
        pytest.param("lan", {"subnet": "11.0.0.1/8"}, "'11.0.0.1/8'", id="host-bits"),
        pytest.param(
            "lan", {"subnet": "11.0.0.0", "netmask": "255.0.255.0"}, "network 'lan': ", id="holes"
        ),
        pytest.param("lan", {"subnet": "moon"}, "'moon' is not a valid IPv4", id="no-address"),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "kind": "open"},
            "kind is 'open'; .*private, public",
            id="kind",
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0/8", "mtu": 100}, "mtu is 100; 576 to 65520", id="mtu"
        ),
        pytest.param("lan", {"subnet": "11.0.0.0/8", "zone": "a b"}, "zone 'a b'", id="zone"),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "kind": "management", "boot": True},
            "boot is true and kind is 'management'",
            id="boot",
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
            "pool_first and pool_last",
            id="pool",
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0", "netmask": "0.255.255.255"},
            "netmask 0.255.255.255 .*write 255.0.0.0",
            id="wildcard-mask",
        ),
        pytest.param("lan", {"subnet": "224.0.0.0/8"}, "not a subnet of unicast", id="multicast"),
        pytest.param("lan", {"subnet": "127.0.0.0/8"}, "not a subnet of unicast", id="loopback"),
        pytest.param("lan", {"subnet": "0.0.0.0/0"}, "not a subnet of unicast", id="everything"),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "gateway": "11.0.0.0"},
            "gateway 11.0.0.0 is the network address of 11.0.0.0/8; use 11.0.0.1 to",
            id="network-address",
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "pool_first": "11.0.0.9", "pool_last": "11.255.255.255"},
            "pool_last 11.255.255.255 is the broadcast address",
            id="broadcast-address",
        ),
        pytest.param(
            "lan",
            {
                "subnet": "11.0.0.0/8",
                "gateway": "11.0.0.9",
                "pool_first": "11.0.0.9",
                "pool_last": "11.0.0.10",
            },
            "gateway 11.0.0.9 is in the DHCP pool",
            id="gateway-in-pool",
        ),
        pytest.param(
            "lan", {"subnet": "11.0.0.0/8", "zone": "10.in-addr.arpa"}, "special", id="reverse"
        ),
        pytest.param(
            "lan",
            {"subnet": "11.0.0.0/8", "zone": ".".join(["a" * 63] * 3)},
            "at most 189 characters",
            id="long-zone",
        ),
    ],
)
def test_a_network_that_is_not_valid_is_rejected(
    table_ii: Database, name: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(DescriptionError, match=message):
        put_network(table_ii, name, **values)
    assert list_networks(table_ii) == [PRIVATE]


def test_networks_cannot_overlap(table_ii: Database) -> None:
    with pytest.raises(Conflict, match=r"'rack0': 10.0.1.0/24 .*'private' \(10.0.0.0/8\)"):
        put_network(table_ii, "rack0", subnet="10.0.1.0/24")


@pytest.mark.parametrize("change", [{"subnet": "10.255.0.0/16"}, {"subnet": "11.0.0.0/8"}])
def test_a_network_with_addresses_of_nodes_cannot_move(
    table_ii: Database, change: dict[str, Any]
) -> None:
    with pytest.raises(Conflict, match=r"frontend-0 \(10.1.1.1 is outside"):
        put_network(table_ii, "private", **change)
    assert list_networks(table_ii) == [PRIVATE]


@pytest.mark.parametrize(
    ("change", "owner"),
    [
        ({"gateway": "10.255.255.245"}, "compute-0-0"),
        ({"pool_first": "10.255.255.244", "pool_last": "10.255.255.252"}, "compute-0-0"),
        ({"pool_first": "10.1.0.1", "pool_last": "10.1.1.1"}, "frontend-0"),
        ({"subnet": "10.0.0.0/9"}, "compute-0-0"),
        ({"gateway": "10.2.0.1"}, "nfs-0-0/eth1"),
        ({"pool_first": "10.3.0.1", "pool_last": "10.3.0.9"}, "attribute frontend_address"),
    ],
)
def test_a_network_cannot_exclude_an_address_in_use(
    table_ii: Database, change: dict[str, Any], owner: str
) -> None:
    put_interface(table_ii, "nfs-0-0", "eth1", ip="10.2.0.1")
    set_attribute(table_ii, "frontend_address", "10.3.0.1")
    with pytest.raises(Conflict) as refused:
        put_network(table_ii, "private", **change)
    assert owner in refused.value.what
    assert list_networks(table_ii) == [PRIVATE]


def test_a_frontend_or_a_switch_can_be_the_gateway(table_ii: Database) -> None:
    for gateway, other in (("10.1.1.1", "10.1.1.2"), ("10.255.255.253", "10.1.1.1")):
        put_network(table_ii, "private", gateway=gateway)
        ensure_nodes(table_ii, [{"name": "network-0-0", "comment": f"not {other}"}])
        with pytest.raises(RocksError, match="gateway"):
            ensure_nodes(table_ii, [{"name": "compute-0-0", "ip": gateway}])


def test_a_row_from_before_a_rule_can_be_changed(table_ii: Database) -> None:
    table_ii.execute("update networks set gateway = '10.255.255.245'")
    table_ii.execute("update nodes set name = 'default' where name = 'compute-0-0'")
    ensure_nodes(table_ii, [{"name": "default", "comment": "new fan"}])
    put_network(table_ii, "private", mtu=9000)
    ensure_nodes(table_ii, [{"name": "default", "new_name": "compute-0-0", "ip": ""}])


def test_the_network_that_nodes_get_addresses_from_cannot_be_removed(table_ii: Database) -> None:
    put_network(table_ii, "other", subnet="192.168.0.0/16")
    set_attribute(table_ii, "network", "other", Scope(appliance="nas"))
    with pytest.raises(Conflict, match="'network' of appliance 'nas'"):
        remove_network(table_ii, "other")


def test_a_network_can_be_removed_after_its_last_interface(table_ii: Database) -> None:
    other = put_network(table_ii, "other", subnet="192.168.0.0/16").after
    put_interface(table_ii, "nfs-0-0", "eth1", network="other")
    put_interface(table_ii, "nfs-0-0", "eth2", network="other", ip="none")
    with pytest.raises(Conflict, match=r"nfs-0-0/eth1 \(192.168.255.254 is outside"):
        remove_network(table_ii, "other")
    put_interface(table_ii, "nfs-0-0", "eth1", ip="none")
    with pytest.raises(Conflict, match=r"eth1 of nfs-0-0 .*'other'"):
        remove_network(table_ii, "other")
    put_interface(table_ii, "nfs-0-0", "eth1", network="")
    put_interface(table_ii, "nfs-0-0", "eth2", network="")
    assert remove_network(table_ii, "other") == RowChange(other, None)
    assert remove_network(table_ii, "other") == RowChange(None, None)


def test_the_network_of_the_nodes_cannot_be_removed(table_ii: Database) -> None:
    with pytest.raises(Conflict, match="and 3 more"):
        remove_network(table_ii, "private")
