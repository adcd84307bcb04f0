"""Nodes come, change and go; what their descriptions leave out is found (paper, 6.4)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import set_attribute
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import (
    list_interfaces,
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    NewNode,
    Node,
    RowChange,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import put_network
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import (
    add_nodes,
    ensure_nodes,
    ensure_nodes_absent,
    find_node,
    list_nodes,
    remove_nodes,
    replace_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.secret_values import (
    effective_secrets,
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    RocksError,
)
from support.cluster import TABLE_II, change_node

MAC = "02:00:00:00:00:01"
COMPUTE_0_3 = Node(
    id=7,
    name="compute-0-3",
    mac="00:50:8b:e0:40:93",
    membership="Compute",
    appliance="compute",
    root="compute",
    distribution="rocks",
    rack=0,
    rank=3,
    ip="10.255.255.242",
    arch="x86_64",
    comment="Compute node",
)


def rows(database: Database) -> list[tuple[Any, ...]]:
    return database.rows(
        "select id, mac, name, membership, rack, `rank`, ip, comment from nodes order by id"
    )


def test_find_node_returns_the_node_with_the_name(table_ii: Database) -> None:
    assert find_node(table_ii, "compute-0-3") == COMPUTE_0_3


def test_nodes_come_by_membership_rack_and_rank_or_in_the_order_asked_for(
    table_ii: Database,
) -> None:
    assert [node.name for node in list_nodes(table_ii)] == [
        *("frontend-0", "compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"),
        *("network-0-0", "nfs-0-0", "web-1-0"),
    ]
    assert [node.name for node in list_nodes(table_ii, ["web-1-0", "nfs-0-0", "web-1-0"])] == [
        "web-1-0",
        "nfs-0-0",
    ]


def test_a_name_that_is_no_node_is_told_with_the_one_that_was_meant(table_ii: Database) -> None:
    with pytest.raises(NotFound) as raised:
        find_node(table_ii, "compute-0-33")
    assert "there is no node 'compute-0-33'; did you mean compute-0-3" in str(raised.value)
    with pytest.raises(NotFound) as raised:
        list_nodes(table_ii, ["a", "web-1-0", "b"])
    assert str(raised.value) == "there are no nodes 'a', 'b'; known: 8 names"


def test_the_next_compute_node_of_rack_0_is_compute_0_4(table_ii: Database) -> None:
    (node,) = add_nodes(table_ii, [NewNode(mac="00:50:8B:E0:40:96")])
    assert node == find_node(table_ii, "compute-0-4")
    assert node == COMPUTE_0_3._replace(
        id=9, name="compute-0-4", mac="00:50:8b:e0:40:96", rank=4, ip="10.255.255.254", comment=""
    )


def test_each_membership_and_rack_counts_for_itself(table_ii: Database) -> None:
    wanted = [
        ("Compute", 1),
        ("Ethernet Switches", 0),
        ("NFS Server", 0),
        ("Web Server", 1),
        ("Compute", 1),
        ("Login", 0),
    ]
    added = add_nodes(
        table_ii, [NewNode(membership=membership, rack=rack) for membership, rack in wanted]
    )
    assert [(node.name, node.ip) for node in added] == [
        ("compute-1-0", "10.255.255.254"),
        ("network-0-1", "10.255.255.252"),
        ("nfs-0-1", "10.255.255.251"),
        ("web-1-1", "10.255.255.250"),
        ("compute-1-1", "10.255.255.248"),
        ("login-0-0", "10.255.255.247"),
    ]


def test_a_removed_rank_is_given_again_only_on_request(table_ii: Database) -> None:
    remove_nodes(table_ii, ["compute-0-1"])
    assert add_nodes(table_ii, [NewNode()])[0].name == "compute-0-4"
    assert add_nodes(table_ii, [NewNode()], fill_gaps=True)[0].name == "compute-0-1"


def test_a_removed_address_is_free_again(table_ii: Database) -> None:
    ips = {node.ip for node in add_nodes(table_ii, [NewNode() for _ in range(6)])}
    assert "10.255.255.247" in ips
    remove_nodes(table_ii, ["network-0-0"])
    assert add_nodes(table_ii, [NewNode()])[0].ip == "10.255.255.253"


def test_an_address_that_is_given_up_in_a_list_is_free_for_the_rest_of_it(
    table_ii: Database,
) -> None:
    wanted = [
        {"mac": MAC},
        {"mac": "02:00:00:00:00:02"},
        {"name": "network-0-0", "ip": "none"},
        {"mac": "02:00:00:00:00:03"},
    ]
    done = ensure_nodes(table_ii, wanted)
    assert [one.after.ip for one in done] == [
        "10.255.255.254",
        "10.255.255.252",
        "",
        "10.255.255.253",
    ]


def test_a_site_names_its_nodes(table_ii: Database) -> None:
    set_attribute(table_ii, "name_pattern", "c{rank:04}", Scope(appliance="compute"))
    assert add_nodes(table_ii, [NewNode()])[0].name == "c0004"


def test_an_appliance_lives_on_the_network_that_its_attribute_names(table_ii: Database) -> None:
    put_network(table_ii, "management", subnet="192.168.0.0/16", kind="management")
    set_attribute(table_ii, "network", "management", Scope(appliance="power"))
    power, special = add_nodes(
        table_ii, [NewNode("Power Units"), NewNode("Power Units", network="private")]
    )
    assert (power.ip, special.ip) == ("192.168.255.254", "10.255.255.254")


def test_everything_can_be_given(table_ii: Database) -> None:
    wanted = NewNode("Login", 3, 9, "gate", MAC, "10.2.0.1", "aarch64", "the way in")
    (node,) = add_nodes(table_ii, [wanted])
    assert node[1:] == (
        "gate",
        MAC,
        "Login",
        "login",
        "login",
        "rocks",
        3,
        9,
        "10.2.0.1",
        "aarch64",
        "the way in",
    )


@pytest.mark.parametrize(
    ("wanted", "kind", "message"),
    [
        pytest.param(
            NewNode(mac="nonsense"), DescriptionError, "'nonsense' is no MAC", id="malformed-mac"
        ),
        pytest.param(
            NewNode(mac="01:00:5e:00:00:01"), DescriptionError, "multicast", id="multicast-mac"
        ),
        pytest.param(
            NewNode(ip="10.1.1"),
            DescriptionError,
            "'10.1.1' is no IPv4 address",
            id="malformed-address",
        ),
        pytest.param(
            NewNode(ip="11.0.0.1"),
            DescriptionError,
            "11.0.0.1 is outside every network; networks: private 10.0.0.0/255.0.0.0",
            id="address-outside-every-network",
        ),
        pytest.param(NewNode(ip="10.255.255.255"), DescriptionError, "broadcast", id="broadcast"),
        pytest.param(
            NewNode(ip="10.255.255.245"),
            Conflict,
            "the address 10.255.255.245 belongs to compute-0-0; leave it out",
            id="address-taken",
        ),
        pytest.param(
            NewNode(mac="00:50:8B:E0:3A:A7"),
            Conflict,
            "the MAC 00:50:8b:e0:3a:a7 belongs to compute-0-0; replace that node, or remove it first",
            id="mac-taken",
        ),
        pytest.param(
            NewNode(name="compute-0-0"),
            Conflict,
            "there is a node 'compute-0-0' already",
            id="name-taken",
        ),
        pytest.param(
            NewNode(rank=3),
            Conflict,
            "rack 0, rank 3 of membership 'Compute' is taken; name another",
            id="place-taken",
        ),
        pytest.param(
            NewNode("Computer"),
            NotFound,
            "there is no membership 'Computer'; did you mean Compute?",
            id="membership",
        ),
        pytest.param(
            NewNode(name="rack1"),
            DescriptionError,
            "'rack1' is reserved, it reads as a rack",
            id="rack1",
        ),
        pytest.param(
            NewNode(name="localhost"), DescriptionError, "'localhost' is reserved", id="localhost"
        ),
        pytest.param(
            NewNode(name="login"),
            DescriptionError,
            "'login' is reserved, it is an appliance",
            id="appliance",
        ),
        pytest.param(
            NewNode(name="external"),
            DescriptionError,
            "the group of membership 'External'",
            id="group",
        ),
        pytest.param(NewNode(name="a.b"), DescriptionError, "'a.b' is no host name", id="dot"),
        pytest.param(
            NewNode(rack=-1),
            DescriptionError,
            "rack -1 is out of range; 0 to 99999",
            id="rack-below",
        ),
        pytest.param(
            NewNode(rank=100000), DescriptionError, "rank 100000 is out of range", id="rank-above"
        ),
        pytest.param(
            NewNode(arch="x86 64"), DescriptionError, "'x86 64' is no architecture", id="arch"
        ),
        pytest.param(
            NewNode(comment="a\x1b[2J"),
            DescriptionError,
            "the comment holds control characters",
            id="comment",
        ),
        pytest.param(
            NewNode(network="moon"),
            NotFound,
            "there is no network 'moon' to take an address from",
            id="network",
        ),
    ],
)
def test_a_node_that_cannot_be_is_told_once_and_nothing_is_changed(
    table_ii: Database, wanted: NewNode, kind: type[RocksError], message: str
) -> None:
    with pytest.raises(kind) as raised:
        add_nodes(table_ii, [NewNode(mac=MAC), wanted._replace(where="hosts.csv:7")])
    assert str(raised.value).startswith("hosts.csv:7: ")
    assert str(raised.value).count("hosts.csv:7") == 1
    assert message in str(raised.value)
    assert rows(table_ii) == list(TABLE_II)


def test_all_faults_of_all_nodes_are_told_at_once(table_ii: Database) -> None:
    with pytest.raises(RocksError) as raised:
        add_nodes(
            table_ii,
            [
                NewNode("Moon", mac="x", ip="y", name="rack1", rack=-1),
                NewNode(),
                NewNode(name="compute-0-0"),
            ],
        )
    assert str(raised.value).splitlines() == [
        "6 errors, nothing was changed:",
        "  rack1: there is no membership 'Moon'; " + known_memberships(table_ii),
        "  rack1: 'x' is no MAC; a MAC looks like 00:50:8b:e0:3a:a7",
        "  rack1: 'y' is no IPv4 address; four numbers of 0 to 255, such as 10.1.1.1",
        "  rack1: 'rack1' is reserved, it reads as a rack; choose another name",
        "  rack1: rack -1 is out of range; 0 to 99999",
        "  compute-0-0: there is a node 'compute-0-0' already; choose another name, or remove that node first",
    ]


def known_memberships(database: Database) -> str:
    return "known: " + ", ".join(
        sorted(row[0] for row in database.rows("select name from memberships"))
    )


def test_two_new_nodes_cannot_share_a_mac_an_address_or_a_name(table_ii: Database) -> None:
    first = NewNode(name="one", mac=MAC, ip="10.2.0.1")
    for other, message in (
        (NewNode(mac=MAC), f"the MAC {MAC} belongs to one"),
        (NewNode(ip="10.2.0.1"), "the address 10.2.0.1 belongs to one"),
        (NewNode(name="one"), "there is a node 'one' already"),
    ):
        with pytest.raises(Conflict) as raised:
            add_nodes(table_ii, [first, other])
        assert message in str(raised.value)
    assert rows(table_ii) == list(TABLE_II)


def test_a_mac_of_an_interface_is_taken_too(table_ii: Database) -> None:
    put_interface(table_ii, "nfs-0-0", "bmc", mac=MAC, ip="10.2.0.1")
    with pytest.raises(Conflict) as raised:
        add_nodes(table_ii, [NewNode(mac=MAC)])
    assert f"the MAC {MAC} belongs to nfs-0-0/bmc" in str(raised.value)
    with pytest.raises(Conflict) as raised:
        add_nodes(table_ii, [NewNode(ip="10.2.0.1")])
    assert "the address 10.2.0.1 belongs to nfs-0-0/bmc" in str(raised.value)


def test_without_a_network_a_node_says_how_to_describe_one(database: Database) -> None:
    with pytest.raises(NotFound) as raised:
        add_nodes(database, [NewNode()])
    assert str(raised.value) == (
        "there is no network 'private' to take an address from; describe it with rocks_network, or give ip=none"
    )
    assert add_nodes(database, [NewNode(ip="none")])[0].ip == ""


def test_describing_a_node_again_changes_nothing(table_ii: Database) -> None:
    given = {
        "name": "compute-0-3",
        "mac": "00-50-8B-E0-40-93",
        "rack": 0,
        "rank": 3,
        "comment": "Compute node",
        "ip": None,
    }
    assert ensure_nodes(table_ii, [given]) == [RowChange(COMPUTE_0_3, COMPUTE_0_3)]
    assert (
        ensure_nodes(table_ii, [{"mac": COMPUTE_0_3.mac, "network": "private"}])[0].changed is False
    )


def test_a_described_node_is_added_when_it_is_not_there_and_changed_when_it_is(
    table_ii: Database,
) -> None:
    new, changed = ensure_nodes(
        table_ii, [{"mac": MAC, "rack": 1}, {"name": "compute-0-3", "comment": "noisy fan"}]
    )
    assert (new.before, new.after.name) == (None, "compute-1-0")
    assert changed == RowChange(COMPUTE_0_3, COMPUTE_0_3._replace(comment="noisy fan"))


def test_a_node_known_by_its_mac_is_named_after_its_new_place(table_ii: Database) -> None:
    (moved,) = ensure_nodes(table_ii, [{"mac": COMPUTE_0_3.mac, "rack": 1}])
    assert moved.after == COMPUTE_0_3._replace(name="compute-1-0", rack=1, rank=0)


def test_a_node_known_by_its_name_keeps_it_at_its_new_place(table_ii: Database) -> None:
    given = {"name": "compute-0-3", "rack": 1}
    assert ensure_nodes(table_ii, [given])[0].after == COMPUTE_0_3._replace(rack=1, rank=0)
    assert ensure_nodes(table_ii, [given])[0].changed is False


def test_one_node_is_described_once(table_ii: Database) -> None:
    with pytest.raises(DescriptionError) as raised:
        ensure_nodes(
            table_ii, [{"name": "compute-0-3", "rack": 1}, {"mac": COMPUTE_0_3.mac, "rack": 2}]
        )
    assert str(raised.value) == "compute-0-3: asked for 2 times; name each node once"


def test_a_change_that_cannot_be_leaves_everything(table_ii: Database) -> None:
    for bad in (
        {"mac": "00:50:8b:e0:3a:a7"},
        {"ip": "10.1.1.1"},
        {"name": "web-1-0"},
        {"rank": 0},
        {"membership": "Moon"},
    ):
        with pytest.raises(RocksError) as raised:
            change_node(table_ii, "compute-0-3", **bad)
        assert str(raised.value).startswith("compute-0-3: ")
    assert rows(table_ii) == list(TABLE_II)


def test_a_node_is_renamed_once(table_ii: Database) -> None:
    assert change_node(table_ii, "compute-0-3", name="spare") == COMPUTE_0_3._replace(name="spare")
    given = {"name": "compute-0-3", "new_name": "spare", "comment": "resting"}
    assert ensure_nodes(table_ii, [given])[0].after == COMPUTE_0_3._replace(
        name="spare", comment="resting"
    )
    assert ensure_nodes(table_ii, [given])[0].changed is False


def test_renaming_a_node_that_is_not_there_does_not_make_one(table_ii: Database) -> None:
    with pytest.raises(NotFound) as raised:
        ensure_nodes(table_ii, [{"name": "compute-0-9", "new_name": "spare"}])
    assert "there is no node 'compute-0-9'; did you mean" in str(raised.value)
    assert rows(table_ii) == list(TABLE_II)


def test_a_renamed_node_does_not_take_the_name_of_another(table_ii: Database) -> None:
    with pytest.raises(Conflict):
        ensure_nodes(table_ii, [{"name": "compute-0-3", "new_name": "web-1-0"}])


def test_a_moved_node_keeps_its_address_and_takes_the_next_rank(table_ii: Database) -> None:
    assert change_node(table_ii, "compute-0-3", rack=1) == COMPUTE_0_3._replace(
        name="compute-1-0", rack=1, rank=0
    )
    assert change_node(table_ii, "compute-1-0", rack=0, rank=9).name == "compute-0-9"
    assert change_node(table_ii, "compute-0-9", rack=0, membership="Login").name == "login-0-0"


def test_a_node_with_a_name_of_its_own_keeps_it_when_it_moves(table_ii: Database) -> None:
    change_node(table_ii, "compute-0-3", name="fast")
    assert change_node(table_ii, "fast", rack=4).name == "fast"


def test_a_node_changes_its_network(table_ii: Database) -> None:
    put_network(table_ii, "public", subnet="192.0.2.0/24", kind="public")
    assert change_node(table_ii, "web-1-0", network="public").ip == "192.0.2.254"
    assert change_node(table_ii, "web-1-0", network="public").ip == "192.0.2.254"
    assert change_node(table_ii, "web-1-0", ip="none").ip == ""
    assert change_node(table_ii, "web-1-0", ip="").ip == "10.255.255.254"


def test_a_mac_can_be_forgotten(table_ii: Database) -> None:
    assert change_node(table_ii, "web-1-0", mac="").mac == ""
    assert table_ii.row("select mac from nodes where name = 'web-1-0'") == (None,)


def test_a_new_machine_takes_the_place_of_an_old_one(table_ii: Database) -> None:
    put_interface(table_ii, "compute-0-3", "bmc", mac="02:00:00:00:00:09", network="private")
    set_attribute(table_ii, "gpu", "yes", Scope(node="compute-0-3"))
    set_secret(table_ii, "node_key", "old disk", Scope(node="compute-0-3"))
    set_secret(table_ii, "ssh_host_key", "of the name", Scope(node="compute-0-3"))
    table_ii.execute("insert into hardware (node, cpus, memory, counted) values (7, 4, 1024, '')")
    node = replace_node(table_ii, "compute-0-3", MAC)
    assert node == COMPUTE_0_3._replace(mac=MAC)
    assert [(one.mac, one.ip) for one in list_interfaces(table_ii, "compute-0-3")] == [
        ("", "10.255.255.254")
    ]
    assert table_ii.row("select count(*) from hardware") == (0,)
    assert effective_secrets(table_ii, node) == {"ssh_host_key": "of the name"}
    assert not table_ii.row("select 1 from nodes where mac = ?", (COMPUTE_0_3.mac,))


def test_replacing_a_machine_with_itself_forgets_nothing(table_ii: Database) -> None:
    table_ii.execute("insert into hardware (node, cpus, memory, counted) values (7, 4, 1024, '')")
    assert replace_node(table_ii, "compute-0-3", COMPUTE_0_3.mac.upper()) == COMPUTE_0_3
    assert table_ii.row("select count(*) from hardware") == (1,)


def test_a_machine_that_is_another_node_cannot_replace_one(table_ii: Database) -> None:
    with pytest.raises(Conflict):
        replace_node(table_ii, "compute-0-3", "00:50:8b:e0:40:95")
    assert rows(table_ii) == list(TABLE_II)


def test_removal_really_forgets(table_ii: Database) -> None:
    set_attribute(table_ii, "gpu", "yes", Scope(node="compute-0-3"))
    assert remove_nodes(table_ii, ["compute-0-3"]) == [COMPUTE_0_3]
    again = add_nodes(table_ii, [NewNode(mac=COMPUTE_0_3.mac)])[0]
    assert (again.name, again.ip) == ("compute-0-3", "10.255.255.254")
    assert table_ii.row("select count(*) from attributes where name = 'gpu'") == (0,)


def test_one_unknown_name_removes_nothing(table_ii: Database) -> None:
    with pytest.raises(NotFound):
        remove_nodes(table_ii, ["compute-0-3", "compute-9-9"])
    assert rows(table_ii) == list(TABLE_II)


def test_forgetting_what_is_not_there_is_no_error(table_ii: Database) -> None:
    wanted = [
        {"name": "compute-0-3"},
        {"name": "compute-9-9"},
        {"mac": "00:01:e7:1a:be:00"},
        {"mac": MAC},
    ]
    assert [one.before.name for one in ensure_nodes_absent(table_ii, wanted)] == [
        "compute-0-3",
        "network-0-0",
    ]
    assert ensure_nodes_absent(table_ii, wanted) == []


def test_what_is_no_mac_is_not_simply_absent(table_ii: Database) -> None:
    with pytest.raises(DescriptionError) as raised:
        ensure_nodes_absent(
            table_ii,
            [{"mac": "00:50:8b", "where": "hosts.csv:2"}],
            faults=[DescriptionError("torn", "hosts.csv:1")],
        )
    assert str(raised.value).splitlines()[1:] == [
        "  hosts.csv:1: torn",
        "  hosts.csv:2: '00:50:8b' is no MAC; a MAC looks like 00:50:8b:e0:3a:a7",
    ]
    assert rows(table_ii) == list(TABLE_II)


def test_an_error_never_moves_the_cursor_of_a_terminal(table_ii: Database) -> None:
    for bad in (
        NewNode(name="\x1b[2J"),
        NewNode(mac="\x1b[2J"),
        NewNode("\x1b[2J"),
        NewNode(arch="\n"),
        NewNode(ip="\r"),
    ):
        with pytest.raises(RocksError) as raised:
            add_nodes(table_ii, [bad])
        assert str(raised.value).isprintable()


def test_many_nodes_are_found_and_removed_at_once(table_ii: Database) -> None:
    added = add_nodes(table_ii, [NewNode(rack=rack) for rack in range(2, 32) for _ in range(40)])
    assert len({node.ip for node in added}) == len({node.name for node in added}) == 1200
    assert list_nodes(table_ii, [node.name for node in added]) == added
    remove_nodes(table_ii, [node.name for node in added])
    assert rows(table_ii) == list(TABLE_II)
