"""The paper's cluster, and nodes that come and go in it."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import add, by_ip, by_mac, find
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import select


def test_the_papers_first_query_selects_cabinet_1(reader: Database) -> None:
    assert select(reader, "select name from nodes where rack=1").rows == [("web-1-0",)]


def test_the_next_compute_node_of_rack_0_is_compute_0_4(table_ii: Database) -> None:
    (node,) = add(table_ii, [NewNode(mac="00:50:8B:E0:40:96")])
    assert (
        node
        == find(table_ii, "compute-0-4")
        == by_mac(table_ii, "00:50:8b:e0:40:96")
        == by_ip(table_ii, "10.255.255.254")
    )
