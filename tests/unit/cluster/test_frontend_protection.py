"""The rows of a frontend change only with allow_frontend, in every module that writes them."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import put_membership
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    add_nodes,
    ensure_nodes,
    replace_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict
from support.modules import run

MAC = "00:30:c1:d8:ac:80"
NEW_MAC = "02:00:00:00:00:01"

# Changes of what identifies the frontend; each is made with allow_frontend only.
CHANGES = [
    pytest.param("node", {"mac": MAC, "membership": "Compute"}, id="membership-by-mac"),
    pytest.param("node", {"name": "frontend-0", "membership": "Compute"}, id="membership-by-name"),
    pytest.param("node", {"name": "frontend-0", "membership": "External"}, id="external"),
    pytest.param("node", {"name": "frontend-0", "new_name": "compute-0-9"}, id="name"),
    pytest.param("node", {"name": "frontend-0", "ip": "10.1.1.2"}, id="address"),
    pytest.param("node", {"name": "frontend-0", "ip": "none"}, id="no-address"),
    pytest.param("node", {"name": "frontend-0", "mac": NEW_MAC}, id="mac"),
    pytest.param("node", {"name": "frontend-0", "mac": ""}, id="no-mac"),
    pytest.param("node", {"name": "frontend-0", "mac": NEW_MAC, "replace": True}, id="replaced"),
    pytest.param("node", {"mac": MAC, "rank": 3}, id="name-by-rank"),
    pytest.param("node", {"name": "frontend-0", "state": "absent"}, id="absent"),
    pytest.param("node", {"mac": MAC, "state": "absent"}, id="absent-by-mac"),
    pytest.param(
        "node", {"nodes": [{"mac": NEW_MAC}, {"mac": MAC, "membership": "Login"}]}, id="list"
    ),
    pytest.param(
        "node",
        {"nodes": [{"name": "compute-0-0"}, {"mac": MAC}], "state": "absent"},
        id="list-absent",
    ),
    pytest.param(
        "interface", {"node": "frontend-0", "name": "eth2", "ip": "none"}, id="interface-address"
    ),
    pytest.param(
        "interface", {"node": "frontend-0", "name": "eth2", "mac": ""}, id="interface-mac"
    ),
    pytest.param(
        "interface",
        {"node": "frontend-0", "name": "eth2", "state": "absent"},
        id="interface-absent",
    ),
    pytest.param(
        "membership",
        {"name": "Frontend", "appliance": "compute"},
        id="membership-of-another-appliance",
    ),
    pytest.param("membership", {"name": "Standby", "state": "absent"}, id="membership-absent"),
]
# Changes that keep what identifies the frontend, or set it for the first time.
HARMLESS = [
    pytest.param(
        "node", {"name": "frontend-0", "comment": "head", "arch": "aarch64"}, id="comment"
    ),
    pytest.param("node", {"mac": MAC, "rack": 2}, id="rack"),
    pytest.param(
        "node", {"name": "frontend-0", "membership": "Standby"}, id="another-frontends-membership"
    ),
    pytest.param("node", {"name": "compute-0-0", "membership": "Frontend"}, id="another-frontend"),
    pytest.param("node", {"name": "ext-0", "state": "absent"}, id="external-absent"),
    pytest.param("node", {"name": "frontend-9", "mac": NEW_MAC, "ip": "10.1.1.9"}, id="filled-in"),
    pytest.param(
        "interface", {"node": "frontend-0", "name": "bmc", "network": "private"}, id="new-interface"
    ),
    pytest.param(
        "interface", {"node": "frontend-0", "name": "eth2", "kind": "infiniband"}, id="kind"
    ),
    pytest.param("membership", {"name": "Frontend", "distribution": "next"}, id="distribution"),
    pytest.param(
        "membership", {"name": "External", "appliance": "compute"}, id="external-appliance"
    ),
]


@pytest.fixture
def cluster(table_ii: Database) -> Database:
    """Return Table II with a second NIC of the frontend, and rows that resemble the frontend's."""
    put_interface(
        table_ii, "frontend-0", "eth2", mac="02:00:00:00:00:ff", network="private", ip="10.1.2.1"
    )
    put_membership(table_ii, "Standby", appliance="frontend", distribution="rocks")
    add_nodes(
        table_ii,
        [
            NewNode(name="ext-0", membership="External"),
            NewNode(membership="Frontend", name="frontend-9", ip="none"),
        ],
    )
    return table_ii


@pytest.mark.parametrize(("module", "options"), CHANGES)
def test_changes_of_the_frontend_require_allow_frontend(
    cluster: Database, module: str, options: dict[str, Any]
) -> None:
    before = dump_database(cluster)
    url = cluster.location.url
    refused = run(f"rocks_{module}", options, database=url)
    assert "frontend" in refused["msg"] and "allow_frontend: true" in refused["msg"]
    assert dump_database(cluster) == before
    allowed = run(f"rocks_{module}", options, allow_frontend=True, database=url)
    assert allowed.get("changed") is True and dump_database(cluster) != before


@pytest.mark.parametrize(("module", "options"), HARMLESS)
def test_harmless_changes_do_not_require_allow_frontend(
    cluster: Database, module: str, options: dict[str, Any]
) -> None:
    result = run(f"rocks_{module}", options, database=cluster.location.url)
    assert result.get("changed") is True, result


def test_an_error_names_the_line_of_a_table_that_is_for_the_frontend(
    cluster: Database, tmp_path: pathlib.Path
) -> None:
    table = tmp_path / "rack.csv"
    table.write_text(
        f"mac,membership\n{MAC},Compute\n{NEW_MAC},Compute\n00:50:8b:e0:3a:a7,Nonsense\n",
        encoding="utf-8",
    )
    before = dump_database(cluster)
    for state in ("present", "absent"):
        result = run("rocks_node", csv=str(table), state=state, database=cluster.location.url)
        assert f"{table}:2: frontend-0 is the frontend (10.1.1.1)" in result["msg"]
        assert f"{table}:3" not in result["msg"]
    assert dump_database(cluster) == before


def test_replacing_the_frontend_with_its_own_mac_changes_nothing(table_ii: Database) -> None:
    assert replace_node(table_ii, "frontend-0", MAC) == find_node(table_ii, "frontend-0")


def test_the_address_in_frontend_address_is_reserved_for_the_frontend(
    database: Database,
) -> None:
    put_network(database, "private", subnet="10.0.0.0/29", zone="cluster")
    set_attribute(database, "frontend_address", "10.0.0.6")
    (node,) = add_nodes(database, [NewNode()])
    assert node.ip == "10.0.0.5"
    for name in ("compute-0-0", "compute-0-1"):
        with pytest.raises(Conflict, match="belongs to the frontend"):
            ensure_nodes(database, [{"name": name, "ip": "10.0.0.6"}])
    with pytest.raises(Conflict, match="belongs to the frontend"):
        put_interface(database, "compute-0-0", "eth1", ip="10.0.0.6")
    (frontend,) = add_nodes(database, [NewNode(membership="Frontend", ip="10.0.0.6")])
    assert (frontend.name, frontend.ip) == ("frontend-0", "10.0.0.6")


def test_an_interface_of_the_frontend_can_have_the_address_in_frontend_address(
    table_ii: Database,
) -> None:
    set_attribute(table_ii, "frontend_address", "10.1.2.1")
    assert put_interface(table_ii, "frontend-0", "eth2", ip="10.1.2.1").after.ip == "10.1.2.1"
