"""The tables themselves reject invalid rows, whatever program writes them (contract C1)."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.schema import TABLES
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict
from support.cluster import TABLE_II

NODE = "insert into nodes (mac, name, membership, rack, `rank`, ip) values (?, ?, ?, ?, ?, ?)"
ORDER = (
    "insert into installs (uuid, node, state, live, distribution, arch, generation, profile,"
    " ordered_by, ordered, expires, changed) values"
    " (?, ?, ?, ?, 'rocks', 'x86_64', '4c19', 'a0', 'root', '2026-11-22 09:14:05', '', '')"
)


def order(database: Database, uuid: str, node: int, state: str, live: object) -> int:
    return database.insert(ORDER, (uuid, node, state, live))


def test_table_ii_is_stored_as_the_paper_prints_it(table_ii: Database) -> None:
    assert table_ii.rows(
        "select id, mac, name, membership, rack, `rank`, ip, comment from nodes order by id"
    ) == list(TABLE_II)


def test_a_new_database_contains_the_memberships_of_tables_ii_and_iii(
    database: Database,
) -> None:
    assert database.rows(
        "select id, name, appliance, compute from memberships where id <= 8 order by id"
    ) == [
        (1, "Frontend", 1, "no"),
        (2, "Compute", 2, "yes"),
        (3, "External", 1, "no"),
        (4, "Ethernet Switches", 4, "no"),
        (5, "Myrinet Switches", 4, "no"),
        (6, "Power Units", 5, "no"),
        (7, "NFS Server", 3, "no"),
        (8, "Web Server", 7, "no"),
    ]


def test_select_star_returns_the_columns_of_the_contract(database: Database) -> None:
    assert database.columns("nodes") == [
        "id",
        "mac",
        "name",
        "membership",
        "rack",
        "rank",
        "ip",
        "arch",
        "comment",
    ]
    assert database.columns("appliances") == ["id", "name", "root"]
    assert database.columns("memberships") == ["id", "name", "appliance", "distribution", "compute"]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(("00:50:8b:e0:3a:a7", "new", 2, 5, 0, "10.0.0.9"), id="mac"),
        pytest.param(("02:00:00:00:00:01", "compute-0-0", 2, 5, 0, "10.0.0.9"), id="name"),
        pytest.param(("02:00:00:00:00:01", "new", 2, 0, 0, "10.0.0.9"), id="position"),
        pytest.param(("02:00:00:00:00:01", "new", 2, 5, 0, "10.255.255.245"), id="ip"),
        pytest.param(("02:00:00:00:00:01", "new", 77, 5, 0, "10.0.0.9"), id="unknown-membership"),
        pytest.param(("02:00:00:00:00:01", "new", None, 5, 0, "10.0.0.9"), id="no-membership"),
    ],
)
def test_a_row_that_violates_a_key_is_rejected(table_ii: Database, row: tuple[object, ...]) -> None:
    with pytest.raises(Conflict):
        table_ii.execute(NODE, row)
    assert table_ii.row("select count(*) from nodes") == (8,)


def test_several_nodes_can_have_no_mac_and_no_address(table_ii: Database) -> None:
    table_ii.execute(NODE, (None, "a", 2, 5, 0, None))
    table_ii.execute(NODE, (None, "b", 2, 5, 1, None))
    assert table_ii.row("select count(*) from nodes where mac is null and ip is null") == (2,)


def test_a_node_has_at_most_one_live_order_and_any_number_of_others(table_ii: Database) -> None:
    order(table_ii, "u1", 4, "up", None)
    order(table_ii, "u2", 4, "failed", None)
    order(table_ii, "u3", 4, "ordered", 1)
    with pytest.raises(Conflict):
        order(table_ii, "u4", 4, "ordered", 1)
    order(table_ii, "u5", 5, "ordered", 1)
    assert table_ii.row("select count(*) from installs") == (4,)


@pytest.mark.parametrize(
    ("state", "live"), [("ordered", None), ("up", 1), ("ordered", 2), ("asleep", 1)]
)
def test_live_must_match_the_state_of_an_order(
    table_ii: Database, state: str, live: object
) -> None:
    with pytest.raises(Conflict):
        order(table_ii, "u1", 4, state, live)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(("global", None, 4, 4), id="global-with-a-node"),
        pytest.param(("node", None, 4, 5), id="another-owner"),
        pytest.param(("node", 2, 4, 4), id="both"),
        pytest.param(("galaxy", None, None, 0), id="unknown-scope"),
    ],
)
def test_the_owner_of_a_value_must_match_its_scope(
    table_ii: Database, row: tuple[object, ...]
) -> None:
    for table in ("attributes", "secrets"):
        with pytest.raises(Conflict):
            table_ii.execute(
                f"insert into {table} (scope, appliance, node, owner, name, value)"
                " values (?, ?, ?, ?, 'a', 'b')",
                row,
            )


def test_a_name_has_one_value_in_a_scope(table_ii: Database) -> None:
    insert = "insert into attributes (scope, owner, name, value) values ('global', 0, 'gpu', ?)"
    table_ii.execute(insert, ("yes",))
    with pytest.raises(Conflict):
        table_ii.execute(insert, ("no",))


def test_deleting_a_node_deletes_everything_that_belongs_to_it(table_ii: Database) -> None:
    install = order(table_ii, "u1", 4, "ordered", 1)
    table_ii.execute("insert into install_events (install, at) values (?, '')", (install,))
    table_ii.execute(
        "insert into install_keys (install, name, value) values (?, 'console', 'x')", (install,)
    )
    table_ii.execute("insert into interfaces (node, name) values (4, 'eth1')")
    table_ii.execute("insert into hardware (node, cpus, memory, counted) values (4, 1, 1, '')")
    for table in ("attributes", "secrets"):
        table_ii.execute(
            f"insert into {table} (scope, node, owner, name, value) values ('node', 4, 4, 'a', 'b')"
        )
    table_ii.execute(
        "insert into audit (at, actor, action, decision, node)"
        " values ('', '', '', '', 'compute-0-0')"
    )
    table_ii.execute("insert into node_states (node, heard) values (4, '')")
    table_ii.execute("delete from nodes where id = 4")
    counts = {table: table_ii.rows(f"select count(*) from {table}")[0][0] for table in TABLES[4:]}
    assert counts == {
        "interfaces": 0,
        "hardware": 0,
        "attributes": 2,
        "secrets": 0,
        "installs": 0,
        "install_keys": 0,
        "install_events": 0,
        "audit": 1,
        "site_keys": 0,
        "node_states": 0,
    }


def test_the_id_of_a_deleted_node_is_not_reused(table_ii: Database) -> None:
    table_ii.execute("delete from nodes where id = 8")
    assert table_ii.insert(NODE, ("02:00:00:00:00:01", "new", 2, 5, 0, None)) == 9


def test_a_membership_with_nodes_cannot_be_deleted(table_ii: Database) -> None:
    with pytest.raises(Conflict):
        table_ii.execute("delete from memberships where name = 'Compute'")
