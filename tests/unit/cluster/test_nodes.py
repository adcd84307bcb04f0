"""Nodes are added, changed and removed; what a request omits is allocated (paper, 6.4)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import put_membership
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import (
    NewNode,
    Node,
    RowChange,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    list_interfaces,
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    add_nodes,
    ensure_nodes,
    ensure_nodes_absent,
    remove_nodes,
    replace_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import find_node, list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
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


def test_list_nodes_sorts_by_position_or_keeps_the_requested_order(
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


def test_an_unknown_node_is_an_error_with_a_suggestion(table_ii: Database) -> None:
    with pytest.raises(NotFound, match="'compute-0-33'; did you mean compute-0-3"):
        find_node(table_ii, "compute-0-33")
    with pytest.raises(NotFound, match=r"'a', 'b'; .*rocks_node_info"):
        list_nodes(table_ii, ["a", "web-1-0", "b"])


def test_the_next_compute_node_of_rack_0_is_compute_0_4(table_ii: Database) -> None:
    (node,) = add_nodes(table_ii, [NewNode(mac="00:50:8B:E0:40:96")])
    assert node == find_node(table_ii, "compute-0-4")
    assert node == COMPUTE_0_3._replace(
        id=9, name="compute-0-4", mac="00:50:8b:e0:40:96", rank=4, ip="10.255.255.254", comment=""
    )


def test_each_membership_and_rack_has_its_own_ranks(table_ii: Database) -> None:
    kinds = [
        ("Compute", 1),
        ("Ethernet Switches", 0),
        ("NFS Server", 0),
        ("Web Server", 1),
        ("Compute", 1),
        ("Login", 0),
    ]
    added = add_nodes(
        table_ii, [NewNode(membership=membership, rack=rack) for membership, rack in kinds]
    )
    assert [(node.name, node.ip) for node in added] == [
        ("compute-1-0", "10.255.255.254"),
        ("network-0-1", "10.255.255.252"),
        ("nfs-0-1", "10.255.255.251"),
        ("web-1-1", "10.255.255.250"),
        ("compute-1-1", "10.255.255.248"),
        ("login-0-0", "10.255.255.247"),
    ]


def positions(nodes: list[Node]) -> list[tuple[str, int, int]]:
    return [(node.name, node.rack, node.rank) for node in nodes]


def test_a_name_that_fits_the_pattern_gives_rack_and_rank(table_ii: Database) -> None:
    requests = [NewNode(name=name) for name in ("compute-3-1", "compute-3-2", "compute-0-9")]
    assert positions(add_nodes(table_ii, requests)) == [
        ("compute-3-1", 3, 1),
        ("compute-3-2", 3, 2),
        ("compute-0-9", 0, 9),
    ]
    assert add_nodes(table_ii, [NewNode(rack=3)])[0].name == "compute-3-3"


def test_a_requested_position_overrides_the_one_in_the_name(table_ii: Database) -> None:
    requests = [NewNode(name="compute-3-1", rack=4), NewNode(name="compute-3-2", rank=0)]
    assert positions(add_nodes(table_ii, requests)) == [
        ("compute-3-1", 4, 0),
        ("compute-3-2", 3, 0),
    ]


def test_a_name_whose_rank_is_taken_gets_the_next_rank(table_ii: Database) -> None:
    requests = [NewNode(name="gate", rank=5), NewNode(name="compute-0-5")]
    for order in (requests, requests[::-1]):
        with table_ii.transaction(dry_run=True):
            ranks = {node.name: node.rank for node in add_nodes(table_ii, order)}
        assert ranks == {"gate": 5, "compute-0-5": 6 if order == requests else 4}


def test_a_rank_whose_name_is_taken_is_skipped(table_ii: Database) -> None:
    add_nodes(
        table_ii, [NewNode(name=f"compute-2-{rank + 1}", rack=2, rank=rank) for rank in (0, 1)]
    )
    assert positions(add_nodes(table_ii, [NewNode(rack=2), NewNode(rack=2)])) == [
        ("compute-2-3", 2, 3),
        ("compute-2-4", 2, 4),
    ]


def test_a_rank_whose_name_is_reserved_is_skipped(table_ii: Database) -> None:
    put_membership(table_ii, "C1", appliance="compute")
    set_attribute(table_ii, "name_pattern", "c{rank}", Scope(appliance="compute"))
    remove_nodes(table_ii, [f"compute-0-{rank}" for rank in range(4)])
    assert [node.name for node in add_nodes(table_ii, [NewNode(), NewNode()])] == ["c0", "c2"]


def test_names_and_ranks_of_later_nodes_of_a_list_are_not_allocated(table_ii: Database) -> None:
    requests: list[dict[str, Any]] = [
        *({"mac": f"02:00:00:00:00:0{number}"} for number in range(3)),
        {"name": "compute-0-4"},
        {"rank": 6, "mac": "02:00:00:00:00:09"},
    ]
    changes = ensure_nodes(table_ii, requests)
    assert [change.after.rank for change in changes] == [5, 7, 8, 4, 6]


def test_the_memberships_of_an_appliance_count_their_ranks_together(table_ii: Database) -> None:
    put_membership(table_ii, "Testing", appliance="compute")
    requests = [NewNode(membership="Testing"), NewNode(), NewNode(membership="Testing")]
    assert positions(add_nodes(table_ii, requests)) == [
        ("compute-0-4", 0, 4),
        ("compute-0-5", 0, 5),
        ("compute-0-6", 0, 6),
    ]


@pytest.mark.parametrize("key", ["name", "mac"])
def test_a_node_keeps_its_rank_in_another_membership_of_its_appliance(
    table_ii: Database, key: str
) -> None:
    put_membership(table_ii, "Testing", appliance="compute")
    request = {key: getattr(COMPUTE_0_3, key), "membership": "Testing"}
    assert positions([ensure_nodes(table_ii, [request])[0].after]) == [("compute-0-3", 0, 3)]
    assert add_nodes(table_ii, [NewNode()])[0].name == "compute-0-4"


def test_a_pattern_without_the_rack_counts_over_all_racks(table_ii: Database) -> None:
    set_attribute(table_ii, "name_pattern", "c{rank:02}", Scope(appliance="compute"))
    racks = [NewNode(rack=rack) for rack in (1, 2, 1)]
    assert positions(add_nodes(table_ii, racks)) == [("c04", 1, 4), ("c05", 2, 5), ("c06", 1, 6)]
    assert positions([change_node(table_ii, "c05", rack=3)]) == [("c05", 3, 5)]
    assert positions(add_nodes(table_ii, [NewNode(name="c09", rack=4)])) == [("c09", 4, 9)]


def test_after_the_highest_rank_the_gaps_are_filled(table_ii: Database) -> None:
    add_nodes(table_ii, [NewNode(rank=99999)])
    remove_nodes(table_ii, ["compute-0-1"])
    added = add_nodes(table_ii, [NewNode(), NewNode()])
    assert [node.name for node in added] == ["compute-0-1", "compute-0-4"]


def test_a_name_that_the_pattern_cannot_give_is_an_error_that_names_the_attribute(
    table_ii: Database,
) -> None:
    # Earlier versions accepted it.
    table_ii.execute(
        "insert into attributes (scope, appliance, owner, name, value)"
        " values ('appliance', 2, 2, 'name_pattern', 'rack{rank}')"
    )
    with pytest.raises(DescriptionError, match=r"rank 4: 'rack4' is reserved.*name_pattern"):
        add_nodes(table_ii, [NewNode()])


def test_the_rank_of_a_removed_node_is_reused_only_on_request(table_ii: Database) -> None:
    remove_nodes(table_ii, ["compute-0-1"])
    assert add_nodes(table_ii, [NewNode()])[0].name == "compute-0-4"
    assert add_nodes(table_ii, [NewNode()], fill_gaps=True)[0].name == "compute-0-1"


def test_the_address_of_a_removed_node_is_reused(table_ii: Database) -> None:
    ips = {node.ip for node in add_nodes(table_ii, [NewNode() for _ in range(6)])}
    assert "10.255.255.247" in ips
    remove_nodes(table_ii, ["network-0-0"])
    assert add_nodes(table_ii, [NewNode()])[0].ip == "10.255.255.253"


def test_an_address_released_in_a_list_is_free_for_later_nodes_of_the_list(
    table_ii: Database,
) -> None:
    changes = ensure_nodes(
        table_ii,
        [
            {"mac": MAC},
            {"mac": "02:00:00:00:00:02"},
            {"name": "network-0-0", "ip": "none"},
            {"mac": "02:00:00:00:00:03"},
        ],
    )
    ips = [change.after.ip for change in changes]
    assert ips == ["10.255.255.254", "10.255.255.252", "", "10.255.255.253"]


def test_the_name_of_a_new_node_follows_name_pattern(table_ii: Database) -> None:
    set_attribute(table_ii, "name_pattern", "c{rank:04}", Scope(appliance="compute"))
    assert add_nodes(table_ii, [NewNode()])[0].name == "c0004"


def test_new_nodes_get_addresses_of_the_network_in_their_attribute(table_ii: Database) -> None:
    put_network(table_ii, "management", subnet="192.168.0.0/16", kind="management")
    set_attribute(table_ii, "network", "management", Scope(appliance="power"))
    power, private = add_nodes(
        table_ii,
        [NewNode(membership="Power Units"), NewNode(membership="Power Units", network="private")],
    )
    assert (power.ip, private.ip) == ("192.168.255.254", "10.255.255.254")


def test_every_field_of_a_new_node_can_be_set(table_ii: Database) -> None:
    fields: dict[str, Any] = {
        "membership": "Login",
        "rack": 3,
        "rank": 9,
        "name": "gate",
        "mac": MAC,
        "ip": "10.2.0.1",
        "arch": "aarch64",
        "comment": "login node",
    }
    (node,) = add_nodes(table_ii, [NewNode(**fields)])
    assert fields.items() <= node._asdict().items()


@pytest.mark.parametrize(
    ("new", "error_class", "message"),
    [
        pytest.param(NewNode(mac="nonsense"), DescriptionError, "'nonsense'", id="malformed-mac"),
        pytest.param(
            NewNode(mac="01:00:5e:00:00:01"), DescriptionError, "multicast", id="multicast-mac"
        ),
        pytest.param(
            NewNode(ip="10.1.1"),
            DescriptionError,
            "'10.1.1' is not a valid IPv4",
            id="malformed-address",
        ),
        pytest.param(
            NewNode(ip="11.0.0.1"),
            DescriptionError,
            "11.0.0.1 is outside every network; .*private 10.0.0.0/255.0.0.0",
            id="address-outside-every-network",
        ),
        pytest.param(NewNode(ip="10.255.255.255"), DescriptionError, "broadcast", id="broadcast"),
        pytest.param(
            NewNode(ip="10.255.255.245"),
            Conflict,
            "10.255.255.245 belongs to compute-0-0",
            id="address-taken",
        ),
        pytest.param(
            NewNode(mac="00:50:8B:E0:3A:A7"),
            Conflict,
            "00:50:8b:e0:3a:a7 belongs to compute-0-0; replace",
            id="mac-taken",
        ),
        pytest.param(
            NewNode(name="compute-0-0"),
            Conflict,
            "'compute-0-0' already exists",
            id="name-taken",
        ),
        pytest.param(
            NewNode(rank=3),
            Conflict,
            "rack 0, rank 3 of membership 'Compute'",
            id="position-taken",
        ),
        pytest.param(
            NewNode(membership="External", rack=3, rank=0, name="compute-0-0"),
            Conflict,
            "'compute-0-0' already exists",
            id="name-taken-by-another-appliance",
        ),
        pytest.param(
            NewNode(membership="Computer"),
            NotFound,
            "'Computer'; did you mean Compute",
            id="membership",
        ),
        pytest.param(
            NewNode(name="rack1"),
            DescriptionError,
            "'rack1' is reserved",
            id="rack1",
        ),
        pytest.param(
            NewNode(name="localhost"), DescriptionError, "'localhost' is reserved", id="localhost"
        ),
        pytest.param(
            NewNode(name="login"),
            DescriptionError,
            "'login' is reserved: .*appliance",
            id="appliance",
        ),
        pytest.param(
            NewNode(name="external"),
            DescriptionError,
            "'external' is reserved: .*'External'",
            id="group",
        ),
        pytest.param(NewNode(name="a.b"), DescriptionError, "'a.b' is not a valid", id="dot"),
        pytest.param(
            NewNode(rack=-1),
            DescriptionError,
            "rack -1 .*0 to 99999",
            id="rack-below",
        ),
        pytest.param(NewNode(rank=100000), DescriptionError, "rank 100000", id="rank-above"),
        pytest.param(
            NewNode(arch="x86 64"), DescriptionError, "'x86 64'.*known: x86_64", id="arch"
        ),
        pytest.param(NewNode(arch="amd64"), DescriptionError, "'amd64'.*write x86_64$", id="amd64"),
        pytest.param(NewNode(arch="ARM64"), DescriptionError, "'ARM64'.*aarch64$", id="arm64"),
        pytest.param(NewNode(arch="x86-64"), DescriptionError, "x86_64$", id="arch-hyphen"),
        pytest.param(NewNode(arch="X86_64"), DescriptionError, "x86_64$", id="arch-capitals"),
        pytest.param(
            NewNode(comment="a\x1b[2J"),
            DescriptionError,
            "comment.*control characters",
            id="comment",
        ),
        pytest.param(
            NewNode(network="moon"),
            NotFound,
            "'moon'",
            id="network",
        ),
    ],
)
def test_a_node_that_is_not_valid_is_reported_once_and_changes_nothing(
    table_ii: Database, new: NewNode, error_class: type[RocksError], message: str
) -> None:
    with pytest.raises(error_class, match=rf"hosts.csv:7: .*{message}") as raised:
        add_nodes(table_ii, [NewNode(mac=MAC), new._replace(where="hosts.csv:7")])
    assert str(raised.value).count("hosts.csv:7") == 1
    assert rows(table_ii) == list(TABLE_II)


def test_a_rank_whose_name_is_taken_is_an_error_with_the_remedy(table_ii: Database) -> None:
    add_nodes(table_ii, [NewNode(name="compute-0-7", rank=4)])
    with pytest.raises(Conflict, match=r"rank 7: node 'compute-0-7' .*leave the rank out"):
        add_nodes(table_ii, [NewNode(rank=7)])


def test_all_errors_of_all_nodes_are_reported_together(table_ii: Database) -> None:
    with pytest.raises(RocksError) as raised:
        add_nodes(
            table_ii,
            [
                NewNode(membership="Moon", mac="x", ip="y", name="rack1", rack=-1),
                NewNode(),
                NewNode(name="compute-0-0"),
            ],
        )
    summary, *errors = str(raised.value).splitlines()
    assert summary.startswith("6 errors")
    expected = (
        "rack1: .*'Moon'; known: Compute, ",
        "rack1: 'x' is not a valid MAC",
        "rack1: 'y' is not a valid IPv4",
        "rack1: 'rack1' is reserved",
        "rack1: rack -1",
        "compute-0-0: .*'compute-0-0' already exists",
    )
    assert len(errors) == len(expected)
    for error, pattern in zip(errors, expected):
        assert re.match(f"  {pattern}", error)


def test_two_new_nodes_cannot_share_a_mac_an_address_or_a_name(table_ii: Database) -> None:
    first = NewNode(name="first", mac=MAC, ip="10.2.0.1")
    for other, message in (
        (NewNode(mac=MAC), f"{MAC} belongs to first"),
        (NewNode(ip="10.2.0.1"), "10.2.0.1 belongs to first"),
        (NewNode(name="first"), "'first' already exists"),
    ):
        with pytest.raises(Conflict, match=message):
            add_nodes(table_ii, [first, other])
    assert rows(table_ii) == list(TABLE_II)


def test_macs_and_addresses_of_interfaces_are_in_use(table_ii: Database) -> None:
    put_interface(table_ii, "nfs-0-0", "bmc", mac=MAC, ip="10.2.0.1")
    with pytest.raises(Conflict, match=f"{MAC} belongs to nfs-0-0/bmc"):
        add_nodes(table_ii, [NewNode(mac=MAC)])
    with pytest.raises(Conflict, match=r"10.2.0.1 belongs to nfs-0-0/bmc"):
        add_nodes(table_ii, [NewNode(ip="10.2.0.1")])


def test_without_a_network_a_new_node_is_an_error_with_the_remedy(database: Database) -> None:
    with pytest.raises(NotFound, match=r"'private'.*rocks_network.*ip=none"):
        add_nodes(database, [NewNode()])
    assert add_nodes(database, [NewNode(ip="none")])[0].ip == ""


def test_ensuring_an_existing_node_changes_nothing(table_ii: Database) -> None:
    request = {
        "name": "compute-0-3",
        "mac": "00-50-8B-E0-40-93",
        "rack": 0,
        "rank": 3,
        "comment": "Compute node",
        "ip": None,
    }
    assert ensure_nodes(table_ii, [request]) == [RowChange(COMPUTE_0_3, COMPUTE_0_3)]
    request = {"mac": COMPUTE_0_3.mac, "network": "private"}
    assert ensure_nodes(table_ii, [request])[0].changed is False


def test_ensure_nodes_adds_missing_nodes_and_changes_existing_ones(
    table_ii: Database,
) -> None:
    new, changed = ensure_nodes(
        table_ii, [{"mac": MAC, "rack": 1}, {"name": "compute-0-3", "comment": "noisy fan"}]
    )
    assert (new.before, new.after.name) == (None, "compute-1-0")
    assert changed == RowChange(COMPUTE_0_3, COMPUTE_0_3._replace(comment="noisy fan"))


def test_a_node_identified_by_its_mac_is_renamed_for_its_new_position(table_ii: Database) -> None:
    (moved,) = ensure_nodes(table_ii, [{"mac": COMPUTE_0_3.mac, "rack": 1}])
    assert moved.after == COMPUTE_0_3._replace(name="compute-1-0", rack=1, rank=0)


def test_a_node_identified_by_its_name_keeps_it_at_its_new_position(table_ii: Database) -> None:
    request = {"name": "compute-0-3", "rack": 1}
    assert ensure_nodes(table_ii, [request])[0].after == COMPUTE_0_3._replace(rack=1, rank=0)
    assert ensure_nodes(table_ii, [request])[0].changed is False


def test_two_requests_for_one_node_are_an_error(table_ii: Database) -> None:
    first = {"name": "compute-0-3", "rack": 1, "where": "line 2"}
    second = {"mac": COMPUTE_0_3.mac, "rack": 2, "where": "line 3"}
    with pytest.raises(DescriptionError, match=r"^line 3: .*compute-0-3.* line 2"):
        ensure_nodes(table_ii, [first, second])


def test_a_change_that_is_not_valid_changes_nothing(table_ii: Database) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"mac": "00:50:8b:e0:3a:a7"},
        {"ip": "10.1.1.1"},
        {"name": "web-1-0"},
        {"rank": 0},
        {"membership": "Moon"},
    )
    for change in changes:
        with pytest.raises(RocksError, match=r"^compute-0-3: "):
            change_node(table_ii, "compute-0-3", **change)
    assert rows(table_ii) == list(TABLE_II)


def test_renaming_a_node_again_changes_nothing(table_ii: Database) -> None:
    assert change_node(table_ii, "compute-0-3", name="spare") == COMPUTE_0_3._replace(name="spare")
    request = {"name": "compute-0-3", "new_name": "spare", "comment": "resting"}
    spare = COMPUTE_0_3._replace(name="spare", comment="resting")
    assert ensure_nodes(table_ii, [request])[0].after == spare
    assert ensure_nodes(table_ii, [request])[0].changed is False


def test_renaming_an_unknown_node_is_an_error(table_ii: Database) -> None:
    with pytest.raises(NotFound, match="'compute-0-9'; did you mean"):
        ensure_nodes(table_ii, [{"name": "compute-0-9", "new_name": "spare"}])
    assert rows(table_ii) == list(TABLE_II)


def test_a_node_cannot_be_renamed_to_the_name_of_another(table_ii: Database) -> None:
    with pytest.raises(Conflict):
        ensure_nodes(table_ii, [{"name": "compute-0-3", "new_name": "web-1-0"}])


def test_a_moved_node_keeps_its_address_and_gets_the_next_rank(table_ii: Database) -> None:
    assert change_node(table_ii, "compute-0-3", rack=1) == COMPUTE_0_3._replace(
        name="compute-1-0", rack=1, rank=0
    )
    assert change_node(table_ii, "compute-1-0", rack=0, rank=9).name == "compute-0-9"
    assert change_node(table_ii, "compute-0-9", rack=0, membership="Login").name == "login-0-0"


def test_a_moved_node_keeps_a_name_that_does_not_follow_the_pattern(table_ii: Database) -> None:
    change_node(table_ii, "compute-0-3", name="fast")
    assert change_node(table_ii, "fast", rack=4).name == "fast"


def test_changing_the_network_of_a_node_changes_its_address_once(table_ii: Database) -> None:
    put_network(table_ii, "public", subnet="192.0.2.0/24", kind="public")
    assert change_node(table_ii, "web-1-0", network="public").ip == "192.0.2.254"
    assert change_node(table_ii, "web-1-0", network="public").ip == "192.0.2.254"
    assert change_node(table_ii, "web-1-0", ip="none").ip == ""
    assert change_node(table_ii, "web-1-0", ip="").ip == "10.255.255.254"


def test_an_empty_mac_removes_the_mac(table_ii: Database) -> None:
    assert change_node(table_ii, "web-1-0", mac="").mac == ""
    assert table_ii.row("select mac from nodes where name = 'web-1-0'") == (None,)


def test_a_replacement_gets_name_and_address_but_not_hardware_and_key(table_ii: Database) -> None:
    put_interface(table_ii, "compute-0-3", "bmc", mac="02:00:00:00:00:09", network="private")
    set_attribute(table_ii, "gpu", "yes", Scope(node="compute-0-3"))
    set_secret(table_ii, "node_key", "old disk", Scope(node="compute-0-3"))
    set_secret(table_ii, "ssh_host_key", "of the name", Scope(node="compute-0-3"))
    table_ii.execute("insert into hardware (node, cpus, memory, counted) values (7, 4, 1024, '')")
    node = replace_node(table_ii, "compute-0-3", MAC)
    assert node == COMPUTE_0_3._replace(mac=MAC)
    (bmc,) = list_interfaces(table_ii, "compute-0-3")
    assert (bmc.mac, bmc.ip) == ("", "10.255.255.254")
    assert table_ii.row("select count(*) from hardware") == (0,)
    assert effective_secrets(table_ii, node) == {"ssh_host_key": "of the name"}
    assert not table_ii.row("select 1 from nodes where mac = ?", (COMPUTE_0_3.mac,))


def test_replacing_a_machine_with_itself_changes_nothing(table_ii: Database) -> None:
    table_ii.execute("insert into hardware (node, cpus, memory, counted) values (7, 4, 1024, '')")
    assert replace_node(table_ii, "compute-0-3", COMPUTE_0_3.mac.upper()) == COMPUTE_0_3
    assert table_ii.row("select count(*) from hardware") == (1,)


def test_the_machine_of_another_node_cannot_replace_a_node(table_ii: Database) -> None:
    with pytest.raises(Conflict):
        replace_node(table_ii, "compute-0-3", "00:50:8b:e0:40:95")
    assert rows(table_ii) == list(TABLE_II)


def test_removing_a_node_deletes_its_attributes_and_frees_its_values(table_ii: Database) -> None:
    set_attribute(table_ii, "gpu", "yes", Scope(node="compute-0-3"))
    assert remove_nodes(table_ii, ["compute-0-3"]) == [COMPUTE_0_3]
    (node,) = add_nodes(table_ii, [NewNode(mac=COMPUTE_0_3.mac)])
    assert (node.name, node.ip) == ("compute-0-3", "10.255.255.254")
    assert table_ii.row("select count(*) from attributes where name = 'gpu'") == (0,)


def test_with_an_unknown_name_no_node_is_removed(table_ii: Database) -> None:
    with pytest.raises(NotFound):
        remove_nodes(table_ii, ["compute-0-3", "compute-9-9"])
    assert rows(table_ii) == list(TABLE_II)


def test_ensure_nodes_absent_ignores_unknown_nodes(table_ii: Database) -> None:
    requests = [
        {"name": "compute-0-3"},
        {"name": "compute-9-9"},
        {"mac": "00:01:e7:1a:be:00"},
        {"mac": MAC},
    ]
    changes = ensure_nodes_absent(table_ii, requests)
    assert [change.before.name for change in changes] == ["compute-0-3", "network-0-0"]
    assert ensure_nodes_absent(table_ii, requests) == []


def test_a_malformed_mac_is_an_error_when_removing_nodes(table_ii: Database) -> None:
    with pytest.raises(DescriptionError) as raised:
        ensure_nodes_absent(
            table_ii,
            [{"mac": "00:50:8b", "where": "hosts.csv:2"}],
            faults=[DescriptionError("damaged", "hosts.csv:1")],
        )
    _summary, first, second = str(raised.value).splitlines()
    assert first == "  hosts.csv:1: damaged"
    assert second.startswith("  hosts.csv:2: '00:50:8b'")
    assert rows(table_ii) == list(TABLE_II)


def test_errors_contain_no_control_sequences(table_ii: Database) -> None:
    for new in (
        NewNode(name="\x1b[2J"),
        NewNode(mac="\x1b[2J"),
        NewNode(membership="\x1b[2J"),
        NewNode(arch="\n"),
        NewNode(ip="\r"),
    ):
        with pytest.raises(RocksError) as raised:
            add_nodes(table_ii, [new])
        assert str(raised.value).isprintable()


def test_thousands_of_nodes_are_listed_and_removed(table_ii: Database) -> None:
    added = add_nodes(table_ii, [NewNode(rack=rack) for rack in range(2, 32) for _ in range(40)])
    assert len({node.ip for node in added}) == len({node.name for node in added}) == 1200
    assert list_nodes(table_ii, [node.name for node in added]) == added
    remove_nodes(table_ii, [node.name for node in added])
    assert rows(table_ii) == list(TABLE_II)
