# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The loop waits, enters, publishes and tells; what cannot be done now is done later."""

from __future__ import annotations

from typing import Callable, Iterator, Optional, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import (
    Office,
    Source,
    Until,
    watch,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    ENTERED,
    KNOWN,
    LISTENING,
    OVER,
    REFUSED,
    STATE,
    TROUBLE,
    Batch,
    Event,
    Refusal,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    RocksError,
    Unavailable,
)


def mac(number: int) -> str:
    return f"00:50:8b:00:00:{number:02x}"


class World:
    """Machines that ask at given seconds, a database and services that fail at given seconds; its own clock."""

    name, exhausted = "the wire at eth1", False

    def __init__(self, *asking: tuple[float, int]) -> None:
        self.clock, self.asking = 1000.0, [(1000.0 + at, number) for at, number in asking]
        self.away: tuple[float, float] = (0, 0)
        self.refusing: tuple[float, float] = (0, 0)
        self.batches: list[list[str]] = []
        self.published: list[int] = []
        self.rows: dict[str, str] = {}
        self.poison = ""
        self.served = 0
        self.orders: Callable[[float], str] = lambda _at: "ordered"

    # The source.
    def fileno(self) -> int:
        return -1

    def read(self) -> list[Sighting]:
        now = [number for at, number in self.asking if at <= self.clock]
        self.asking = [(at, number) for at, number in self.asking if at > self.clock]
        return [Sighting(mac(number)) for number in now]

    def close(self) -> None: ...

    # The office.
    def enter(self, sightings: Sequence[Sighting], most: Optional[int]) -> Batch:
        self._is_there(self.away)
        new = [sighting for sighting in sightings if sighting.mac not in self.rows][:most]
        known = [
            (sighting, self.rows[sighting.mac])
            for sighting in sightings
            if sighting.mac in self.rows
        ]
        bad = [sighting for sighting in new if sighting.mac == mac(0xEE)]
        good = [sighting for sighting in new if sighting not in bad]
        entered = []
        for sighting in good:
            name = self.rows[sighting.mac] = f"compute-0-{len(self.rows)}"
            entered.append(
                (
                    sighting,
                    Node(0, name, sighting.mac, "Compute", "compute", "", "", 0, 0, "", "", ""),
                )
            )
        self.batches.append([sighting.mac for sighting in sightings])
        return Batch(
            tuple(entered), tuple(known), tuple(Refusal(sighting, "no place") for sighting in bad)
        )

    def publish(self) -> list[str]:
        self._is_there(self.refusing)
        if self.poison in self.rows:
            raise CommandError("syntax error", "kea-dhcp4 -t")
        if len(self.rows) != self.served:
            self.published.append(len(self.rows))
        self.served = len(self.rows)
        return []

    def withdraw(self, names: Sequence[str]) -> bool:
        without = {mac: name for mac, name in self.rows.items() if name not in names}
        if self.poison in without:
            return False
        self.rows = without
        return True

    def states(self, names: Sequence[str]) -> dict[str, str]:
        self._is_there(self.away)
        return dict.fromkeys(names, self.orders(self.clock - 1000.0))

    def _is_there(self, gone: tuple[float, float]) -> None:
        if gone[0] <= self.clock - 1000.0 < gone[1]:
            raise Unavailable("the database server does not answer")

    def run(self, until: Until, stop_at: float = 60.0) -> Iterator[Event]:
        """All events; after a minute somebody presses the key that stops it."""

        def wait(_source: Source, seconds: float) -> None:
            self.clock += min(seconds, 0.05)

        office = Office(self.enter, self.publish, self.withdraw, self.states)
        return watch(
            self,
            office,
            until,
            stop=lambda: self.clock >= 1000.0 + stop_at,
            now=lambda: self.clock,
            wait=wait,
        )


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.kind for event in events]


