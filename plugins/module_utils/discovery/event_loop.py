# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The event loop of insert-ethers: wait for requests, enrol machines, report their progress.

The loop polls the source until the next task is due.  A task that fails for now (the database does
not answer, a service rejects its new file) stays pending and is repeated, so no machine is lost.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator, Literal, Optional, Protocol, Sequence, Union

from ..errors import CommandError, Conflict, RocksError, Unavailable
from .dhcp_request import DhcpRequest, merge_requests
from .model import BatchResult, EndReason, Enrolment, Event, EventKind, ReportResult
from .order_progress import FAILED, KICKSTART_REQUESTED

# The log lines of one request are written together, and the machines of a rack boot together: wait
# until no more requests arrive. Firmware repeats its request after one second, most of which the
# DHCP server needs.
SETTLE_SECONDS = 0.005
MAX_SETTLE_SECONDS = 0.1
POLL_SECONDS = 0.1  # for sources without a descriptor
GIVE_UP_SECONDS = 30.0  # a service that restarts accepts its reports well before
SLOW_FACTOR = 5.0  # the pause after an attempt that failed, in units of its duration
RETRY_SECONDS = 1.0  # between attempts, and between queries for the states of orders
MAX_PENDING = 4096  # machines; those beyond repeat their request
MAX_BATCH = 512  # machines enrolled between two readings of the source
# Events about machines that are not enrolled; a flood of them is cut off.  The others are about
# machines that do not boot.
MAX_NOTICES = 10_000
MAX_OTHER_NOTICES = 5_000


class Source(Protocol):
    """Where DHCP requests come from."""

    name: str
    """For messages."""
    exhausted: bool
    """Whether no request will follow."""

    def fileno(self) -> int:
        """Return a descriptor that becomes readable with new requests, or NO_DESCRIPTOR."""

    def read(self) -> list[DhcpRequest]:
        """Return the requests since the last call, without waiting."""

    def close(self) -> None:
        """Release what the source holds."""


@dataclass(frozen=True)
class StopCondition:
    """When a run ends: at the first of these limits; 0 means no limit."""

    count: int = 0
    """Nodes."""
    seconds: float = 0.0
    kickstart_requested: bool = False
    """Count a node only when its installer has started."""


@dataclass(frozen=True)
class Handlers:
    """The actions of the loop.  Each may raise RocksError, and is then repeated later."""

    enrol: Callable[[Sequence[DhcpRequest], Optional[int]], BatchResult]
    """Enrol the machines of some requests, at most so many."""
    write_reports: Callable[[], ReportResult] = ReportResult
    """Update the services' files from the database."""
    undo_enrolment: Callable[[Sequence[str]], bool] = lambda _names: False
    """Remove nodes if they prevent a report from being written; return whether they did."""
    order_states: Callable[[Sequence[str]], dict[str, str]] = lambda _names: {}
    describe_failure: Callable[[str], str] = lambda _name: ""
    """Return the states of the nodes' install orders, by node."""


def watch(
    source: Source,
    handlers: Handlers,
    stop_condition: StopCondition,
    *,
    stop: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = time.monotonic,
    wait: Optional[Callable[[Source, float], None]] = None,
) -> Iterator[Event]:
    """Enrol the machines that ``source`` reports until the run ends; yield each Event at once.

    The last event has the kind ENDED and contains the reason.

    stop  called at least twice a second; when it returns true, the run ends after enrolling the
          machines that have already been reported

    Raises what the source raises.  After the last event, raises the error of a task that failed
    until the end: the database did not answer, or a service rejected its file.
    """
    loop = _Loop(handlers, stop_condition, now)
    wait = wait or _wait_for_input
    deadline = now() + stop_condition.seconds if stop_condition.seconds else float("inf")
    yield Event(EventKind.LISTENING, text=source.name)
    reason: Union[EndReason, Literal[""]] = ""
    while not reason:
        if stop():
            reason = "stopped"
        elif now() >= deadline:
            reason = "timeout"
        loop.collect(source.read())
        yield from loop.run_due(no_more=source.exhausted, final=bool(reason))
        reason = reason or loop.end_reason(source.exhausted)
        if not reason:
            wait(source, min(loop.idle_seconds(), max(0.0, deadline - now())))
    yield Event(EventKind.ENDED, text=reason)
    if loop.pending_error:
        raise loop.pending_error


