# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person sees: short lines, and a table that fits the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_display import (
    Table,
    line,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    ENTERED,
    KNOWN,
    LISTENING,
    OVER,
    PUBLISHED,
    REFUSED,
    STATE,
    TROUBLE,
    Event,
)

MAC = "00:50:8b:00:00:01"
TITLE = "insert-ethers: Compute, rack 0"


def entered(rank: int) -> Event:
    name, mac = f"compute-0-{rank}", f"00:50:8b:00:00:{rank:02x}"
    node = Node(
        0,
        name,
        mac,
        "Compute",
        "compute",
        "compute",
        "rocks",
        0,
        rank,
        f"10.255.255.{254 - rank}",
        "",
        "",
    )
    return Event(ENTERED, mac, name, node=node, sighting=Sighting(mac, architecture=7))


def test_each_event_is_one_line() -> None:
    assert [
        line(event)
        for event in (
            Event(LISTENING, text="the wire at eth1"),
            entered(4),
            Event(KNOWN, MAC, "compute-0-1"),
            Event(REFUSED, MAC, text="network 'private' is full;\n  widen it"),
            Event(STATE, name="compute-0-4", text="booted"),
            Event(STATE, name="compute-0-4", text="installing"),
            Event(TROUBLE, text="the database server does not answer"),
            Event(OVER, text="count"),
        )
    ] == [
        "listening to the wire at eth1",
        "compute-0-4 is 00:50:8b:00:00:04, 10.255.255.250 (x86_64 UEFI)",
        "00:50:8b:00:00:01 is compute-0-1 already",
        "00:50:8b:00:00:01 is not entered: network 'private' is full; widen it",
        "compute-0-4: ( ) booted",
        "compute-0-4: (*) installing",
        "waiting: the database server does not answer",
        "all that were wanted are there",
    ]


def test_the_table_shows_each_node_and_whether_it_asked_for_its_kickstart() -> None:
    table = Table(TITLE)
    for event in (
        entered(4),
        Event(PUBLISHED, text="hosts, kea"),
        entered(5),
        Event(STATE, name="compute-0-4", text="installing"),
        Event(KNOWN, MAC, "web-1-0"),
    ):
        table.add(event)
    assert table.lines(100, 24) == [
        TITLE,
        "node         MAC                address         machine      installation",
        "compute-0-4  00:50:8b:00:00:04  10.255.255.250  x86_64 UEFI  (*) installing",
        "compute-0-5  00:50:8b:00:00:05  10.255.255.249  x86_64 UEFI",
        "00:50:8b:00:00:01 is web-1-0 already",
    ]


def test_the_table_fits_the_terminal_and_shows_the_latest_nodes() -> None:
    table = Table(TITLE)
    for rank in range(100):
        table.add(entered(rank))
        table.add(Event(KNOWN, MAC, f"web-1-{rank}"))
    shown = table.lines(60, 24)
    assert len(shown) <= 24 and max(map(len, shown)) <= 60
    assert any("compute-0-99" in text for text in shown) and "… and 84 before these" in shown


EVENTS = st.builds(
    Event,
    st.sampled_from((LISTENING, KNOWN, REFUSED, STATE, TROUBLE, OVER)),
    mac=st.just(MAC),
    name=st.just("compute-0-4"),
    text=st.text(),
)


@given(st.lists(EVENTS, max_size=5))
def test_nothing_that_anybody_wrote_moves_the_cursor(events: list[Event]) -> None:
    table = Table(TITLE)
    table.add(entered(4))
    for event in events:
        table.add(event)
        assert line(event).isprintable()
    assert all(text.isprintable() for text in table.lines(200, 24))
