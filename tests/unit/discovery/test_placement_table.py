# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A list or a table gives the location of each machine; all its errors are reported together."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Location
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.placement_table import (
    listed_requests,
    location_of,
    locations_from_list,
    locations_from_table,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

MAC = "00:50:8b:e0:3a:a7"
OTHER_MAC = "00:50:8b:e0:44:5e"


def test_a_table_gives_locations_by_mac() -> None:
    text = f"mac,rack,rank\n{MAC.upper()}, 0, 3\n\n{OTHER_MAC},1,0\n"
    assert locations_from_table(text, "rack.csv") == {
        MAC: Location(rack=0, rank=3, where="rack.csv:2"),
        OTHER_MAC: Location(rack=1, rank=0, where="rack.csv:4"),
    }


def test_byte_order_mark_and_carriage_returns_of_a_spreadsheet_are_ignored() -> None:
    assert locations_from_table(f"\ufeffMAC,Rack\r\n{MAC},7\r\n", "t.csv") == {
        MAC: Location(rack=7, where="t.csv:2")
    }


def test_a_machine_is_located_by_its_switch_port() -> None:
    locations = locations_from_table(
        "switch,port,rack,rank\nswitch-0,ge-0/0/7,0,7\n,ge-9,9,9\n", "ports.csv"
    )
    assert location_of(DhcpRequest(MAC, switch="switch-0", port="ge-0/0/7"), locations) == Location(
        0, 7, where="ports.csv:2"
    )
    assert location_of(DhcpRequest(MAC, switch="any", port="ge-9"), locations) == Location(
        9, 9, where="ports.csv:3"
    )
    assert location_of(DhcpRequest(MAC, switch="switch-1", port="ge-0/0/7"), locations) is None
    assert location_of(DhcpRequest(MAC), locations) is None


def test_a_list_contains_macs_or_mappings() -> None:
    assert locations_from_list(
        [MAC, {"mac": OTHER_MAC, "rack": 1, "rank": 0, "name": "web-1-0", "ip": "10.255.255.246"}]
    ) == {
        MAC: Location(where="item 1"),
        OTHER_MAC: Location(rack=1, rank=0, name="web-1-0", ip="10.255.255.246", where="item 2"),
    }


def test_only_machines_listed_by_mac_get_a_request() -> None:
    locations = locations_from_list([MAC, {"port": "ge-9", "rack": 1}])
    assert list(listed_requests(locations)) == [DhcpRequest(MAC)]


def test_all_errors_of_a_table_are_reported_with_their_lines() -> None:
    text = (
        f"mac,rack,rank\n{MAC},0,0\n{MAC},0,1\nnonsense,0,2\n"
        f"{OTHER_MAC},-1,x\n,,\n,0,5\n{OTHER_MAC}\n"
    )
    with pytest.raises(DescriptionError) as caught:
        locations_from_table(text, "t.csv")
    message = str(caught.value)
    assert [
        line
        for line in ("t.csv:3", "t.csv:4", "t.csv:5", "t.csv:7", "t.csv:8")
        if f"{line}: " in message
    ] == [
        "t.csv:3",
        "t.csv:4",
        "t.csv:5",
        "t.csv:7",
        "t.csv:8",
    ]
    assert f"t.csv:3: {MAC} " in message and "t.csv:4: 'nonsense' " in message


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        ("7,0,,", "rack 7, rank 0"),
        (",5,,", "rank 5"),
        ("7,,io,", "name io"),
        ("7,,,10.0.0.9", "address 10.0.0.9"),
    ],
)
def test_a_duplicate_rank_name_or_address_is_an_error(row: str, claim: str) -> None:
    table = f"mac,rack,rank,name,ip\n{MAC},{row}\n{OTHER_MAC},{row}\n"
    with pytest.raises(
        DescriptionError,
        match=rf"^t\.csv:3: {claim} .* t\.csv:2",
    ):
        locations_from_table(table, "t.csv")


def test_two_memberships_can_use_the_same_rank_of_a_rack() -> None:
    text = f"mac,rack,rank,membership\n{MAC},7,0,Compute\n{OTHER_MAC},7,0,Ethernet Switches\n"
    assert len(locations_from_table(text, "t.csv")) == 2


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "mac,colour\n", "rack,rank\n", "mac,mac\n", 'mac\n"', "00:50:8b:e0:3a:a7,0,0\n"],
)
def test_a_table_without_valid_column_names_is_an_error(text: str) -> None:
    with pytest.raises(DescriptionError, match=r"t\.csv.*"):
        locations_from_table(text, "t.csv")


def test_an_unknown_key_in_a_list_is_reported_with_the_valid_ones() -> None:
    with pytest.raises(DescriptionError, match=r"^item 1: .*'colour'.* mac, switch, port"):
        locations_from_list([{"mac": MAC, "colour": "red"}])
