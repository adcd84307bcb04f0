"""Nodes from a CSV file: a report of every faulty line; all lines or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.csv_import import parse_table
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import (
    ensure_nodes,
    list_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError

FILE = "hosts.csv"


def load(database: Database, text: str) -> list[str]:
    found = parse_table(text, FILE)
    return [one.after.name for one in ensure_nodes(database, found.wanted, faults=found.faults)]


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


def test_importing_a_file_again_changes_nothing(table_ii: Database) -> None:
    text = "mac,rack,comment\n00:50:8b:00:00:01,2,new\n00:50:8b:e0:40:93,,Compute node\n"
    assert load(table_ii, text) == load(table_ii, text) == ["compute-2-0", "compute-0-3"]
    assert len(list_nodes(table_ii)) == 9


def test_every_faulty_line_is_told_and_none_is_taken(table_ii: Database) -> None:
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
    assert str(raised.value).splitlines() == [
        "8 errors, nothing was changed:",
        "  hosts.csv:3: 2 values for 6 columns; quote values that hold a comma",
        "  hosts.csv:5: rack is 'two'; a number is expected",
        "  hosts.csv:9: not comma-separated (unexpected end of data); look at its quotes",
        "  hosts.csv:4: 'nonsense' is no MAC; a MAC looks like 00:50:8b:e0:3a:a7",
        "  hosts.csv:6: the address 10.255.255.245 belongs to compute-0-0; leave it out to get the next free one",
        "  hosts.csv:6: 'rack7' is reserved, it reads as a rack; choose another name",
        "  hosts.csv:7: there is no membership 'Computer'; did you mean Compute?",
        "  hosts.csv:8: there is a node 'good' already; choose another name, or remove that node first",
    ]
    assert len(list_nodes(table_ii)) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "",
            "hosts.csv: the table is empty; its first line names the columns: name,mac,",
            id="empty",
        ),
        pytest.param("# only\n\n", "the table is empty", id="only-comments"),
        pytest.param(
            "name,colour\n",
            "hosts.csv:1: unknown column 'colour'; known columns: name, mac",
            id="column",
        ),
        pytest.param(
            "\nname,name\n", "hosts.csv:2: column 'name' stands there twice; keep one", id="twice"
        ),
        pytest.param(
            "compute-0-9,00:50:8b:00:00:01\n", "unknown column 'compute-0-9'", id="no-header"
        ),
    ],
)
def test_a_table_without_a_header_is_refused(text: str, message: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse_table(text, FILE)
    assert message in str(raised.value)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_table("name,rack\n" + text, FILE)
    except DescriptionError:
        return
    assert all(one["where"].startswith("hosts.csv:") for one in found.wanted)
