# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstall many nodes, wave by wave: drain, order, boot the installer, wait until up, resume.

All state is in the database: after an interrupt, a second run continues the live orders, and two
runs at the same time restart each machine once (``install.sending``).  The clock, sleep, the boot
methods and the scheduler are arguments.
"""

from __future__ import annotations

import contextlib
from typing import Callable, Collection, Final, Iterator, Mapping, NamedTuple, Sequence

from ...cluster.database import Database
from ...errors import RocksError
from .. import orders, sending
from ..eligibility import MAINTENANCE, ORDER, REFUSED, UNCHANGED, UNDER_WAY
from ..model import Order, Pin, Verdict
from ..power.boot_target import BootTarget
from ..recipes import Comparison
from ..schedulers.base import NoScheduler, Scheduler
from ..states import FAILED, LIVE, UP
from .concurrency import run_concurrently
from .deadlines import DEADLINES, load_progress
from .waves import WaveRules, plan_waves, stop_reason

POLL_SECONDS = 2.0

WAITING: Final = "waiting"
"""A job still runs on the node."""
SENT: Final = sending.SENT
"""A boot method worked."""
NOT_BEGUN: Final = "not begun"
"""The rollout stopped before the node's wave."""


class RolloutOptions(NamedTuple):
    """The options of a rollout; ``orders.create_orders`` describes those that it shares."""

    by: str
    rules: WaveRules = WaveRules()
    force: bool = False
    rearm: bool = False
    wipe: bool = False
    wait: bool = True
    """False: order the nodes and boot their installers, but do not wait until they are up."""
    deadlines: Mapping[str, int] = DEADLINES
    comparisons: Mapping[str, Comparison] = {}


class Step(NamedTuple):
    """A change in the state of a node."""

    node: str
    state: str
    """A state of its order, or ``waiting``, ``sent``, ``live`` (another command follows it),
    ``unchanged``, ``maintenance``, ``refused``, ``not begun``."""
    message: str = ""
    done: int = 0
    total: int = 0


class Effects(NamedTuple):
    """The functions with which a rollout acts on the outside."""

    boot_installer: Callable[[BootTarget], str]
    """Boots the installer on a node and returns the method that worked; raises RocksError."""
    now: Callable[[], str]
    """Returns the current time as the database stores it."""
    sleep: Callable[[float], None]
    scheduler: Scheduler = NoScheduler()
    find_jobs: Callable[[Sequence[str]], Mapping[str, str]] = lambda _nodes: {}
    """Returns those of the nodes that are refused because they run jobs now, with the reasons."""


Shown = tuple[str, str, int]
"""State, phase and count of the last step that was returned for a node."""


def roll_out(
    database: Database,
    pins: Mapping[str, Pin],
    targets: Mapping[str, BootTarget],
    *,
    options: RolloutOptions,
    effects: Effects,
) -> Iterator[Step]:
    """Reinstall nodes, and yield each step when it happens.

    pins     node -> what to install
    targets  node -> how it is reached, for the same nodes

    A node whose installer cannot be booted, or that misses a deadline, fails and stays drained; the
    others continue.  If too many nodes fail, no further wave starts, and the remaining nodes yield
    ``not begun``.
    """
    verdicts = orders.preview(
        database, pins, options.comparisons, force=options.force, rearm=options.rearm
    )
    nodes = []
    unchanged = []
    for verdict in verdicts:
        if verdict.action in (REFUSED, UNCHANGED, MAINTENANCE):
            yield Step(verdict.node, verdict.action, verdict.reason)
        else:
            nodes.append(verdict.node)
        if verdict.action == UNCHANGED:
            unchanged.append(verdict.node)
    # A node can have come up after an interrupted run had drained it.
    effects.scheduler.resume(unchanged)
    started = 0
    failed = 0
    stop = ""
    for number, wave in enumerate(plan_waves(nodes, options.rules)):
        if stop:
            for node in wave:
                yield Step(node, NOT_BEGUN, stop)
            continue
        last: dict[str, str] = {}
        wave_pins = {node: pins[node] for node in wave}
        for step in _run_wave(database, wave_pins, targets, options=options, effects=effects):
            last[step.node] = step.state
            yield step
        started += len(wave)
        failed += sum(state not in (UP, SENT, UNDER_WAY) for state in last.values())
        canary = bool(options.rules.canary) and number == 0 and len(nodes) > 1
        stop = stop_reason(started, failed, canary, options.rules)


def _run_wave(
    database: Database,
    pins: Mapping[str, Pin],
    targets: Mapping[str, BootTarget],
    *,
    options: RolloutOptions,
    effects: Effects,
) -> Iterator[Step]:
    """Reinstall the nodes of one wave, each as soon as its jobs have ended."""
    refused = effects.find_jobs(list(pins))
    for node, reason in refused.items():
        yield Step(node, REFUSED, reason)
    waiting = [node for node in pins if node not in refused]
    effects.scheduler.drain(waiting, f"by {options.by}")
    installing: dict[str, Order] = {}
    shown: dict[str, Shown] = {}
    try:
        while waiting or installing:
            busy = effects.scheduler.busy(waiting) if waiting else set()
            free = {node: pins[node] for node in waiting if node not in busy}
            waiting = [node for node in waiting if node in busy]
            for node in waiting:
                if node not in shown:
                    shown[node] = (WAITING, "", 0)
                    yield Step(node, WAITING, "a job still runs")
            for step, order in _start_installs(
                database, free, targets, options=options, effects=effects
            ):
                yield step
                if order is not None and options.wait:
                    installing[order.node] = order
                    # A sent order is still "ordered", which is not a new step.
                    shown[order.node] = (order.state, order.phase, order.done)
            yield from _poll(database, installing, shown, options=options, effects=effects)
            if waiting or installing:
                effects.sleep(POLL_SECONDS)
    finally:
        # Not empty only after an interrupt; these nodes have not been ordered.
        effects.scheduler.resume(waiting)


