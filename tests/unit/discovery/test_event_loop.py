# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The loop waits, enrols, writes reports and follows orders; it repeats a task that failed."""

from __future__ import annotations

from typing import Callable, Iterator, Optional, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import (
    GIVE_UP_SECONDS,
    MAX_BATCH,
    MAX_PENDING,
    Handlers,
    Source,
    StopCondition,
    watch,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    BatchResult,
    Enrolment,
    Event,
    EventKind,
    KnownMachine,
    Refusal,
    ReportResult,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    RocksError,
    Unavailable,
)

START = 1000.0
REFUSED_MACHINE = 0xEE
PXE = "PXEClient:Arch:00007:UNDI:003000"


def mac(number: int) -> str:
    return f"00:50:8b:00:00:{number:02x}"


def node(name: str, node_mac: str) -> Node:
    return Node(
        id=0,
        name=name,
        mac=node_mac,
        membership="Compute",
        appliance="compute",
        root="",
        distribution="",
        rack=0,
        rank=0,
        ip="",
        arch="",
        comment="",
    )


class Simulation:
    """A source and handlers on a simulated clock.  All times are in seconds since the start."""

    name = "interface eth1"

    def __init__(self, *schedule: tuple[float, int]) -> None:
        """``schedule``: when which machine sends a request."""
        self.exhausted = False
        self.clock = START
        self.schedule = [(START + at, number) for at, number in schedule]
        self.database_away: tuple[float, float] = (0, 0)
        self.service_away: tuple[float, float] = (0, 0)
        self.batches: list[list[str]] = []
        self.written: list[int] = []
        """The number of nodes at each time that the reports changed."""
        self.rows: dict[str, str] = {}
        self.attempts: list[float] = []
        """When the reports were written."""
        self.enrolled_at: dict[str, float] = {}
        self.write_seconds = 0.0
        self.warnings: tuple[str, ...] = ()
        self.bad_mac = ""
        """The services reject files with this node."""
        self.report_error: RocksError = CommandError("syntax error", "kea-dhcp4 -t")
        self.problem = ""
        self.source_error_at: Optional[float] = None
        self.flood: list[DhcpRequest] = []
        self.order_state: Callable[[float], str] = lambda _at: "ordered"

    @property
    def elapsed(self) -> float:
        return self.clock - START

    # The source.

    def fileno(self) -> int:
        return -1

    def read(self) -> list[DhcpRequest]:
        if self.source_error_at is not None and self.elapsed > self.source_error_at:
            raise CommandError("ended with status 1", "journalctl")
        due = [number for at, number in self.schedule if at <= self.clock]
        self.schedule = [(at, number) for at, number in self.schedule if at > self.clock]
        return [*self.flood, *(DhcpRequest(mac(number), vendor=PXE) for number in due)]

    def close(self) -> None: ...

    # The handlers.

    def enrol(self, requests: Sequence[DhcpRequest], limit: Optional[int]) -> BatchResult:
        self._raise_if_away(self.database_away)
        self.batches.append([request.mac for request in requests])
        known = [
            KnownMachine(request, self.rows[request.mac], self.problem)
            for request in requests
            if request.mac in self.rows
        ]
        new = [request for request in requests if request.mac not in self.rows][:limit]
        enrolled = []
        refused = []
        for request in new:
            if request.mac == mac(REFUSED_MACHINE):
                refused.append(Refusal(request, "no location"))
            else:
                name = self.rows[request.mac] = f"compute-0-{len(self.rows)}"
                self.enrolled_at[request.mac] = self.elapsed
                enrolled.append(Enrolment(request, node(name, request.mac)))
        return BatchResult(tuple(enrolled), tuple(known), tuple(refused))

    def write_reports(self) -> ReportResult:
        self._raise_if_away(self.service_away)
        self.attempts.append(self.elapsed)
        self.clock += self.write_seconds
        if self.bad_mac in self.rows:
            changed = ("hosts",) if len(self.attempts) == 1 else ()
            return ReportResult(changed, error=self.report_error)
        if not self.written or self.written[-1] != len(self.rows):
            self.written.append(len(self.rows))
        return ReportResult(warnings=self.warnings)

    def undo_enrolment(self, names: Sequence[str]) -> bool:
        remaining = {mac: name for mac, name in self.rows.items() if name not in names}
        if self.bad_mac in remaining:
            return False
        self.rows = remaining
        return True

    def order_states(self, names: Sequence[str]) -> dict[str, str]:
        self._raise_if_away(self.database_away)
        return dict.fromkeys(names, self.order_state(self.elapsed))

    def _raise_if_away(self, period: tuple[float, float]) -> None:
        if period[0] <= self.elapsed < period[1]:
            raise Unavailable("the database server does not answer")

    def run(self, stop_condition: StopCondition, stop_at: float = 60.0) -> Iterator[Event]:
        """Yield all events; a user stops the run at ``stop_at``."""

        def wait(_source: Source, seconds: float) -> None:
            self.clock += min(seconds, 0.05)

        handlers = Handlers(
            enrol=self.enrol,
            write_reports=self.write_reports,
            undo_enrolment=self.undo_enrolment,
            order_states=self.order_states,
            describe_failure=lambda name: f"the disk of {name} contains ntfs",
        )
        return watch(
            self,
            handlers,
            stop_condition,
            stop=lambda: self.elapsed >= stop_at,
            now=lambda: self.clock,
            wait=wait,
        )