@dataclass
class _Loop:
    """The state of one run, and its tasks."""

    handlers: Handlers
    stop_condition: StopCondition
    now: Callable[[], float]
    pending: dict[str, DhcpRequest] = field(default_factory=dict)
    """Machines to enrol, by MAC, in the order of their first requests."""
    first_seen: float = 0.0
    """When the first pending machine sent its first request."""
    last_seen: float = 0.0
    """When the last pending machine sent its first request."""
    retry_at: float = 0.0
    """When to enrol machines again, after an attempt failed."""
    write_again_at: float = 0.0
    """When to write the reports again, after an attempt failed."""
    failing_since: Optional[float] = None
    """When the reports were first not written completely; None: they are current."""
    poll_orders_at: float = 0.0
    nodes: dict[str, str] = field(default_factory=dict)
    """The states of the orders of enrolled nodes, by name."""
    reported: set[tuple[EventKind, str, str]] = field(default_factory=set)
    reports_current: bool = False
    """Whether the services' files contain all nodes.  False at first: an earlier run may have been
    killed before it wrote them."""
    pending_error: Optional[RocksError] = None
    """Why the last task failed, until it succeeds."""
    one_at_a_time: bool = False
    """Enrol machines one by one, to identify the one at fault."""

    def collect(self, requests: Sequence[DhcpRequest]) -> None:
        """Add requests to the pending ones."""
        for request in requests:
            earlier = self.pending.get(request.mac)
            if earlier is not None:
                self.pending[request.mac] = merge_requests(earlier, request)
            elif len(self.pending) < MAX_PENDING or self._displace_other(request):
                self.last_seen = self.now()
                if not self.pending:
                    self.first_seen = self.last_seen
                self.pending[request.mac] = request

    def _displace_other(self, request: DhcpRequest) -> bool:
        """Drop a pending request that boots no machine, in favour of one that does."""
        if not request.is_firmware:
            return False
        other = next((mac for mac, known in self.pending.items() if not known.is_firmware), "")
        return self.pending.pop(other, None) is not None

    def run_due(self, no_more: bool, final: bool) -> Iterator[Event]:
        """Run the tasks that are due: enrol, write reports, poll orders.

        no_more  no request will follow: do not wait for more before enrolling
        final    the run ends: run all tasks
        """
        settled = no_more or (self._is_settled() and self.now() >= self.retry_at)
        if final:
            yield from self._enrol_all()
        elif settled:
            yield from self._enrol_pending()
        if not self.reports_current and (final or self.now() >= self.write_again_at):
            yield from self._write_reports()
        if self.nodes and (final or no_more or self.now() >= self.poll_orders_at):
            yield from self._poll_orders()

    def end_reason(self, exhausted: bool) -> Union[EndReason, Literal[""]]:
        """Return why the run ends by itself; empty when it continues."""
        if self.pending or not (self.reports_current or self._gives_up_on_reports()):
            return ""
        counted = len(self.nodes)
        if self.stop_condition.kickstart_requested:
            counted = sum(state in KICKSTART_REQUESTED for state in self.nodes.values())
        if self.stop_condition.count and counted >= self.stop_condition.count:
            return "count"
        return "all" if exhausted and counted == len(self.nodes) else ""

    def idle_seconds(self) -> float:
        """Return the time until the next task, at most half a second: ``stop`` must be polled."""
        until_due = RETRY_SECONDS
        if self.pending:
            until_due = max(SETTLE_SECONDS, self.retry_at - self.now())
        if not self.reports_current:
            until_due = min(until_due, max(SETTLE_SECONDS, self.write_again_at - self.now()))
        return min(until_due, RETRY_SECONDS / 2)

    def _gives_up_on_reports(self) -> bool:
        """Whether the run ends although some reports cannot be written: that of an older node, say.

        Only some errors can disappear without a change by the administrator.
        """
        can_pass = isinstance(self.pending_error, (Unavailable, CommandError, Conflict))
        waited = self.now() - self.failing_since if self.failing_since is not None else 0.0
        return self.failing_since is not None and (not can_pass or waited >= GIVE_UP_SECONDS)

    def _is_settled(self) -> bool:
        now = self.now()
        return now - self.last_seen >= SETTLE_SECONDS or now - self.first_seen >= MAX_SETTLE_SECONDS

    def _enrol_all(self) -> Iterator[Event]:
        """Enrol batch after batch, until one fails."""
        remaining = 0
        while self.pending and len(self.pending) != remaining:
            remaining = len(self.pending)
            yield from self._enrol_pending()

    def _enrol_pending(self) -> Iterator[Event]:
        if not self.pending:
            return
        limit = None
        if self.stop_condition.count:
            limit = max(0, self.stop_condition.count - len(self.nodes))
        booting_first = sorted(self.pending.values(), key=lambda request: not request.is_firmware)
        batch = booting_first[: 1 if self.one_at_a_time else MAX_BATCH]
        try:
            result = self.handlers.enrol(batch, limit)
        except Unavailable as error:
            self.retry_at = self.now() + RETRY_SECONDS
            yield from self._report_failure(error)
            return
        for request in batch:
            del self.pending[request.mac]
        if self.reports_current:
            self.pending_error = None
        yield from self._announce(result.enrolled)
        for machine in result.known:
            if machine.problem or machine.name not in self.nodes:
                yield from self._unless_reported(
                    Event(
                        EventKind.KNOWN,
                        mac=machine.request.mac,
                        name=machine.name,
                        text=machine.problem,
                        request=machine.request,
                    )
                )
        for refusal in result.refused:
            yield from self._refuse(refusal.request, refusal.reason)

    def _announce(self, enrolled: Sequence[Enrolment]) -> Iterator[Event]:
        """Write the reports with the new nodes first: the machines wait for them."""
        if not enrolled:
            return
        self.reports_current = False
        report_events = list(self._write_reports())
        error = self.pending_error
        if error and self._undo_enrolment(error, [item.node.name for item in enrolled]):
            self.pending_error = self.failing_since = None
            self.reports_current = True
            if len(enrolled) == 1:
                yield from self._refuse(enrolled[0].request, str(error))
            else:
                self.one_at_a_time = True
                undone = {item.request.mac: item.request for item in enrolled}
                self.pending = {**undone, **self.pending}
            return
        for request, node in enrolled:
            self.nodes[node.name] = ""
            yield Event(
                EventKind.ENROLLED, mac=request.mac, name=node.name, node=node, request=request
            )
        yield from report_events

    def _undo_enrolment(self, error: RocksError, names: Sequence[str]) -> bool:
        try:
            return not isinstance(error, Unavailable) and self.handlers.undo_enrolment(names)
        except RocksError:
            return False

    def _write_reports(self) -> Iterator[Event]:
        started = self.now()
        try:
            result = self.handlers.write_reports()
        except RocksError as error:
            result = ReportResult(error=error)
        if result.changed:
            yield Event(EventKind.REPORTS_WRITTEN, text=", ".join(result.changed))
        for line in result.warnings:
            yield from self._unless_reported(Event(EventKind.WARNING, text=line))
        if result.error is None:
            self.pending_error = self.failing_since = None
            self.reports_current = True
            return
        self.failing_since = started if self.failing_since is None else self.failing_since
        # A slow checker must not keep this loop from its other tasks.
        pause = max(RETRY_SECONDS, SLOW_FACTOR * (self.now() - started))
        self.write_again_at = self.now() + pause
        yield from self._report_failure(result.error)

    def _poll_orders(self) -> Iterator[Event]:
        self.poll_orders_at = self.now() + RETRY_SECONDS
        try:
            states = self.handlers.order_states(list(self.nodes))
        except Unavailable:
            return  # reported when the next machine is to be enrolled
        for name, state in states.items():
            if self.nodes[name] != state:
                self.nodes[name] = state
                yield Event(EventKind.ORDER_STATE, name=name, text=state)
                reason = self.handlers.describe_failure(name) if state == FAILED else ""
                if reason:
                    yield Event(EventKind.WARNING, text=f"{name}: {reason}")

    def _report_failure(self, error: RocksError) -> Iterator[Event]:
        self.pending_error = error
        yield from self._unless_reported(Event(EventKind.RETRYING, text=str(error)))

    def _refuse(self, request: DhcpRequest, reason: str) -> Iterator[Event]:
        yield from self._unless_reported(
            Event(EventKind.REFUSED, mac=request.mac, text=reason, request=request)
        )

    def _unless_reported(self, event: Event) -> Iterator[Event]:
        """Yield the event unless it repeats an earlier one: machines repeat their requests."""
        key = (event.kind, event.mac, event.name or event.text)
        others = event.request is not None and not event.request.is_firmware
        limit = MAX_OTHER_NOTICES if others else MAX_NOTICES
        if key not in self.reported and len(self.reported) < limit:
            self.reported.add(key)
            yield event


def _wait_for_input(source: Source, seconds: float) -> None:
    """Wait until the source is readable, or so long."""
    descriptor = source.fileno()
    if descriptor >= 0:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
    else:
        time.sleep(min(seconds, POLL_SECONDS))  # a file and the journal have nothing to poll
