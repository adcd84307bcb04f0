# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The loop of insert-ethers: wait for machines that ask, enter them, tell how far they are.

It waits on the source's descriptor and never longer than until its next duty.  What it cannot do now (the database is
away, a daemon refuses its new file) it keeps and tries again: no machine that was seen is lost.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator, Optional, Protocol, Sequence

from ..errors import RocksError, Unavailable
from .dhcp_request import Sighting, merged
from .model import ENTERED, KNOWN, LISTENING, OVER, PUBLISHED, REFUSED, STATE, TROUBLE, Batch, Event
from .order_progress import ASKED

# The lines that tell of one request come together, and so do the machines of a rack that is switched on at once. They
# are waited for, but firmware asks again after one second, and most of it is the server's.
SETTLE_SECONDS, LONGEST_SETTLE = 0.005, 0.1
POLL_SECONDS = 0.1  # how often a file is looked at
LOOK_SECONDS = 1.0  # how often the orders are looked at, and what failed is tried again
MOST_PENDING = (
    4096  # a network has not more machines that ask within a second; those left out ask again
)

MOST_TOLD = 10_000  # remarks about machines that are not entered; a flood of them is not worth more


class Source(Protocol):
    """Where sightings come from.

    name       for people
    exhausted  nothing more will ever come
    fileno     becomes readable when something has come; -1 when there is nothing to wait on
    read       what has come since the last call; never waits
    """

    name: str
    exhausted: bool

    def fileno(self) -> int: ...
    def read(self) -> list[Sighting]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Until:
    """When it is over: after so many nodes, or seconds, whichever is first; 0 is no limit.

    asked  a node counts only when it has asked for its kickstart
    """

    count: int = 0
    seconds: float = 0.0
    asked: bool = False


@dataclass(frozen=True)
class Office:
    """What is done about what was seen; each may raise RocksError, and what could not be done is tried again.

    enter     the sightings, and how many to enter at most
    publish   tell the services of the nodes that were entered; what was told
    withdraw  nodes that were entered last: take them back out if it is because of them that nothing can be published
    states    node -> the state of its order
    """

    enter: Callable[[Sequence[Sighting], Optional[int]], Batch]
    publish: Callable[[], list[str]] = list
    withdraw: Callable[[Sequence[str]], bool] = lambda _names: False
    states: Callable[[Sequence[str]], dict[str, str]] = lambda _names: {}


@dataclass
class _Ledger:
    """What one watch has to remember."""

    pending: dict[str, Sighting] = field(default_factory=dict)
    first: float = 0.0
    latest: float = 0.0
    retry_at: float = 0.0
    look_at: float = 0.0
    nodes: dict[str, str] = field(default_factory=dict)  # name -> state of its order
    told: set[tuple[str, str, str]] = field(default_factory=set)
    published: bool = False  # whether the services know the latest nodes; an earlier run may have been killed before
    owed: Optional[RocksError] = None  # why what should have been done is not done yet
    singly: bool = False  # one machine after another, to find the one at fault


def watch(
    source: Source,
    office: Office,
    until: Until,
    *,
    stop: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = time.monotonic,
    wait: Optional[Callable[[Source, float], None]] = None,
) -> Iterator[Event]:
    """Enter what ``source`` sees until it is over; every Event as it happens, the last one says why it ended.

    stop  asked at least twice a second; true ends it, and what was seen before is still entered

    Raises what the source raises when it cannot go on, and after the last event why something could not be done until
    the end: the database stayed away, a service never took the new nodes.
    """
    ledger, wait = _Ledger(), wait or _wait
    deadline = now() + until.seconds if until.seconds else float("inf")
    yield Event(LISTENING, text=source.name)
    over = ""
    while not over:
        over = "stopped" if stop() else "timeout" if now() >= deadline else ""
        _gather(ledger, source.read(), now())
        yield from _duties(ledger, office, until, now(), bool(over) or source.exhausted)
        over = over or _done(ledger, until, source.exhausted)
        if not over:
            wait(source, min(_idle(ledger, now()), max(0.0, deadline - now())))
    yield Event(OVER, text=over)
    if ledger.owed:
        raise ledger.owed


def _done(ledger: _Ledger, until: Until, exhausted: bool) -> str:
    """Why it is over when nothing is left to do; empty when something is."""
    if ledger.pending or not ledger.published:
        return ""
    waited = [name for name, state in ledger.nodes.items() if until.asked and state not in ASKED]
    if until.count and len(ledger.nodes) - len(waited) >= until.count:
        return "count"
    return "all" if exhausted and not waited else ""


def _gather(ledger: _Ledger, sightings: Sequence[Sighting], now: float) -> None:
    for sighting in sightings:
        before = ledger.pending.get(sighting.mac)
        if before is None and len(ledger.pending) < MOST_PENDING:
            ledger.first = ledger.first if ledger.pending else now
            ledger.latest = now
            ledger.pending[sighting.mac] = sighting
        elif before is not None:
            ledger.pending[sighting.mac] = merged(before, sighting)