def kinds(events: Sequence[Event]) -> list[EventKind]:
    return [event.kind for event in events]


def of_kind(events: Sequence[Event], kind: EventKind) -> list[Event]:
    return [event for event in events if event.kind == kind]


def events_until_error(
    simulation: Simulation, stop_condition: StopCondition, error: type[RocksError]
) -> list[Event]:
    events = []
    with pytest.raises(error):
        for event in simulation.run(stop_condition):
            events.append(event)
    return events


def test_the_run_ends_when_the_requested_number_of_nodes_is_enrolled() -> None:
    simulation = Simulation((0, 1), (5, 2), (9, 3))
    events = list(simulation.run(StopCondition(count=2)))
    assert [event.mac for event in of_kind(events, EventKind.ENROLLED)] == [mac(1), mac(2)]
    assert events[0] == Event(EventKind.LISTENING, text="interface eth1")
    assert events[-1] == Event(EventKind.ENDED, text="count")
    assert simulation.elapsed < 6


def test_a_machine_is_enrolled_well_before_its_firmware_repeats_the_request() -> None:
    # iPXE sends requests at 0, 1, 3 and 7 seconds.
    simulation = Simulation((0, 1), (1, 1), (3, 1))
    times = {}
    for event in simulation.run(StopCondition(count=1)):
        times[event.kind] = simulation.elapsed
    assert times[EventKind.ENROLLED] < 0.2


def test_a_rack_that_boots_at_once_is_one_batch_with_one_update_of_the_reports() -> None:
    simulation = Simulation(*((0.5 + number / 1000, number) for number in range(32)))
    events = list(simulation.run(StopCondition(count=32)))
    assert len(of_kind(events, EventKind.ENROLLED)) == 32
    # The reports are also written at the start, without nodes.
    assert len(simulation.batches) == 1 and simulation.written == [0, 32]


def test_a_steady_stream_of_requests_does_not_delay_the_first_machine() -> None:
    simulation = Simulation(*((number / 20, number) for number in range(200)))
    events = simulation.run(StopCondition())
    first = next(event for event in events if event.kind == EventKind.ENROLLED)
    assert first.mac == mac(0) and simulation.elapsed < 0.5


def test_machines_seen_during_a_database_outage_are_enrolled_afterwards() -> None:
    simulation = Simulation((1, 1), (20, 2), (40, 3))
    simulation.database_away = (0.5, 55)
    events = list(simulation.run(StopCondition(count=3), stop_at=100))
    assert kinds(events) == [
        EventKind.LISTENING,
        EventKind.RETRYING,
        EventKind.ENROLLED,
        EventKind.ENROLLED,
        EventKind.ENROLLED,
        EventKind.ORDER_STATE,
        EventKind.ORDER_STATE,
        EventKind.ORDER_STATE,
        EventKind.ENDED,
    ]
    assert 55 <= simulation.elapsed <= 57


def test_a_database_outage_until_the_end_fails_the_run() -> None:
    simulation = Simulation((1, 1))
    simulation.database_away = (0, 1000)
    with pytest.raises(Unavailable):
        list(simulation.run(StopCondition(seconds=5)))


def test_a_service_that_rejects_its_file_is_reported_and_retried() -> None:
    simulation = Simulation((1, 1))
    simulation.service_away = (0.5, 7)
    events = list(simulation.run(StopCondition(count=1)))
    assert kinds(events) == [
        EventKind.LISTENING,
        EventKind.ENROLLED,
        EventKind.RETRYING,
        EventKind.ORDER_STATE,
        EventKind.ENDED,
    ]
    assert simulation.written == [0, 1] and simulation.elapsed >= 7


