"""The details of nodes for troubleshooting."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_details import describe_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound

ORDER = (
    "insert into installs (uuid, node, state, live, distribution, arch, generation, profile,"
    " ordered_by, ordered, expires, changed) values"
    " (?, 7, ?, ?, 'rocks', 'x86_64', '4c19', 'a0', 'root', '2026-11-22 09:14:05', 'e', 'c')"
)


def test_details_contain_everything_about_a_node_except_secrets(table_ii: Database) -> None:
    put_interface(table_ii, "compute-0-3", "bmc", mac="02:00:00:00:00:01", network="private")
    set_attribute(table_ii, "gpu", "yes")
    set_secret(table_ii, "munge", "swordfish")
    table_ii.execute(
        "insert into hardware (node, cpus, memory, counted) values (7, 8, 32000, 'today')"
    )
    table_ii.execute(ORDER, ("u1", "up", None))
    table_ii.execute(ORDER, ("u2", "ordered", 1))
    (details,) = describe_nodes(table_ii, ["compute-0-3"], attributes=True)
    attributes = details.pop("attributes")
    assert details == {
        "name": "compute-0-3",
        "mac": "00:50:8b:e0:40:93",
        "membership": "Compute",
        "appliance": "compute",
        "root": "compute",
        "distribution": "rocks",
        "rack": 0,
        "rank": 3,
        "ip": "10.255.255.242",
        "arch": "x86_64",
        "comment": "Compute node",
        "interfaces": [
            {
                "name": "bmc",
                "kind": "bmc",
                "network": "private",
                "mac": "02:00:00:00:00:01",
                "ip": "10.255.255.254",
            }
        ],
        "hardware": {
            "cpus": 8,
            "sockets": 1,
            "cores": 1,
            "threads": 1,
            "memory": 32000,
            "disk": 0,
            "gpus": 0,
            "vendor": "",
            "product": "",
            "serial": "",
            "firmware": "",
            "counted": "today",
        },
        "install": {
            "state": "ordered",
            "distribution": "rocks",
            "generation": "4c19",
            "profile": "a0",
            "ordered_by": "root",
            "ordered": "2026-11-22 09:14:05",
            "expires": "e",
            "changed": "c",
            "phase": "",
            "message": "",
            "reason": "",
        },
    }
    assert attributes["gpu"] == {"value": "yes", "source": "global"}
    assert attributes["hostname"] == {"value": "compute-0-3", "source": "intrinsic"}
    assert "munge" not in attributes


def test_details_of_all_nodes_are_returned_by_default(table_ii: Database) -> None:
    nodes = describe_nodes(table_ii)
    assert [node["name"] for node in nodes][:2] == ["frontend-0", "compute-0-0"]
    assert all(node["interfaces"] == [] and "attributes" not in node for node in nodes)


def test_details_of_an_unknown_node_are_an_error(table_ii: Database) -> None:
    with pytest.raises(NotFound):
        describe_nodes(table_ii, ["compute-9-9"])
