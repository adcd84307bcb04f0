# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is new gets a name, a place, an address and a row; who is not is left alone (paper, 6.4)."""

from __future__ import annotations

from typing import Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode, Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import check
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert import insert
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    Batch,
    Place,
    Placement,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    NotFound,
    RocksError,
    Unavailable,
)

COMPUTE_0_3 = "00:50:8b:e0:40:93"
NEW = [f"00:50:8b:00:00:{number:02x}" for number in range(1, 40)]


def seen(*macs: str, **fields: object) -> list[Sighting]:
    return [Sighting(mac, **fields) for mac in macs]  # type: ignore[arg-type]


def names(batch: Batch) -> list[str]:
    return [node.name for _sighting, node in batch.entered]


def test_the_next_machine_in_rack_0_is_compute_0_4_with_the_highest_free_address(
    table_ii: Database,
) -> None:
    batch = insert(table_ii, seen(NEW[0], interface="eth1", architecture=7), Placement())
    ((sighting, node),) = batch.entered
    assert (node.name, node.mac, node.rack, node.rank, node.ip, node.arch) == (
        "compute-0-4",
        NEW[0],
        0,
        4,
        "10.255.255.254",
        "x86_64",
    )
    assert node == nodes.find(table_ii, "compute-0-4") and sighting.mac == NEW[0]


def test_machines_get_their_ranks_in_the_order_in_which_they_asked(table_ii: Database) -> None:
    batch = insert(table_ii, seen(NEW[2], NEW[0], NEW[1]), Placement(rack=2))
    assert [(node.name, node.mac) for _sighting, node in batch.entered] == [
        ("compute-2-0", NEW[2]),
        ("compute-2-1", NEW[0]),
        ("compute-2-2", NEW[1]),
    ]


def test_a_known_machine_is_left_alone(table_ii: Database) -> None:
    before = nodes.nodes(table_ii)
    batch = insert(table_ii, seen(COMPUTE_0_3), Placement())
    assert batch == Batch(known=((Sighting(COMPUTE_0_3), "compute-0-3"),))
    assert nodes.nodes(table_ii) == before


def test_the_bmc_of_a_node_is_known_too(table_ii: Database) -> None:
    table_ii.execute(
        "insert into interfaces (node, name, kind, mac) values (7, 'bmc', 'bmc', ?)", (NEW[0],)
    )
    assert insert(table_ii, seen(NEW[0]), Placement()).known == ((Sighting(NEW[0]), "compute-0-3"),)


def test_one_mac_ten_times_in_a_burst_is_one_node(table_ii: Database) -> None:
    assert names(insert(table_ii, seen(*[NEW[0]] * 10), Placement())) == ["compute-0-4"]


def test_what_is_wanted_no_more_is_not_entered(table_ii: Database) -> None:
    batch = insert(table_ii, seen(*NEW[:3]), Placement(), most=2)
    assert names(batch) == ["compute-0-4", "compute-0-5"]
    assert not batch.refused and nodes.by_mac(table_ii, NEW[2]) is None


def test_a_switch_is_entered_the_same_way(table_ii: Database) -> None:
    ((_sighting, node),) = insert(
        table_ii, seen(NEW[0]), Placement(membership="Ethernet Switches")
    ).entered
    assert (node.name, node.root) == ("network-0-1", "")


def test_a_new_machine_takes_an_old_name_and_the_old_one_is_forgotten(table_ii: Database) -> None:
    old = nodes.find(table_ii, "compute-0-3")
    table_ii.execute("insert into interfaces (node, name, mac) values (7, 'eth1', ?)", (NEW[5],))
    ((_sighting, node),) = insert(
        table_ii, seen(NEW[0]), Placement(replace="compute-0-3"), most=1
    ).entered
    assert node == old._replace(mac=NEW[0])
    assert nodes.by_mac(table_ii, COMPUTE_0_3) is None and nodes.by_mac(table_ii, NEW[5]) is None


