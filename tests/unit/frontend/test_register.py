# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend in its own database: Table II, row 1, and what becomes of it when name, address or network change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import get_attribute
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import put_membership
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import ensure_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.register import (
    Identity,
    register_frontend,
)
from support.modules import run

ROW_1 = Identity("frontend-0", "00:30:c1:d8:ac:80", "10.1.1.1", "x86_64", "10.0.0.0/8", "cluster")


def addresses(database: Database) -> dict[str, str]:
    return {node.name: node.ip for node in list_nodes(database)}


def test_a_new_database_gets_row_1_of_table_ii_and_the_network(database: Database) -> None:
    done = register_frontend(database, ROW_1, {"frontend_address": "10.1.1.1"})
    assert (
        done.node[1:4] == ("frontend-0", "00:30:c1:d8:ac:80", "Frontend")
        and done.node.comment == "Gateway machine"
    )
    assert (done.network.subnet, done.network.netmask, done.network.zone) == (
        "10.0.0.0",
        "255.0.0.0",
        "cluster",
    )
    assert get_attribute(database, "frontend_address") == "10.1.1.1"


def test_a_second_time_nothing_changes(table_ii: Database) -> None:
    before = dump_database(table_ii)
    assert not register_frontend(table_ii, ROW_1).changed
    assert dump_database(table_ii) == before


def test_another_name_is_the_same_row(table_ii: Database) -> None:
    done = register_frontend(
        table_ii, ROW_1._replace(name="head"), own_attributes={"ssh_host_rsa_key": "ssh-rsa AAAA"}
    )
    assert done.node.id == 1 and done.changed
    assert "frontend-0" not in addresses(table_ii)
    assert get_attribute(table_ii, "ssh_host_rsa_key", Scope(node="head")) == "ssh-rsa AAAA"


def test_another_machine_takes_the_row_of_the_one_that_died(table_ii: Database) -> None:
    done = register_frontend(table_ii, ROW_1._replace(mac="02:00:00:00:00:01"))
    assert (done.node.id, done.node.mac) == (1, "02:00:00:00:00:01")


def test_another_address_in_the_same_network_moves_nobody_else(table_ii: Database) -> None:
    before = addresses(table_ii)
    register_frontend(table_ii, ROW_1._replace(ip="10.1.1.2"))
    assert addresses(table_ii) == {**before, "frontend-0": "10.1.1.2"}


def test_another_network_is_refused_while_nodes_would_be_outside(table_ii: Database) -> None:
    before = dump_database(table_ii)
    with pytest.raises(RocksError) as caught:
        register_frontend(table_ii, ROW_1._replace(ip="172.16.0.1", subnet="172.16.0.0/12"))
    assert str(caught.value) == (
        "frontend_private_subnet: outside 172.16.0.0/12, or where the frontend is to be: compute-0-0 (10.255.255.245),"
        " compute-0-1 (10.255.255.244), compute-0-2 (10.255.255.243), compute-0-3 (10.255.255.242), network-0-0"
        " (10.255.255.253) and 2 more; with frontend_readdress=true they get the next free addresses, and must be"
        " started again"
    )
    assert dump_database(table_ii) == before


def test_another_network_gives_its_nodes_the_next_free_addresses_when_that_is_wanted(
    table_ii: Database,
) -> None:
    done = register_frontend(
        table_ii, ROW_1._replace(ip="172.31.255.254", subnet="172.16.0.0/12"), readdress=True
    )
    assert done.readdressed == [name for name in addresses(table_ii) if name != "frontend-0"]
    assert addresses(table_ii)["frontend-0"] == "172.31.255.254"
    assert sorted(addresses(table_ii).values()) == sorted(
        f"172.31.255.{last}" for last in range(247, 255)
    )


def test_a_node_gives_way_when_the_frontend_takes_its_address(table_ii: Database) -> None:
    done = register_frontend(table_ii, ROW_1._replace(ip="10.255.255.245"), readdress=True)
    assert done.readdressed == ["compute-0-0"]
    assert addresses(table_ii)["compute-0-0"] == "10.255.255.254"


def test_a_compute_nodes_name_is_not_taken_from_it(table_ii: Database) -> None:
    with pytest.raises(RocksError, match="compute-0-0 is a node already"):
        register_frontend(table_ii, ROW_1._replace(name="compute-0-0"))


def test_a_frontend_that_somebody_renamed_is_still_the_frontend(table_ii: Database) -> None:
    ensure_nodes(table_ii, [{"was": "frontend-0", "name": "head"}], allow_frontend=True)
    assert register_frontend(table_ii, ROW_1).node.id == 1


def test_a_frontend_in_another_rack_is_known_by_its_address(table_ii: Database) -> None:
    ensure_nodes(table_ii, [{"was": "frontend-0", "rack": 3}])
    done = register_frontend(table_ii, ROW_1._replace(name="head"))
    assert (done.node.id, done.node.rack) == (1, 3)


def test_a_membership_that_makes_no_frontends_is_refused(database: Database) -> None:
    put_membership(database, "Frontend", appliance="compute", allow_frontend=True)
    with pytest.raises(RocksError, match="membership 'Frontend' is of appliance 'compute'"):
        register_frontend(database, ROW_1)
    assert list_nodes(database) == []


def test_the_module_foretells_its_change_makes_it_once_and_then_leaves_it(
    table_ii: Database,
) -> None:
    before = dump_database(table_ii)
    options: dict[str, Any] = {
        **{"name": "head", "address": "10.1.1.2", "subnet": "10.0.0.0/8", "zone": "cluster.local"},
        **{"attributes": {"frontend_name": "head"}, "database": table_ii.location.url},
    }
    foretold = run("rocks_frontend", check=True, diff=True, **options)
    assert dump_database(table_ii) == before
    done = run("rocks_frontend", diff=True, **options)
    assert foretold == done and done["changed"] and dump_database(table_ii) != before
    assert not run("rocks_frontend", **options)["changed"]
