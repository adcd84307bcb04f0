# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A list or a table says where each machine stands; all its faults are told at once, each with its line."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Place
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.placement_table import (
    listed_places,
    listed_sightings,
    place_of,
    table_places,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

MAC, OTHER = "00:50:8b:e0:3a:a7", "00:50:8b:e0:44:5e"


def test_a_table_leads_from_macs_to_places() -> None:
    text = f"mac,rack,rank\n{MAC.upper()}, 0, 3\n\n{OTHER},1,0\n"
    assert table_places(text, "rack.csv") == {
        MAC: Place(0, 3, where="rack.csv:2"),
        OTHER: Place(1, 0, where="rack.csv:4"),
    }


def test_a_spreadsheet_writes_a_mark_first_and_carriage_returns_last() -> None:
    assert table_places(f"\ufeffMAC,Rack\r\n{MAC},7\r\n", "t.csv") == {
        MAC: Place(7, where="t.csv:2")
    }


def test_a_machine_is_found_by_the_port_its_cable_is_in() -> None:
    places = table_places("switch,port,rack,rank\nswitch-0,ge-0/0/7,0,7\n,ge-9,9,9\n", "ports.csv")
    assert place_of(Sighting(MAC, switch="switch-0", port="ge-0/0/7"), places) == Place(
        0, 7, where="ports.csv:2"
    )
    assert place_of(Sighting(MAC, switch="any", port="ge-9"), places) == Place(
        9, 9, where="ports.csv:3"
    )
    assert place_of(Sighting(MAC, switch="switch-1", port="ge-0/0/7"), places) is None
    assert place_of(Sighting(MAC), places) is None


def test_a_list_holds_macs_or_rows() -> None:
    assert listed_places(
        [MAC, {"mac": OTHER, "rack": 1, "rank": 0, "name": "web-1-0", "ip": "10.255.255.246"}]
    ) == {
        MAC: Place(where="item 1"),
        OTHER: Place(1, 0, "web-1-0", "10.255.255.246", where="item 2"),
    }


def test_only_machines_that_are_listed_by_mac_count_as_seen() -> None:
    places = listed_places([MAC, {"port": "ge-9", "rack": 1}])
    assert list(listed_sightings(places)) == [Sighting(MAC)]


def test_all_faults_of_a_table_are_told_at_once_each_with_its_line() -> None:
    text = f"mac,rack,rank\n{MAC},0,0\n{MAC},0,1\nnonsense,0,2\n{OTHER},-1,x\n,,\n,0,5\n{OTHER}\n"
    with pytest.raises(DescriptionError) as caught:
        table_places(text, "t.csv")
    told = str(caught.value)
    assert [
        line
        for line in ("t.csv:3", "t.csv:4", "t.csv:5", "t.csv:7", "t.csv:8")
        if f"{line}: " in told
    ] == [
        "t.csv:3",
        "t.csv:4",
        "t.csv:5",
        "t.csv:7",
        "t.csv:8",
    ]
    assert f"{MAC} stands already at t.csv:2" in told and "'nonsense' is no MAC" in told


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        ("7,0,,", "rack 7, rank 0"),
        (",5,,", "rank 5"),
        ("7,,io,", "the name io"),
        ("7,,,10.0.0.9", "the address 10.0.0.9"),
    ],
)
def test_a_place_a_name_or_an_address_is_given_to_one_machine(row: str, claim: str) -> None:
    table = f"mac,rack,rank,name,ip\n{MAC},{row}\n{OTHER},{row}\n"
    with pytest.raises(
        DescriptionError,
        match=f"^t.csv:3: {claim} stands already at t.csv:2; remove one of the two$",
    ):
        table_places(table, "t.csv")


def test_machines_of_two_kinds_may_have_one_rank_of_a_rack() -> None:
    text = f"mac,rack,rank,membership\n{MAC},7,0,Compute\n{OTHER},7,0,Ethernet Switches\n"
    assert len(table_places(text, "t.csv")) == 2


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "mac,colour\n", "rack,rank\n", "mac,mac\n", 'mac\n"', "00:50:8b:e0:3a:a7,0,0\n"],
)
def test_a_table_without_a_first_line_that_names_columns_is_refused(text: str) -> None:
    with pytest.raises(DescriptionError, match=r"t\.csv.*"):
        table_places(text, "t.csv")


def test_an_unknown_key_in_a_list_is_told_with_the_known_ones() -> None:
    with pytest.raises(
        DescriptionError, match="item 1: unknown column 'colour'; columns: mac, switch, port"
    ):
        listed_places([{"mac": MAC, "colour": "red"}])