def test_a_service_that_rejects_its_file_until_the_end_fails_the_run_and_keeps_the_node() -> None:
    simulation = Simulation((1, 1))
    simulation.service_away = (0, 1000)
    events = events_until_error(simulation, StopCondition(seconds=5), RocksError)
    assert len(of_kind(events, EventKind.ENROLLED)) == 1
    assert events[-1] == Event(EventKind.ENDED, text="timeout")
    assert set(simulation.rows) == {mac(1)}


def test_a_node_that_breaks_a_services_file_is_removed_and_the_others_stay() -> None:
    simulation = Simulation((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3))
    simulation.bad_mac = mac(2)
    events = list(simulation.run(StopCondition(count=2)))
    assert [event.mac for event in of_kind(events, EventKind.ENROLLED)] == [mac(1), mac(3)]
    (refusal,) = of_kind(events, EventKind.REFUSED)
    assert (refusal.mac, refusal.text) == (mac(2), "kea-dhcp4 -t: syntax error")
    assert set(simulation.rows) == {mac(1), mac(3)} and simulation.written


def test_reports_are_written_at_the_start_for_nodes_of_a_killed_run() -> None:
    simulation = Simulation()
    simulation.rows[mac(9)] = "compute-9-9"
    list(simulation.run(StopCondition(seconds=1)))
    assert simulation.written == [1]


def test_new_nodes_stay_when_an_older_node_breaks_a_services_file() -> None:
    simulation = Simulation((1, 1))
    simulation.rows[mac(9)] = "compute-9-9"
    simulation.bad_mac = mac(9)
    events = events_until_error(simulation, StopCondition(seconds=5), CommandError)
    assert kinds(events) == [
        EventKind.LISTENING,
        EventKind.REPORTS_WRITTEN,
        EventKind.RETRYING,
        EventKind.ENROLLED,
        EventKind.ORDER_STATE,
        EventKind.ENDED,
    ]


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (CommandError("slurmctld rejects its file"), GIVE_UP_SECONDS + 5),
        (DescriptionError("partition: 'a b' is not valid"), 5.0),
    ],
)
def test_a_report_that_stays_faulty_does_not_keep_the_run_from_ending(
    error: RocksError, limit: float
) -> None:
    simulation = Simulation((1, 1), (2, 2))
    simulation.rows[mac(9)] = "compute-9-9"
    simulation.bad_mac = mac(9)
    simulation.report_error = error
    events = events_until_error(simulation, StopCondition(count=2), type(error))
    assert [event.mac for event in of_kind(events, EventKind.ENROLLED)] == [mac(1), mac(2)]
    assert of_kind(events, EventKind.REPORTS_WRITTEN)[0].text == "hosts"
    assert events[-1] == Event(EventKind.ENDED, text="count") and simulation.elapsed < limit


def test_a_slow_report_that_fails_does_not_keep_machines_from_being_added() -> None:
    simulation = Simulation((1, 1), (40, 2))
    simulation.rows[mac(9)] = "compute-9-9"
    simulation.bad_mac = mac(9)
    simulation.write_seconds = 10.0
    events_until_error(simulation, StopCondition(), CommandError)
    assert 40 <= simulation.enrolled_at[mac(2)] < 41
    assert len(simulation.attempts) < 6


def test_what_the_reports_leave_out_is_reported_once() -> None:
    simulation = Simulation((1, 1), (3, 2))
    simulation.warnings = ("left out: node 7: 'compute 0' is not a valid host name",)
    events = list(simulation.run(StopCondition(count=2)))
    (warning,) = of_kind(events, EventKind.WARNING)
    assert warning.text == simulation.warnings[0]


def test_a_known_or_refused_machine_is_reported_once_however_many_requests_it_sends() -> None:
    simulation = Simulation(
        *((at, 7) for at in range(10)), *((at, REFUSED_MACHINE) for at in range(10))
    )
    simulation.rows[mac(7)] = "compute-0-0"
    events = list(simulation.run(StopCondition(seconds=12)))
    known = of_kind(events, EventKind.KNOWN)
    assert [(event.mac, event.name) for event in known] == [(mac(7), "compute-0-0")]
    refused = of_kind(events, EventKind.REFUSED)
    assert [(event.mac, event.text) for event in refused] == [(mac(REFUSED_MACHINE), "no location")]


