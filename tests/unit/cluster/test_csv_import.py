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
        "hosts.csv:5: rack is 'two'",
        "hosts.csv:9: .*unexpected end of data",
        "hosts.csv:4: 'nonsense'",
        "hosts.csv:6: .*10.255.255.245 belongs to compute-0-0",
        "hosts.csv:6: 'rack7' is reserved",
        "hosts.csv:7: .*'Computer'; did you mean Compute",
        "hosts.csv:8: .*'good' already exists",
    )
    assert len(errors) == len(expected)
    for error, pattern in zip(errors, expected):
        assert re.match(f"  {pattern}", error)
    assert len(list_nodes(table_ii)) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "",
            "hosts.csv: .*empty.*name,mac,membership",
            id="empty",
        ),
        pytest.param("# only\n\n", "hosts.csv: .*empty", id="only-comments"),
        pytest.param(
            "name,colour\n",
            "hosts.csv:1: unknown column 'colour'.*name, mac",
            id="column",
        ),
        pytest.param("\nname,name\n", "hosts.csv:2: .*duplicate column 'name'", id="twice"),
        pytest.param(
            "compute-0-9,00:50:8b:00:00:01\n", "unknown column 'compute-0-9'", id="no-header"
        ),
    ],
)
def test_a_table_without_a_valid_header_is_rejected(text: str, message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        parse_table(text, FILE)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    try:
        table = parse_table("name,rack\n" + text, FILE)
    except DescriptionError:
        return
    assert all(request["where"].startswith("hosts.csv:") for request in table.requests)
