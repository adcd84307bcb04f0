"""The inventory's hosts and groups (paper, 6.4: any SQL selects nodes)."""

from __future__ import annotations

import json

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import (
    Inventory,
    load_inventory,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.naming import group_name
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, Refused
from support.cluster import TABLE_II

RACK_1 = "select name from nodes where rack=1"
COMPUTE = """select nodes.name from nodes,memberships where \
nodes.membership = memberships.id and \
memberships.name = 'Compute'"""


def attribute(database: Database, name: str, value: str, node: int = 0, appliance: int = 0) -> None:
    scope = "node" if node else "appliance" if appliance else "global"
    database.execute(
        "insert into attributes (scope, node, appliance, owner, name, value)"
        " values (?, ?, ?, ?, ?, ?)",
        (scope, node or None, appliance or None, node or appliance, name, value),
    )


def order(
    database: Database, uuid: str, node: int, state: str, manifest: str = "", found: str = ""
) -> None:
    live = 1 if state in ("ordered", "booted", "installing", "installed") else None
    database.execute(
        "insert into installs (uuid, node, state, live, distribution, arch, generation, profile,"
        " ordered_by, ordered, expires, changed, manifest, found)"
        " values (?, ?, ?, ?, 'rocks', 'x86_64', ?, 'p', 'root', ?, ?, ?, ?, ?)",
        (uuid, node, state, live, f"gen-{uuid}", *["2026-11-22 09:14:05"] * 3, manifest, found),
    )


def test_the_queries_of_the_paper_select_the_nodes_of_the_paper(reader: Database) -> None:
    inventory = load_inventory(reader, {"cabinet1": RACK_1, "busy": COMPUTE})
    assert inventory.queries == {
        "cabinet1": ("web-1-0",),
        "busy": ("compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"),
    }


def test_every_node_of_table_ii_is_a_host_with_its_groups(reader: Database) -> None:
    hosts = {host.name: host for host in load_inventory(reader, {}).hosts}
    assert set(hosts) == {row[2] for row in TABLE_II}
    assert hosts["nfs-0-0"].groups == ("nfs_server", "appliance_nas", "rack_0", "arch_x86_64")
    assert hosts["web-1-0"].groups == ("web_server", "appliance_web", "rack_1", "arch_x86_64")
    assert hosts["compute-0-2"][:9] == (
        *("compute-0-2", 6, "00:50:8b:e0:40:95", "10.255.255.243"),
        *("Compute", "compute", 0, 2, "x86_64"),
    )


def test_a_true_attribute_is_a_group_of_its_nodes(table_ii: Database, reader: Database) -> None:
    attribute(table_ii, "gpu", "no")
    attribute(table_ii, "gpu", "Yes", appliance=2)
    attribute(table_ii, "gpu", "off", node=5)
    hosts = load_inventory(reader, {}).hosts
    with_gpu = [host.name for host in hosts if "with_gpu" in host.groups]
    assert with_gpu == ["compute-0-0", "compute-0-2", "compute-0-3"]


def test_the_narrower_attribute_wins(table_ii: Database, reader: Database) -> None:
    for value, scope in (("wide", {}), ("narrow", {"appliance": 2}), ("own", {"node": 4})):
        attribute(table_ii, "site", value, **scope)
    sites = {host.name: host.attributes["site"] for host in load_inventory(reader, {}).hosts}
    assert sites["web-1-0"] == "wide"
    assert sites["compute-0-1"] == "narrow"
    assert sites["compute-0-0"] == "own"


def test_the_state_is_of_the_last_order_and_the_generation_of_the_last_success(
    table_ii: Database, reader: Database
) -> None:
    order(table_ii, "a", 4, "up", manifest="m1", found="m2")
    order(table_ii, "b", 4, "installing")
    order(table_ii, "c", 5, "up", manifest="m1", found="m1")
    states = {host.name: host[11:15] for host in load_inventory(reader, {}).hosts}
    assert states["compute-0-0"] == ("installing", "gen-a", "2026-11-22 09:14:05", True)
    assert states["compute-0-1"] == ("up", "gen-c", "2026-11-22 09:14:05", False)
    assert states["compute-0-2"] == ("", "", "", False)


def test_a_group_query_must_select_node_names(reader: Database) -> None:
    with pytest.raises(DescriptionError, match=r"group 'nets': .*'private'"):
        load_inventory(reader, {"nets": "select name from networks"})


def test_a_group_query_cannot_write(table_ii: Database, reader: Database) -> None:
    with pytest.raises(Refused):
        load_inventory(reader, {"evil": "delete from nodes"})
    assert table_ii.rows("select count(*) from nodes") == [(8,)]


def test_an_inventory_can_be_cached_as_json(table_ii: Database, reader: Database) -> None:
    attribute(table_ii, "gpu", "yes", node=4)
    inventory = load_inventory(reader, {"cabinet1": RACK_1})
    assert Inventory.from_data(json.loads(json.dumps(inventory.to_data()))) == inventory


@pytest.mark.parametrize(
    ("membership", "group"),
    [
        ("Compute", "compute"),
        ("NFS Server", "nfs_server"),
        ("GPU (A100)", "gpu_a100"),
        ("4-way", "_4_way"),
    ],
)
def test_group_names_are_valid_for_ansible_and_clustershell(membership: str, group: str) -> None:
    assert group_name(membership) == group
