# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstalling many nodes: the only loop.  Drain, order, send, wait until they are up, give them back; wave by wave.

All that is remembered is in the database: interrupted anywhere, a second run takes the live orders up.  The clock,
sleep, the sending and the scheduler are arguments.
"""

from __future__ import annotations

from typing import Callable, Iterator, Mapping, NamedTuple, Sequence

from ...cluster.database import Database
from ...errors import RocksError
from .. import orders, timestamps
from ..eligibility import ORDER, REFUSED, UNCHANGED, UNDER_WAY
from ..model import Order, Pin
from ..power.boot_target import BootTarget
from ..schedulers.base import NoScheduler, Scheduler
from ..states import BOOTED, FAILED, INSTALLED, INSTALLING, LIVE, ORDERED, UP
from .concurrency import run_concurrently
from .waves import WaveRules, plan_waves, stop_reason

POLL_SECONDS = 2.0

# Seconds that a node may stay in a state without a word.
DEADLINES: Mapping[str, int] = {ORDERED: 900, BOOTED: 900, INSTALLING: 600, INSTALLED: 1800}

WAITING, SENT, NOT_BEGUN = "waiting", "sent", "not begun"


class RolloutOptions(NamedTuple):
    """How to go about it.

    wait      False: order and send, and do not wait for the nodes to come up
    power     do not try a way that needs a live system
    """

    by: str
    rules: WaveRules = WaveRules()
    force: bool = False
    rearm: bool = False
    wipe: bool = False
    wait: bool = True
    deadlines: Mapping[str, int] = DEADLINES


class Step(NamedTuple):
    """What happened to a node: a state of its order, or ``waiting``, ``sent``, ``unchanged``, ``refused``, ``not begun``."""

    node: str
    state: str
    message: str = ""
    done: int = 0
    total: int = 0


class Effects(NamedTuple):
    """What the loop touches the outside with.

    send   sends a target into the installer and says by which way; raises RocksError
    now    the moment, as the database writes it
    """

    send: Callable[[BootTarget], str]
    now: Callable[[], str]
    sleep: Callable[[float], None]
    scheduler: Scheduler = NoScheduler()


def roll_out(
    database: Database,
    wanted: Mapping[str, Pin],
    targets: Mapping[str, BootTarget],
    plan: RolloutOptions,
    tools: Effects,
) -> Iterator[Step]:
    """Reinstall the nodes of ``wanted`` (node -> what to install); what happens, as it happens.

    targets  of the same nodes: how each is reached

    A node that cannot be sent, or is silent for too long, fails and stays drained; what else was begun goes on.  When
    too many fail, no further wave begins, and the rest is told as ``not begun``.
    """
    verdicts = orders.preview(database, wanted, force=plan.force, rearm=plan.rearm)
    yield from [
        Step(one.node, one.action, one.reason)
        for one in verdicts
        if one.action in (REFUSED, UNCHANGED)
    ]
    # It came up after an interrupted run had drained it.
    tools.scheduler.resume([one.node for one in verdicts if one.action == UNCHANGED])
    nodes = [one.node for one in verdicts if one.action not in (REFUSED, UNCHANGED)]
    begun = failed = 0
    why = ""
    for number, wave in enumerate(plan_waves(nodes, plan.rules)):
        if why:
            for node in wave:
                yield Step(node, NOT_BEGUN, why)
            continue
        ended: dict[str, str] = {}
        for step in _run_wave(
            database, {node: wanted[node] for node in wave}, targets, plan, tools
        ):
            ended[step.node] = step.state
            yield step
        begun += len(wave)
        failed += sum(step not in (UP, SENT) for step in ended.values())
        canary = bool(plan.rules.canary) and number == 0 and len(nodes) > 1
        why = stop_reason(begun, failed, canary, plan.rules)


def _run_wave(
    database: Database,
    wanted: Mapping[str, Pin],
    targets: Mapping[str, BootTarget],
    plan: RolloutOptions,
    tools: Effects,
) -> Iterator[Step]:
    tools.scheduler.drain(list(wanted), f"by {plan.by}")
    waiting = list(wanted)
    following: dict[str, Order] = {}
    told: dict[str, tuple[str, str, int]] = {}
    try:
        while waiting or following:
            busy = tools.scheduler.busy(waiting) if waiting else set()
            free = [node for node in waiting if node not in busy]
            waiting = [node for node in waiting if node in busy]
            for node in waiting:
                if node not in told:
                    told[node] = (WAITING, "", 0)
                    yield Step(node, WAITING, "a job still runs")
            for step, order in _start_installs(
                database, {node: wanted[node] for node in free}, targets, plan, tools
            ):
                yield step
                if order is not None and plan.wait:
                    following[order.node] = order
            yield from _poll(database, following, told, plan, tools)
            if waiting or following:
                tools.sleep(POLL_SECONDS)
    finally:
        tools.scheduler.resume(waiting)  # interrupted: nothing was begun there


def _start_installs(
    database: Database,
    wanted: Mapping[str, Pin],
    targets: Mapping[str, BootTarget],
    plan: RolloutOptions,
    tools: Effects,
) -> Iterator[tuple[Step, Order | None]]:
    """Order nodes and send them into the installer, many at once; those whose order goes on already are followed."""
    if not wanted:
        return
    verdicts = orders.create_orders(
        database,
        wanted,
        by=plan.by,
        now=tools.now(),
        force=plan.force,
        rearm=plan.rearm,
        wipe=plan.wipe,
    )
    to_send = []
    for verdict in verdicts:
        # An order that was made before an interrupt, and whose node nobody has heard of, is sent again.
        again = (
            verdict.action == UNDER_WAY
            and verdict.order is not None
            and verdict.order.state == ORDERED
        )
        if verdict.order is not None and (verdict.action == ORDER or again):
            to_send.append(verdict.order)
        elif verdict.action == UNDER_WAY and verdict.order is not None:
            yield Step(verdict.node, verdict.order.state, verdict.reason), verdict.order
        else:
            tools.scheduler.resume(
                [verdict.node]
            )  # somebody else was faster, and it is not ours to hold
            yield Step(verdict.node, verdict.action, verdict.reason), None
    for order, done in run_concurrently(lambda order: tools.send(targets[order.node]), to_send):
        error = done.exception()
        if error is None:
            yield Step(order.node, SENT, f"by {done.result()}"), order
        elif isinstance(error, RocksError):
            ended = orders.fail(
                database, [order], by="service", now=tools.now(), reason=error.advice
            )
            if ended:
                tools.scheduler.hold(order.node, error.what)
            # Else the machine came by itself.
            yield (
                Step(order.node, FAILED if ended else SENT, error.advice),
                None if ended else order,
            )
        else:
            raise error


def _poll(
    database: Database,
    following: dict[str, Order],
    told: dict[str, tuple[str, str, int]],
    plan: RolloutOptions,
    tools: Effects,
) -> Iterator[Step]:
    """What the nodes have told since the last look; those that ended leave ``following``."""
    up = []
    for order in _load_progress(database, [one.uuid for one in following.values()], plan, tools):
        news = (order.state, order.phase, order.done)
        if told.get(order.node) != news:
            told[order.node] = news
            yield Step(
                order.node,
                order.state,
                order.reason or order.message or order.phase,
                order.done,
                order.total,
            )
        if order.state in LIVE:
            continue
        del following[order.node]
        if order.state == UP:
            up.append(order.node)
        else:
            tools.scheduler.hold(order.node, order.reason)
    tools.scheduler.resume(up)


def _load_progress(
    database: Database, uuids: Sequence[str], plan: RolloutOptions, tools: Effects
) -> list[Order]:
    """The orders as they are now, after those that were silent for too long have failed."""
    found = orders.find_by_uuid(database, uuids)
    late = [
        (order, reason)
        for order in found
        if (reason := _overdue_reason(order, plan.deadlines, tools.now()))
    ]
    for order, reason in late:
        orders.fail(database, [order], by="service", now=tools.now(), reason=reason)
    return orders.find_by_uuid(database, uuids) if late else found


def _overdue_reason(order: Order, deadlines: Mapping[str, int], now: str) -> str:
    """Why the order fails now, or nothing."""
    limit = deadlines.get(order.state)
    if limit is None or timestamps.to_seconds(now) - timestamps.to_seconds(order.changed) <= limit:
        return ""
    return f"nothing was heard of it for {limit} s, when it was {order.state}"


def last_steps(steps: Sequence[Step]) -> dict[str, Step]:
    """The last step of each node."""
    return {step.node: step for step in steps}