def _duties(
    ledger: _Ledger, office: Office, until: Until, now: float, last: bool
) -> Iterator[Event]:
    """Whatever is due now: enter, publish, look at the orders."""
    settled = now - ledger.latest >= SETTLE_SECONDS or now - ledger.first >= LONGEST_SETTLE
    if ledger.pending and (last or (settled and now >= ledger.retry_at)):
        yield from _enter(ledger, office, until, now)
    if not ledger.published and (last or now >= ledger.retry_at):
        yield from _publish(ledger, office, now)
    if ledger.nodes and (last or now >= ledger.look_at):
        yield from _look(ledger, office, now)


def _enter(ledger: _Ledger, office: Office, until: Until, now: float) -> Iterator[Event]:
    most = max(0, until.count - len(ledger.nodes)) if until.count else None
    some = dict(list(ledger.pending.items())[: 1 if ledger.singly else None])
    try:
        batch = office.enter(list(some.values()), most)
    except Unavailable as error:
        ledger.owed, ledger.retry_at = error, now + LOOK_SECONDS
        yield from _once(ledger, Event(TROUBLE, text=str(error)))
        return
    for mac in some:
        del ledger.pending[mac]
    ledger.owed = None if ledger.published else ledger.owed
    yield from _entered(ledger, office, batch, now)
    for sighting, name in batch.known:
        if name not in ledger.nodes:
            yield from _once(ledger, Event(KNOWN, sighting.mac, name, sighting=sighting))
    for sighting, why in batch.refused:
        yield from _once(ledger, Event(REFUSED, sighting.mac, text=why, sighting=sighting))


def _entered(ledger: _Ledger, office: Office, batch: Batch, now: float) -> Iterator[Event]:
    """The services are told first: the machines wait for them, people can wait."""
    if not batch.entered:
        return
    ledger.published = False
    told = list(_publish(ledger, office, now))
    if ledger.owed and _withdrawn(ledger, office, [node.name for _sighting, node in batch.entered]):
        why, ledger.owed, ledger.published = str(ledger.owed), None, True
        if len(batch.entered) > 1:
            ledger.singly = True
            ledger.pending = {
                **{sighting.mac: sighting for sighting, _node in batch.entered},
                **ledger.pending,
            }
        else:
            sighting = batch.entered[0][0]
            yield from _once(ledger, Event(REFUSED, sighting.mac, text=why, sighting=sighting))
        return
    for sighting, node in batch.entered:
        ledger.nodes[node.name] = ""
        yield Event(ENTERED, sighting.mac, node.name, node=node, sighting=sighting)
    yield from told


def _withdrawn(ledger: _Ledger, office: Office, names: Sequence[str]) -> bool:
    try:
        return not isinstance(ledger.owed, Unavailable) and office.withdraw(names)
    except RocksError:
        return False


def _publish(ledger: _Ledger, office: Office, now: float) -> Iterator[Event]:
    try:
        told = office.publish()
    except RocksError as error:
        ledger.owed, ledger.retry_at = error, now + LOOK_SECONDS
        yield from _once(ledger, Event(TROUBLE, text=str(error)))
    else:
        ledger.owed, ledger.published = None, True
        if told:
            yield Event(PUBLISHED, text=", ".join(told))


def _look(ledger: _Ledger, office: Office, now: float) -> Iterator[Event]:
    ledger.look_at = now + LOOK_SECONDS
    try:
        states = office.states(list(ledger.nodes))
    except Unavailable:
        return  # told when something is to be entered
    for name, state in states.items():
        if ledger.nodes[name] != state:
            ledger.nodes[name] = state
            yield Event(STATE, name=name, text=state)


def _once(ledger: _Ledger, event: Event) -> Iterator[Event]:
    """The event, unless the same was told before: a machine asks until somebody answers."""
    key = (event.kind, event.mac, event.name or event.text)
    if key not in ledger.told and len(ledger.told) < MOST_TOLD:
        ledger.told.add(key)
        yield event


def _idle(ledger: _Ledger, now: float) -> float:
    """Seconds until the next duty; never more than half a second, so that ``stop`` is noticed."""
    waiting = ledger.pending or not ledger.published
    return min(
        max(SETTLE_SECONDS, ledger.retry_at - now) if waiting else LOOK_SECONDS, LOOK_SECONDS / 2
    )


def _wait(source: Source, seconds: float) -> None:
    """Until the source has something to read, or that long."""
    descriptor = source.fileno()
    if descriptor >= 0:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
    else:
        time.sleep(
            min(seconds, POLL_SECONDS)
        )  # a source that is no file descriptor can only be asked again
