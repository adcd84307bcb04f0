# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend in its own database (Table II, row 1), and changes of its name, address, network."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import put_membership
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import ensure_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    get_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.register import (
    Identity,
    register_frontend,
)
from support.modules import run

ROW_1 = Identity(
    name="frontend-0",
    mac="00:30:c1:d8:ac:80",
    ip="10.1.1.1",
    arch="x86_64",
    subnet="10.0.0.0/8",
    zone="cluster",
)


def addresses(database: Database) -> dict[str, str]:
    return {node.name: node.ip for node in list_nodes(database)}


def test_a_new_database_gets_row_1_of_table_ii_and_the_network(database: Database) -> None:
    result = register_frontend(database, ROW_1, {"frontend_address": "10.1.1.1"})
    node = result.node
    assert (node.name, node.mac, node.membership) == ("frontend-0", ROW_1.mac, "Frontend")
    assert node.comment == "Gateway machine"
    assert (result.network.subnet, result.network.netmask, result.network.zone) == (
        "10.0.0.0",
        "255.0.0.0",
        "cluster",
    )
    assert get_attribute(database, "frontend_address") == "10.1.1.1"


def test_a_second_registration_changes_nothing(table_ii: Database) -> None:
    before = dump_database(table_ii)
    assert not register_frontend(table_ii, ROW_1).changed
    assert dump_database(table_ii) == before


def test_a_new_name_keeps_the_row(table_ii: Database) -> None:
    result = register_frontend(
        table_ii, ROW_1._replace(name="head"), own_attributes={"default_disk": "sda"}
    )
    assert result.node.id == 1 and result.changed
    assert "frontend-0" not in addresses(table_ii)
    assert get_attribute(table_ii, "default_disk", Scope(node="head")) == "sda"


def test_a_replacement_machine_takes_over_the_row(table_ii: Database) -> None:
    result = register_frontend(table_ii, ROW_1._replace(mac="02:00:00:00:00:01"))
    assert (result.node.id, result.node.mac) == (1, "02:00:00:00:00:01")


def test_a_new_address_in_the_same_network_changes_no_other_node(table_ii: Database) -> None:
    before = addresses(table_ii)
    register_frontend(table_ii, ROW_1._replace(ip="10.1.1.2"))
    assert addresses(table_ii) == {**before, "frontend-0": "10.1.1.2"}


def test_a_network_without_the_addresses_of_nodes_is_refused(table_ii: Database) -> None:
    before = dump_database(table_ii)
    with pytest.raises(RocksError) as caught:
        register_frontend(table_ii, ROW_1._replace(ip="172.16.0.1", subnet="172.16.0.0/12"))
    assert caught.value.where == "frontend_private_subnet"
    assert "172.16.0.0/12" in caught.value.what and "frontend_readdress=true" in caught.value.hint
    assert "compute-0-0 (10.255.255.245), compute-0-1" in caught.value.what
    assert caught.value.what.endswith("network-0-0 (10.255.255.253) and 2 more")
    assert dump_database(table_ii) == before


def test_readdress_gives_nodes_free_addresses_in_the_new_network(
    table_ii: Database,
) -> None:
    result = register_frontend(
        table_ii, ROW_1._replace(ip="172.31.255.254", subnet="172.16.0.0/12"), readdress=True
    )
    assert result.readdressed == [name for name in addresses(table_ii) if name != "frontend-0"]
    assert addresses(table_ii)["frontend-0"] == "172.31.255.254"
    assert sorted(addresses(table_ii).values()) == sorted(
        f"172.31.255.{last}" for last in range(247, 255)
    )


def test_readdress_moves_a_node_with_the_frontends_new_address(table_ii: Database) -> None:
    result = register_frontend(table_ii, ROW_1._replace(ip="10.255.255.245"), readdress=True)
    assert result.readdressed == ["compute-0-0"]
    assert addresses(table_ii)["compute-0-0"] == "10.255.255.254"


def test_the_name_of_a_compute_node_is_refused(table_ii: Database) -> None:
    with pytest.raises(RocksError, match="frontend_name: compute-0-0"):
        register_frontend(table_ii, ROW_1._replace(name="compute-0-0"))


def test_a_renamed_frontend_is_still_the_frontend(table_ii: Database) -> None:
    ensure_nodes(table_ii, [{"was": "frontend-0", "name": "head"}], allow_frontend=True)
    assert register_frontend(table_ii, ROW_1).node.id == 1


def test_a_frontend_in_another_rack_is_identified_by_its_address(table_ii: Database) -> None:
    ensure_nodes(table_ii, [{"was": "frontend-0", "rack": 3}])
    result = register_frontend(table_ii, ROW_1._replace(name="head"))
    assert (result.node.id, result.node.rack) == (1, 3)


def test_a_frontend_membership_with_another_appliance_is_refused(database: Database) -> None:
    put_membership(database, "Frontend", appliance="compute", allow_frontend=True)
    with pytest.raises(RocksError, match="'Frontend' has appliance 'compute'"):
        register_frontend(database, ROW_1)
    assert list_nodes(database) == []


def test_the_module_predicts_its_change_and_is_idempotent(
    table_ii: Database,
) -> None:
    before = dump_database(table_ii)
    options: dict[str, Any] = {
        **{"name": "head", "address": "10.1.1.2", "subnet": "10.0.0.0/8", "zone": "cluster.local"},
        **{"attributes": {"frontend_name": "head"}, "database": table_ii.location.url},
    }
    predicted = run("rocks_frontend", check=True, diff=True, **options)
    assert dump_database(table_ii) == before
    result = run("rocks_frontend", diff=True, **options)
    assert predicted == result and result["changed"] and dump_database(table_ii) != before
    assert not run("rocks_frontend", **options)["changed"]
