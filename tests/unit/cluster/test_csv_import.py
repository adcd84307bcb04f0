"""Nodes from a CSV file: errors of all lines together; all lines or none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.csv_import import parse_table
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import ensure_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError

FILE = "hosts.csv"


def load(database: Database, text: str) -> list[str]:
    table = parse_table(text, FILE)
    changes = ensure_nodes(database, table.requests, faults=table.faults)
    return [change.after.name for change in changes]


def test_a_spreadsheet_of_machines_becomes_nodes(table_ii: Database) -> None:
    text = (
        "\ufeffMAC,membership,rack,rank,ip,comment\r\n"
        "# the new rack\r\n"
        "\r\n"
        '00-50-8B-00-00-01,,2,,,"wide, ""deep"""\r\n'
        " 00:50:8b:00:00:02 ,NFS Server, 2 ,4,10.2.0.4,\r\n"
    )
    assert load(table_ii, text) == ["compute-2-0", "nfs-2-4"]
    first, second = list_nodes(table_ii, ["compute-2-0", "nfs-2-4"])
    assert (first.comment, first.ip) == ('wide, "deep"', "10.255.255.254")
    assert (second.mac, second.ip) == ("00:50:8b:00:00:02", "10.2.0.4")


def test_importing_a_table_again_changes_nothing(table_ii: Database) -> None:
    text = "mac,rack,comment\n00:50:8b:00:00:01,2,new\n00:50:8b:e0:40:93,,Compute node\n"
    assert load(table_ii, text) == load(table_ii, text) == ["compute-2-0", "compute-0-3"]
    assert len(list_nodes(table_ii)) == 9


def test_errors_of_all_lines_are_reported_and_no_line_is_written(table_ii: Database) -> None:
    text = (
        "name,mac,membership,rack,rank,ip\n"
        "good,00:50:8b:00:00:01,Compute,2,0,\n"
        "short,00:50:8b:00:00:02\n"
        "one,nonsense,Compute,2,1,\n"
        "two,,Compute,two,2,\n"
        "rack7,,Compute,2,3,10.255.255.245\n"
        "three,,Computer,2,4,\n"
        "good,,Compute,2,5,\n"
        '"four,,Compute,2,6,\n'
    )
    with pytest.raises(RocksError) as raised:
        load(table_ii, text)
    summary, *errors = str(raised.value).splitlines()
    assert summary.startswith("8 errors")
    expected = (
        "hosts.csv:3: 2 values for 6 columns",
        "hosts.csv:9: .*unexpected end of data",
        "hosts.csv:5: rack is 'two'",
        "hosts.csv:8: the name 'good' is also at hosts.csv:2",
        "hosts.csv:4: 'nonsense'",
        "hosts.csv:6: .*10.255.255.245 belongs to compute-0-0",
        "hosts.csv:6: 'rack7' is reserved",
        "hosts.csv:7: .*'Computer'; did you mean Compute",
    )
    assert len(errors) == len(expected)
    for error, pattern in zip(errors, expected):
        assert re.match(f"  {pattern}", error)
    assert len(list_nodes(table_ii)) == 8


@pytest.mark.parametrize(
    ("first", "second", "claim"),
    [
        ("n1,,,,", "n1,,,,", "the name 'n1'"),
        (",00:50:8b:00:00:01,,,", ",0050.8B00.0001,,,", "the MAC 00:50:8b:00:00:01"),
        (",,,,10.2.0.4", ",,,,10.2.0.4", "the address 10.2.0.4"),
        (",,2,7,", "n1,,2,7,", "rack 2, rank 7 of membership 'Compute'"),
        (",,,7,", ",,0,7,", "rack 0, rank 7 of membership 'Compute'"),
        ("compute-0-3,,,,", ",00:50:8b:e0:40:93,,,", "node 'compute-0-3'"),
        ("n1,00:50:8b:00:00:01,0,0,", "n2,00:50:8b:00:00:01,0,0,", "the MAC 00:50:8b:00:00:01"),
    ],
)
def test_an_error_of_two_lines_names_both(
    table_ii: Database, first: str, second: str, claim: str
) -> None:
    with pytest.raises(RocksError) as raised:
        load(table_ii, f"name,mac,rack,rank,ip\n{first}\n# comment\n{second}\n")
    errors = [line for line in str(raised.value).splitlines() if "hosts.csv:4" in line]
    assert [line.strip() for line in errors] == [
        f"hosts.csv:4: {claim} is also at hosts.csv:2; remove or change one of the two"
    ]
    assert len(list_nodes(table_ii)) == 8


def test_nodes_can_pass_on_their_names_and_positions_in_one_table(table_ii: Database) -> None:
    changes = ensure_nodes(
        table_ii,
        [
            {"name": "compute-0-1", "new_name": "spare"},
            {"name": "compute-0-0", "new_name": "compute-0-1"},
        ],
    )
    assert [change.after.name for change in changes] == ["spare", "compute-0-1"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    try:
        table = parse_table("name,rack\n" + text, FILE)
    except DescriptionError:
        return
    assert all(request["where"].startswith("hosts.csv:") for request in table.requests)