def _start_installs(
    database: Database,
    pins: Mapping[str, Pin],
    targets: Mapping[str, BootTarget],
    *,
    options: RolloutOptions,
    effects: Effects,
) -> Iterator[tuple[Step, Order | None]]:
    """Order nodes and boot their installers concurrently.

    Yields each step with the order to follow, or with None if the installation has not started.
    """
    if not pins:
        return
    verdicts = orders.create_orders(
        database,
        pins,
        options.comparisons,
        by=options.by,
        now=effects.now(),
        force=options.force,
        rearm=options.rearm,
        wipe=options.wipe,
    )
    pending = []
    for verdict in verdicts:
        order = verdict.order
        if order is None or verdict.action not in (ORDER, UNDER_WAY):
            # Another user has ordered the node since the preview.
            effects.scheduler.resume([verdict.node])
            yield Step(verdict.node, verdict.action, verdict.reason), None
            continue
        reserved = sending.reserve(
            database,
            order,
            by=options.by,
            now=effects.now(),
            deadlines=options.deadlines,
            is_new=verdict.action == ORDER,
        )
        if reserved:
            pending.append(reserved)
        else:
            yield _step_of_other(verdict, order, options, effects.now()), order
    new = {verdict.node for verdict in verdicts if verdict.action == ORDER}

    def undo(unsent: list[Order]) -> None:
        _undo_reservations(database, unsent, new, options=options, effects=effects)

    yield from _send(database, pending, targets, effects=effects, undo=undo)


def _undo_reservations(
    database: Database,
    unsent: Sequence[Order],
    new: Collection[str],
    *,
    options: RolloutOptions,
    effects: Effects,
) -> None:
    """Cancel the orders of the nodes in ``new``, which this run has created; release the others."""
    created = [order for order in unsent if order.node in new]
    reason = "interrupted before the machine was restarted"
    orders.cancel(database, created, by=options.by, now=effects.now(), reason=reason)
    for order in unsent:
        if order.node not in new:
            sending.release(database, order)
    effects.scheduler.resume([order.node for order in unsent])


def _step_of_other(verdict: Verdict, order: Order, options: RolloutOptions, now: str) -> Step:
    """Return the first step of an order that another command has sent, or that needs no command."""
    sent = sending.describe(order, now)
    again = "to send it again, cancel the order: rocks_install state=cancelled"
    message = f"ordered by {order.by}, {sent}; {again}" if sent else verdict.reason
    return Step(verdict.node, order.state if options.wait else UNDER_WAY, message)


def _send(
    database: Database,
    pending: Sequence[Order],
    targets: Mapping[str, BootTarget],
    *,
    effects: Effects,
    undo: Callable[[list[Order]], None],
) -> Iterator[tuple[Step, Order | None]]:
    """Boot the installers of reserved orders; ``undo`` gets those that an interrupt leaves out."""
    with contextlib.closing(
        run_concurrently(lambda order: effects.boot_installer(targets[order.node]), pending, undo)
    ) as results:
        for order, future in results:
            error = future.exception()
            if error is None:
                sending.confirm(database, order, future.result(), now=effects.now())
                yield Step(order.node, SENT, f"by {future.result()}"), order
            elif isinstance(error, RocksError):
                yield _step_of_failure(database, order, error, effects)
            else:
                raise error


def _step_of_failure(
    database: Database, order: Order, error: RocksError, effects: Effects
) -> tuple[Step, Order | None]:
    """Let an order fail whose boot methods have failed, unless its machine boots by itself."""
    if orders.fail(database, [order], by="service", now=effects.now(), reason=error.advice):
        effects.scheduler.hold(order.node, error.what)
        return Step(order.node, FAILED, error.advice), None
    return Step(order.node, SENT, error.advice), order


def _poll(
    database: Database,
    installing: dict[str, Order],
    shown: dict[str, Shown],
    *,
    options: RolloutOptions,
    effects: Effects,
) -> Iterator[Step]:
    """Yield the changes since the last poll, and remove finished nodes from ``installing``."""
    up = []
    uuids = [order.uuid for order in installing.values()]
    for order in load_progress(database, uuids, options.deadlines, effects.now):
        current = (order.state, order.phase, order.done)
        if shown.get(order.node) != current:
            shown[order.node] = current
            yield Step(
                node=order.node,
                state=order.state,
                message=order.reason or order.message or order.phase,
                done=order.done,
                total=order.total,
            )
        if order.state in LIVE:
            continue
        del installing[order.node]
        if order.state == UP:
            up.append(order.node)
        else:
            effects.scheduler.hold(order.node, order.reason)
    effects.scheduler.resume(up)


def last_steps(steps: Sequence[Step]) -> dict[str, Step]:
    """Return the last step of each node."""
    return {step.node: step for step in steps}