def test_a_machine_that_was_removed_is_new_when_it_asks_again(table_ii: Database) -> None:
    nodes.remove(table_ii, ["compute-0-1"])
    assert names(insert(table_ii, seen("00:50:8b:e0:44:5e"), Placement())) == ["compute-0-4"]


def test_gaps_are_filled_on_request(table_ii: Database) -> None:
    nodes.remove(table_ii, ["compute-0-1"])
    assert names(insert(table_ii, seen(*NEW[:2]), Placement(fill_gaps=True))) == [
        "compute-0-1",
        "compute-0-4",
    ]


def test_ranks_begin_where_they_are_told_to_and_pass_over_what_is_taken(table_ii: Database) -> None:
    nodes.add(table_ii, [NewNode(rank=10)])
    batch = insert(table_ii, seen(*NEW[:3]), Placement(rank=9))
    assert names(batch) == ["compute-0-9", "compute-0-11", "compute-0-12"]


def test_places_that_are_known_beforehand_count_and_other_machines_do_not(
    table_ii: Database,
) -> None:
    places = {
        NEW[0]: Place(3, 7),
        "ge-9": Place(3, 9, "oak"),
        NEW[1]: Place(membership="Power Units"),
    }
    machines = [Sighting(NEW[2]), Sighting(NEW[0]), Sighting(NEW[3], port="ge-9"), Sighting(NEW[1])]
    batch = insert(table_ii, machines, Placement(places=places))
    assert names(batch) == ["compute-3-7", "oak", "power-0-0"]
    assert [(refusal.sighting.mac, refusal.why) for refusal in batch.refused] == [
        (NEW[2], "stands in no line of the table")
    ]


def test_a_machine_behind_a_relay_gets_an_address_where_the_relay_is(table_ii: Database) -> None:
    table_ii.execute(
        "insert into networks (name, subnet, netmask, kind) values ('rack2', '192.168.2.0', '255.255.255.0', 'private')"
    )
    batch = insert(
        table_ii,
        [*seen(NEW[0], relay="192.168.2.1"), *seen(NEW[1], relay="172.16.0.1")],
        Placement(),
    )
    assert [node.ip for _sighting, node in batch.entered] == ["192.168.2.254"]
    assert [refusal.sighting.mac for refusal in batch.refused] == [NEW[1]]
    assert "relay 172.16.0.1, which is in none of our networks" in batch.refused[0].why


def test_who_asks_on_another_network_is_not_ours(table_ii: Database) -> None:
    machines = [*seen(NEW[0], interface="eth0"), *seen(NEW[1], interface="eth1"), *seen(NEW[2])]
    batch = insert(table_ii, machines, Placement(interface="eth1"))
    assert [node.mac for _sighting, node in batch.entered] == [NEW[1], NEW[2]]
    assert batch.refused[0].why == "asks on eth0, and the cluster's network is on eth1"


def test_a_site_names_its_nodes_in_its_own_way(table_ii: Database) -> None:
    table_ii.execute(
        "insert into attributes (scope, appliance, owner, name, value) values ('appliance', 2, 2, 'name_pattern', ?)",
        ("c{rank:04}",),
    )
    assert names(insert(table_ii, seen(NEW[0]), Placement())) == ["c0004"]


def test_only_firmware_is_entered_when_only_firmware_is_wanted(table_ii: Database) -> None:
    machines = [
        *seen(NEW[0], vendor="udhcp 1.35.0"),
        *seen(NEW[1], vendor="PXEClient:Arch:00000:UNDI:002001"),
    ]
    batch = insert(table_ii, machines, Placement(firmware_only=True))
    assert [node.mac for _sighting, node in batch.entered] == [NEW[1]]
    assert batch.refused[0].why.startswith("does not ask as booting firmware does")


