# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The output of a run: one line for each event, and a table that fits the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_display import (
    StatusTable,
    event_line,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Event, EventKind

MAC = "00:50:8b:00:00:01"
TITLE = "insert-ethers: Compute, rack 0"


def enrolled(rank: int) -> Event:
    name = f"compute-0-{rank}"
    mac = f"00:50:8b:00:00:{rank:02x}"
    node = Node(
        id=0,
        name=name,
        mac=mac,
        membership="Compute",
        appliance="compute",
        root="compute",
        distribution="rocks",
        rack=0,
        rank=rank,
        ip=f"10.255.255.{254 - rank}",
        arch="",
        comment="",
    )
    request = DhcpRequest(mac, architecture=7)
    return Event(EventKind.ENROLLED, mac=mac, name=name, node=node, request=request)


def test_each_event_is_one_line() -> None:
    events = (
        Event(EventKind.LISTENING, text="interface eth1"),
        enrolled(4),
        Event(EventKind.KNOWN, mac=MAC, name="compute-0-1"),
        Event(EventKind.REFUSED, mac=MAC, text="network 'private' is full;\n  widen it"),
        Event(EventKind.ORDER_STATE, name="compute-0-4", text="booted"),
        Event(EventKind.ORDER_STATE, name="compute-0-4", text="installing"),
        Event(EventKind.RETRYING, text="the database server does not answer"),
        Event(EventKind.ENDED, text="count"),
    )
    assert [event_line(event) for event in events] == [
        "reading DHCP requests from interface eth1",
        "compute-0-4 is 00:50:8b:00:00:04, 10.255.255.250 (x86_64 UEFI)",
        "00:50:8b:00:00:01 is already compute-0-1",
        "00:50:8b:00:00:01 not added: network 'private' is full; widen it",
        "compute-0-4: ( ) booted",
        "compute-0-4: (*) installing",
        "retrying: the database server does not answer",
        "requested number reached",
    ]


def test_the_table_shows_each_node_and_whether_it_requested_its_kickstart() -> None:
    table = StatusTable(TITLE)
    for event in (
        enrolled(4),
        Event(EventKind.REPORTS_WRITTEN, text="hosts, kea"),
        enrolled(5),
        Event(EventKind.ORDER_STATE, name="compute-0-4", text="installing"),
        Event(EventKind.KNOWN, mac=MAC, name="web-1-0"),
    ):
        table.add(event)
    assert table.lines(100, 24) == [
        TITLE,
        "node         MAC                address         machine      installation",
        "compute-0-4  00:50:8b:00:00:04  10.255.255.250  x86_64 UEFI  (*) installing",
        "compute-0-5  00:50:8b:00:00:05  10.255.255.249  x86_64 UEFI",
        "00:50:8b:00:00:01 is already web-1-0",
    ]


def test_the_table_fits_the_terminal_and_shows_the_latest_nodes() -> None:
    table = StatusTable(TITLE)
    for rank in range(100):
        table.add(enrolled(rank))
        table.add(Event(EventKind.KNOWN, mac=MAC, name=f"web-1-{rank}"))
    lines = table.lines(60, 24)
    assert len(lines) <= 24 and max(map(len, lines)) <= 60
    assert any("compute-0-99" in line for line in lines)
    assert any("84 earlier nodes" in line for line in lines)


EVENTS = st.builds(
    Event,
    st.sampled_from(
        (
            EventKind.LISTENING,
            EventKind.KNOWN,
            EventKind.REFUSED,
            EventKind.ORDER_STATE,
            EventKind.RETRYING,
            EventKind.ENDED,
        )
    ),
    mac=st.just(MAC),
    name=st.just("compute-0-4"),
    text=st.text(),
)


@given(st.lists(EVENTS, max_size=5))
def test_no_text_of_an_event_contains_control_characters(events: list[Event]) -> None:
    table = StatusTable(TITLE)
    table.add(enrolled(4))
    for event in events:
        table.add(event)
        assert event_line(event).isprintable()
    assert all(line.isprintable() for line in table.lines(200, 24))