def told(events: Sequence[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def test_it_ends_when_all_that_were_wanted_are_there() -> None:
    world = World((0, 1), (5, 2), (9, 3))
    events = list(world.run(Until(count=2)))
    assert [event.mac for event in told(events, ENTERED)] == [mac(1), mac(2)]
    assert (events[0], events[-1]) == (
        Event(LISTENING, text="the wire at eth1"),
        Event(OVER, text="count"),
    )
    assert world.clock < 1006


def test_a_machine_is_entered_well_before_its_firmware_asks_again() -> None:
    # iPXE asks at 0, 1, 3 and 7 seconds.
    world, events = World((0, 1), (1, 1), (3, 1)), []
    for event in world.run(Until(count=1)):
        events.append((event.kind, world.clock - 1000.0))
    entered = dict(events)[ENTERED]
    assert entered < 0.2


def test_a_rack_that_is_switched_on_at_once_is_one_batch_and_the_services_are_told_once() -> None:
    world = World(*((0.5 + number / 1000, number) for number in range(32)))
    events = list(world.run(Until(count=32)))
    assert len(told(events, ENTERED)) == 32
    assert len(world.batches) == len(world.published) == 1


def test_machines_that_never_stop_asking_do_not_hold_up_the_first_one() -> None:
    world = World(*((number / 20, number) for number in range(200)))
    first = next(event for event in world.run(Until()) if event.kind == ENTERED)
    assert first.mac == mac(0) and world.clock < 1000.5


def test_what_was_seen_while_the_database_was_away_is_entered_when_it_is_back() -> None:
    world = World((1, 1), (20, 2), (40, 3))
    world.away = (0.5, 55)
    events = list(world.run(Until(count=3), stop_at=100))
    assert kinds(events) == [
        LISTENING,
        TROUBLE,
        ENTERED,
        ENTERED,
        ENTERED,
        STATE,
        STATE,
        STATE,
        OVER,
    ]
    assert 55 <= world.clock - 1000 <= 57


def test_a_database_that_stays_away_is_told_at_the_end() -> None:
    world = World((1, 1))
    world.away = (0, 1000)
    with pytest.raises(Unavailable, match="does not answer"):
        list(world.run(Until(seconds=5)))


def test_a_service_that_refuses_is_told_and_tried_again() -> None:
    world = World((1, 1))
    world.refusing = (0.5, 7)
    events = list(world.run(Until(count=1)))
    assert kinds(events) == [LISTENING, ENTERED, TROUBLE, STATE, OVER]
    assert world.published == [1] and world.clock - 1000 >= 7


def test_a_service_that_never_takes_the_new_node_fails_the_run_and_the_node_stays() -> None:
    world, events = World((1, 1)), []
    world.refusing = (0, 1000)
    with pytest.raises(RocksError):
        for event in world.run(Until(seconds=5)):
            events.append(event)
    assert len(told(events, ENTERED)) == 1 and events[-1] == Event(OVER, text="timeout")


def test_a_node_that_would_spoil_a_services_file_is_taken_back_out_and_the_others_stay() -> None:
    world = World((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3))
    world.poison = mac(2)
    events = list(world.run(Until(count=2)))
    assert [event.mac for event in told(events, ENTERED)] == [mac(1), mac(3)]
    assert told(events, REFUSED)[0][:4] == (REFUSED, mac(2), "", "kea-dhcp4 -t: syntax error")
    assert set(world.rows) == {mac(1), mac(3)} and world.published


def test_what_a_killed_run_entered_is_told_to_the_services_at_once() -> None:
    world = World()
    world.rows[mac(9)] = "compute-9-9"
    list(world.run(Until(seconds=1)))
    assert world.published == [1]


def test_nodes_that_are_not_at_fault_stay_when_a_service_refuses_its_file() -> None:
    world, events = World((1, 1)), []
    world.rows[mac(9)], world.poison = "compute-9-9", mac(9)
    with pytest.raises(CommandError):
        for event in world.run(Until(seconds=5)):
            events.append(event)
    assert kinds(events) == [LISTENING, TROUBLE, ENTERED, STATE, OVER]


def test_a_known_or_refused_machine_is_told_once_however_often_it_asks() -> None:
    world = World(*((at, 7) for at in range(10)), *((at, 0xEE) for at in range(10)))
    world.rows[mac(7)] = "compute-0-0"
    events = list(world.run(Until(seconds=12)))
    assert [(event.mac, event.name) for event in told(events, KNOWN)] == [(mac(7), "compute-0-0")]
    assert [(event.mac, event.text) for event in told(events, REFUSED)] == [(mac(0xEE), "no place")]


def test_a_machine_that_was_just_entered_is_not_told_to_be_known() -> None:
    world = World((0, 1), (1, 1), (3, 1))
    assert told(list(world.run(Until(seconds=10))), KNOWN) == []


def test_it_tells_when_a_node_asks_for_its_kickstart() -> None:
    world = World((0, 1))
    world.orders = lambda at: "ordered" if at < 2 else "booted" if at < 4 else "installing"
    events = list(world.run(Until(count=1, asked=True)))
    assert [event.text for event in told(events, STATE)] == ["ordered", "booted", "installing"]
    assert events[-1] == Event(OVER, text="count") and 4 <= world.clock - 1000 < 6


def test_it_ends_at_its_time() -> None:
    world = World()
    assert list(world.run(Until(seconds=3)))[-1] == Event(OVER, text="timeout")
    assert 3 <= world.clock - 1000 <= 3.2


def test_what_was_seen_before_it_is_stopped_is_still_entered() -> None:
    world = World((4.99, 1))
    events = list(world.run(Until(), stop_at=5.0))
    assert kinds(events) == [LISTENING, ENTERED, STATE, OVER] and world.published == [1]


def test_a_source_that_breaks_is_an_error_and_what_was_entered_was_told() -> None:
    world, events = World((0, 1)), []
    read = world.read

    def break_later() -> list[Sighting]:
        if world.clock > 1003:
            raise CommandError("ended with status 1", "journalctl")
        return read()

    world.read = break_later  # type: ignore[method-assign]
    with pytest.raises(CommandError):
        for event in world.run(Until()):
            events.append(event)
    assert len(told(events, ENTERED)) == 1


def test_a_source_that_is_exhausted_ends_it() -> None:
    world = World((0, 1), (0, 2))
    world.exhausted = True
    events = list(world.run(Until()))
    assert len(told(events, ENTERED)) == 2 and events[-1] == Event(OVER, text="all")


def test_a_flood_of_machines_is_bounded() -> None:
    world = World()
    world.read = lambda: [
        Sighting(f"52:54:{n >> 16:02x}:00:{n >> 8 & 255:02x}:{n & 255:02x}") for n in range(10000)
    ]  # type: ignore[method-assign]
    next(event for event in world.run(Until()) if event.kind == ENTERED)
    assert max(map(len, world.batches)) <= 4096