def test_a_machine_enrolled_by_this_run_is_not_reported_as_known() -> None:
    simulation = Simulation((0, 1), (1, 1), (3, 1))
    assert of_kind(list(simulation.run(StopCondition(seconds=10))), EventKind.KNOWN) == []


def test_an_interface_that_cannot_boot_is_reported_also_of_a_node_of_this_run() -> None:
    simulation = Simulation((0, 1), (1, 1))
    simulation.problem = "it has no address"
    (known,) = of_kind(list(simulation.run(StopCondition(seconds=10))), EventKind.KNOWN)
    assert known.text == "it has no address"


def test_the_run_can_wait_until_nodes_have_requested_their_kickstart() -> None:
    simulation = Simulation((0, 1))
    simulation.order_state = lambda at: (
        "ordered" if at < 2 else "booted" if at < 4 else "installing"
    )
    events = list(simulation.run(StopCondition(count=1, kickstart_requested=True)))
    states = [event.text for event in of_kind(events, EventKind.ORDER_STATE)]
    assert states == ["ordered", "booted", "installing"]
    assert events[-1] == Event(EventKind.ENDED, text="count") and 4 <= simulation.elapsed < 6


def test_the_run_ends_at_its_timeout() -> None:
    simulation = Simulation()
    events = list(simulation.run(StopCondition(seconds=3)))
    assert events[-1] == Event(EventKind.ENDED, text="timeout")
    assert 3 <= simulation.elapsed <= 3.2


def test_machines_seen_before_the_stop_are_still_enrolled() -> None:
    simulation = Simulation((4.99, 1))
    events = list(simulation.run(StopCondition(), stop_at=5.0))
    assert kinds(events) == [
        EventKind.LISTENING,
        EventKind.ENROLLED,
        EventKind.ORDER_STATE,
        EventKind.ENDED,
    ]
    assert simulation.written == [0, 1]


def test_an_error_of_the_source_ends_the_run_after_the_events_so_far() -> None:
    simulation = Simulation((0, 1))
    simulation.source_error_at = 3
    events = events_until_error(simulation, StopCondition(), CommandError)
    assert len(of_kind(events, EventKind.ENROLLED)) == 1


def test_the_end_of_the_source_ends_the_run() -> None:
    simulation = Simulation((0, 1), (0, 2))
    simulation.exhausted = True
    events = list(simulation.run(StopCondition()))
    assert len(of_kind(events, EventKind.ENROLLED)) == 2
    assert events[-1] == Event(EventKind.ENDED, text="all")


def other_machines(count: int) -> list[DhcpRequest]:
    """Return requests of machines that do not boot."""
    return [
        DhcpRequest(f"52:54:{n >> 16:02x}:00:{n >> 8 & 255:02x}:{n & 255:02x}")
        for n in range(count)
    ]


def test_a_flood_is_enrolled_in_batches() -> None:
    simulation = Simulation()
    simulation.flood = other_machines(MAX_PENDING + 1000)
    next(event for event in simulation.run(StopCondition()) if event.kind == EventKind.ENROLLED)
    assert max(map(len, simulation.batches)) == MAX_BATCH


def test_all_that_is_pending_at_the_end_is_enrolled() -> None:
    simulation = Simulation()
    simulation.flood = other_machines(3 * MAX_BATCH + 1)
    simulation.exhausted = True
    events = simulation.run(StopCondition(seconds=0.001))
    assert sum(event.kind == EventKind.ENROLLED for event in events) == 3 * MAX_BATCH + 1


def test_a_machine_that_boots_displaces_others_and_comes_first() -> None:
    simulation = Simulation((0.0, 1))
    simulation.flood = other_machines(MAX_PENDING)
    next(event for event in simulation.run(StopCondition()) if event.kind == EventKind.ENROLLED)
    assert simulation.batches[0][0] == mac(1)


def test_the_reason_of_a_failed_installation_is_reported_once() -> None:
    simulation = Simulation((0, 1))
    simulation.order_state = lambda at: "failed" if at > 5 else "installing"
    events = list(simulation.run(StopCondition(seconds=20)))
    warnings = [event.text for event in of_kind(events, EventKind.WARNING)]
    assert warnings == ["compute-0-0: the disk of compute-0-0 contains ntfs"]