def test_what_is_at_fault_stays_out_and_the_others_come_in(table_ii: Database) -> None:
    places = {NEW[0]: Place(0, 3, where="t.csv:2"), NEW[1]: Place(0, 8), NEW[2]: Place(100000, 0)}
    batch = insert(table_ii, seen(*NEW[:3]), Placement(places=places))
    assert names(batch) == ["compute-0-8"]
    told = {refusal.sighting.mac: refusal.why for refusal in batch.refused}
    assert f"t.csv:2: {NEW[0]}: rack 0, rank 3 of membership 'Compute' is taken" in told[NEW[0]]
    assert "rack 100000 is out of range" in told[NEW[2]]


def test_a_full_network_is_said_to_be_full(table_ii: Database) -> None:
    table_ii.execute("update networks set first = '10.255.255.253', last = '10.255.255.254'")
    batch = insert(table_ii, seen(*NEW[:2]), Placement())
    assert names(batch) == ["compute-0-4"]
    assert "network 'private' is full" in batch.refused[0].why


def test_what_must_be_done_with_a_node_is_done_before_its_row_counts(table_ii: Database) -> None:
    done: list[str] = []

    def order(entered: Sequence[Node]) -> None:
        for node in entered:
            if node.mac == NEW[1]:
                raise Conflict("no such generation", node.name)
            done.append(node.name)

    batch = insert(table_ii, seen(*NEW[:3]), Placement(), complete=order)
    assert names(batch) == ["compute-0-4", "compute-0-5"] and nodes.by_mac(table_ii, NEW[1]) is None
    assert [refusal.why for refusal in batch.refused] == ["compute-0-5: no such generation"]


def test_a_database_that_goes_away_leaves_nothing_half_done(table_ii: Database) -> None:
    def away(_entered: Sequence[Node]) -> None:
        raise Unavailable("the database server does not answer")

    before = nodes.nodes(table_ii)
    with pytest.raises(Unavailable):
        insert(table_ii, seen(*NEW[:2]), Placement(), complete=away)
    assert nodes.nodes(table_ii) == before


def test_a_rehearsal_says_the_same_and_leaves_nothing(table_ii: Database) -> None:
    before = nodes.nodes(table_ii)
    rehearsed = insert(table_ii, seen(*NEW[:2]), Placement(), keep=False)
    assert nodes.nodes(table_ii) == before
    real = insert(table_ii, seen(*NEW[:2]), Placement())
    assert [node._replace(id=0) for _seen, node in rehearsed.entered] == [
        node._replace(id=0) for _seen, node in real.entered
    ]


def test_two_insert_ethers_at_once_give_no_machine_two_names(
    table_ii: Database, urls: object
) -> None:
    with connect(table_ii.location.url) as other:
        first = insert(table_ii, seen(*NEW[:2]), Placement(rack=0))
        second = insert(other, seen(*NEW[:3]), Placement(rack=5))
    assert names(first) == ["compute-0-4", "compute-0-5"]
    assert names(second) == ["compute-5-0"]
    assert [name for _sighting, name in second.known] == ["compute-0-4", "compute-0-5"]


@pytest.mark.parametrize(
    ("placement", "error", "words"),
    [
        pytest.param(
            Placement(membership="Computer"), NotFound, "'Compute'", id="an unknown membership"
        ),
        pytest.param(
            Placement(rack=-1), RocksError, "rack -1 is out of range", id="a rack out of range"
        ),
        pytest.param(
            Placement(rank=100000),
            RocksError,
            "rank 100000 is out of range",
            id="a rank out of range",
        ),
        pytest.param(
            Placement(network="publik"), NotFound, "no network 'publik'", id="an unknown network"
        ),
        pytest.param(
            Placement(replace="compute-0-9"),
            NotFound,
            "compute-0-9",
            id="an unknown node to replace",
        ),
    ],
)
def test_what_would_refuse_every_machine_is_told_before_one_is_switched_on(
    table_ii: Database, placement: Placement, error: type[RocksError], words: str
) -> None:
    with pytest.raises(error, match=words):
        check(table_ii, placement)


def test_the_check_changes_nothing(table_ii: Database) -> None:
    before = nodes.nodes(table_ii)
    check(table_ii, Placement())
    assert nodes.nodes(table_ii) == before
