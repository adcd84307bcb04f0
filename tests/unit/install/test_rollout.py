"""Rollouts: nodes are drained, ordered and booted, and resumed when up; interrupts and failures."""

from __future__ import annotations

import threading
from typing import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install import (
    orders,
    sending,
    timestamps,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
    load_boot_targets,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout import concurrency
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.rollout import (
    Effects,
    RolloutOptions,
    Step,
    last_steps,
    roll_out,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.rollout.waves import WaveRules
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import OrderState
from support.cluster import Urls

PIN = Pin("rocks", "x86_64", "4c19e0b2", "f" * 64)
NODES = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]
NEXT: dict[str, OrderState] = {
    "ordered": "booted",
    "booted": "installing",
    "installing": "installed",
    "installed": "up",
}
MACHINE = Audit("node", "event", "200")
OPTIONS = RolloutOptions("root")


class Cluster:
    """Simulated machines and scheduler, with a simulated clock: each sleep advances every order.

    silent  nodes that never send a request
    dead    nodes whose boot methods all fail
    jobs    node -> for how many polls its job still runs
    """

    def __init__(
        self, database: Database, silent: Sequence[str] = (), dead: Sequence[str] = ()
    ) -> None:
        self.database = database
        self.silent = silent
        self.dead = dead
        self.seconds = timestamps.to_seconds("2026-11-22 09:00:00")
        self.booted: list[str] = []
        self.jobs: dict[str, int] = {}
        self.drained: list[str] = []
        self.resumed: list[str] = []
        self.held: dict[str, str] = {}
        self.on_sleep: Callable[[], None] = lambda: None

    def effects(self) -> Effects:
        return Effects(
            boot_installer=self.boot_installer,
            now=lambda: timestamps.from_seconds(self.seconds),
            sleep=self.sleep,
            scheduler=self,
        )

    def boot_installer(self, target: BootTarget) -> str:
        if target.node in self.dead:
            raise Unavailable("reboot: no route to host", target.node)
        self.booted.append(target.node)
        return "reboot"

    def sleep(self, seconds: float) -> None:
        self.seconds += 60
        self.on_sleep()
        for order in orders.list_live(self.database):
            if order.node in self.booted and order.node not in self.silent:
                orders.advance(
                    self.database,
                    order,
                    NEXT[order.state],
                    now=timestamps.from_seconds(self.seconds),
                    audit=MACHINE,
                    manifest="m",
                )

    def drain(self, nodes: Sequence[str], reason: str) -> None:
        self.drained += nodes

    def busy(self, nodes: Sequence[str]) -> set[str]:
        busy = {node for node in nodes if self.jobs.get(node, 0) > 0}
        for node in busy:
            self.jobs[node] -= 1
        return busy

    def resume(self, nodes: Sequence[str]) -> None:
        self.resumed += nodes

    def hold(self, node: str, reason: str) -> None:
        self.held[node] = reason


def start(
    cluster: Cluster, nodes: Sequence[str] = NODES, options: RolloutOptions = OPTIONS
) -> Iterator[Step]:
    """Return a rollout that runs as its steps are read."""
    database = cluster.database
    return roll_out(
        database,
        dict.fromkeys(nodes, PIN),
        load_boot_targets(database, list(nodes)),
        options=options,
        effects=cluster.effects(),
    )


def run(
    cluster: Cluster, nodes: Sequence[str] = NODES, options: RolloutOptions = OPTIONS
) -> list[Step]:
    return list(start(cluster, nodes, options))


def final_states(steps: list[Step]) -> dict[str, str]:
    return {node: step.state for node, step in last_steps(steps).items()}


def test_every_node_comes_up_and_is_resumed(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    assert final_states(run(cluster)) == dict.fromkeys(NODES, "up")
    assert sorted(cluster.drained) == sorted(cluster.resumed) == NODES


def test_the_other_nodes_start_after_the_canary_is_up(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    steps = run(cluster)
    first = [step.node for step in steps if step.state == "sent"]
    assert first[0] == NODES[0]
    up = steps.index(next(step for step in steps if step.state == "up"))
    assert up < steps.index(
        next(step for step in steps if step.node == NODES[1] and step.state == "sent")
    )


def test_a_failed_canary_stops_the_rollout(table_ii: Database) -> None:
    cluster = Cluster(table_ii, silent=NODES[:1])
    states = final_states(run(cluster))
    assert states == {NODES[0]: "failed", **dict.fromkeys(NODES[1:], "not begun")}
    assert cluster.booted == NODES[:1]
    assert cluster.resumed == []
    assert orders.list_live(table_ii) == []


def test_a_node_whose_boot_methods_fail_is_held_with_the_reason(table_ii: Database) -> None:
    cluster = Cluster(table_ii, dead=["compute-0-2"])
    steps = run(cluster)
    assert last_steps(steps)["compute-0-2"] == Step(
        "compute-0-2", "failed", "reboot: no route to host"
    )
    assert "compute-0-2" not in cluster.resumed
    assert cluster.held == {"compute-0-2": "reboot: no route to host"}
    assert final_states(steps)["compute-0-3"] == "up"


def test_too_many_failures_stop_further_waves_but_not_the_current_one(table_ii: Database) -> None:
    cluster = Cluster(table_ii, dead=["compute-0-0", "compute-0-1"])
    states = final_states(
        run(
            cluster,
            options=RolloutOptions("root", rules=WaveRules(canary=0, sizes=(3, 1), max_failed=2)),
        )
    )
    assert states == {
        **{
            "compute-0-0": "failed",
            "compute-0-1": "failed",
            "compute-0-2": "up",
            "compute-0-3": "not begun",
        }
    }


def test_frontends_and_switches_are_refused_with_reasons(table_ii: Database) -> None:
    last = last_steps(run(Cluster(table_ii), ["frontend-0", "network-0-0", "compute-0-0"]))
    assert last["frontend-0"].state == last["network-0-0"].state == "refused"
    assert "frontend" in last["frontend-0"].message
    assert "no root" in last["network-0-0"].message
    assert last["compute-0-0"].state == "up"


def test_a_node_that_runs_the_pin_is_unchanged(table_ii: Database) -> None:
    run(Cluster(table_ii))
    second = Cluster(table_ii)
    assert final_states(run(second)) == dict.fromkeys(NODES, "unchanged")
    assert second.booted == second.drained == []
    # An interrupted run can have drained the nodes.
    assert second.resumed == NODES


def test_a_node_in_maintenance_is_no_canary_and_stays_drained(table_ii: Database) -> None:
    set_attribute(table_ii, "maintenance", "in maintenance: fan 3", Scope(node=NODES[0]))
    cluster = Cluster(table_ii)
    steps = run(cluster, options=RolloutOptions("root", force=True))
    states = final_states(steps)
    assert states == {NODES[0]: "maintenance", **dict.fromkeys(NODES[1:], "up")}
    assert sorted(cluster.booted) == sorted(cluster.drained) == sorted(cluster.resumed) == NODES[1:]
    assert "fan 3" in last_steps(steps)[NODES[0]].message


def test_force_also_installs_unchanged_nodes(table_ii: Database) -> None:
    run(Cluster(table_ii))
    assert final_states(
        run(Cluster(table_ii), options=RolloutOptions("root", force=True))
    ) == dict.fromkeys(NODES, "up")


def test_a_node_waits_for_its_running_job(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    cluster.jobs = {"compute-0-1": 3}
    steps = run(cluster, options=RolloutOptions("root", rules=WaveRules(canary=0)))
    assert Step("compute-0-1", "waiting", "a job still runs") in steps
    assert cluster.booted[-1] == "compute-0-1"
    assert final_states(steps) == dict.fromkeys(NODES, "up")


def test_a_second_run_continues_the_orders_of_an_interrupted_one(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    count = 0

    def interrupt() -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt

    cluster.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(cluster, options=RolloutOptions("root", rules=WaveRules(canary=0)))
    assert len(orders.list_live(table_ii)) == 4
    cluster.on_sleep = lambda: None
    assert final_states(
        run(cluster, options=RolloutOptions("root", rules=WaveRules(canary=0)))
    ) == dict.fromkeys(NODES, "up")
    assert sorted(cluster.booted) == NODES  # no node was booted twice
    assert table_ii.rows("select count(*) from installs") == [(4,)]


def test_an_interrupt_resumes_the_nodes_whose_jobs_still_run(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    cluster.jobs = dict.fromkeys(NODES, 99)

    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(cluster, options=RolloutOptions("root", rules=WaveRules(canary=0)))
    assert cluster.drained == cluster.resumed == NODES
    assert orders.list_live(table_ii) == []


def test_a_machine_that_installs_although_its_boot_methods_failed_is_followed(
    table_ii: Database, urls: Urls
) -> None:
    cluster = Cluster(table_ii)

    # Runs in a thread, which needs its own connection.
    def boot_installer(target: BootTarget) -> str:
        with connect(urls.administrator) as database:
            (order,) = orders.list_live(database)
            for state in ("booted", "installing", "installed", "up"):
                order = orders.advance(
                    database,
                    order,
                    state,
                    now=timestamps.from_seconds(cluster.seconds),
                    audit=MACHINE,
                )
        raise Unavailable("reboot: the connection was closed", target.node)

    pins = {"compute-0-0": PIN}
    steps = list(
        roll_out(
            table_ii,
            pins,
            load_boot_targets(table_ii, [*pins]),
            options=OPTIONS,
            effects=cluster.effects()._replace(boot_installer=boot_installer),
        )
    )
    assert final_states(steps) == {"compute-0-0": "up"}
    assert (cluster.held, cluster.resumed) == ({}, ["compute-0-0"])


def test_without_wait_the_nodes_are_ordered_and_booted(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    options = RolloutOptions("root", rules=WaveRules(canary=0), wait=False)
    assert final_states(run(cluster, options=options)) == dict.fromkeys(NODES, "sent")
    assert len(orders.list_live(table_ii)) == 4


def test_silence_within_a_phase_is_a_failure(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    cluster.on_sleep = lambda: setattr(
        cluster,
        "silent",
        [order.node for order in orders.list_live(table_ii) if order.state == "installing"],
    )
    last = last_steps(run(cluster, ["compute-0-0"]))["compute-0-0"]
    assert (last.state, "installing" in last.message) == ("failed", True)


AT_ONCE = RolloutOptions("root", force=True, rules=WaveRules(canary=0))


def test_a_sent_node_is_not_shown_as_ordered_afterwards(table_ii: Database) -> None:
    states = [step.state for step in run(Cluster(table_ii), ["compute-0-0"])]
    assert states == ["sent", "booted", "installing", "installed", "up"]


def test_a_second_command_follows_the_nodes_that_another_one_has_sent(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    first = start(cluster, options=AT_ONCE)
    assert [next(first).state for _node in NODES] == ["sent"] * 4
    second = run(cluster, options=AT_ONCE._replace(by="alice"))
    assert second[0].state == "ordered" and "sent 0 s ago by reboot" in second[0].message
    assert final_states(second) == dict.fromkeys(NODES, "up")
    assert last_steps(list(first))[NODES[0]].state == "up"
    assert sorted(cluster.booted) == NODES


def test_without_wait_a_node_that_another_command_has_sent_is_live(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    options = AT_ONCE._replace(wait=False)
    run(cluster, options=options)
    assert final_states(run(cluster, options=options)) == dict.fromkeys(NODES, "live")
    assert sorted(cluster.booted) == NODES


def test_a_node_that_discovery_has_just_ordered_is_sent_only_after_the_deadline(
    table_ii: Database,
) -> None:
    cluster = Cluster(table_ii)
    now = timestamps.from_seconds(cluster.seconds)
    pins = {"compute-0-0": PIN}
    orders.create_orders(table_ii, pins, by="discovery", now=now, driver=sending.DISCOVERY)
    options = OPTIONS._replace(wait=False)
    assert final_states(run(cluster, ["compute-0-0"], options)) == {"compute-0-0": "live"}
    assert cluster.booted == []
    cluster.seconds += 901
    assert final_states(run(cluster, ["compute-0-0"], options)) == {"compute-0-0": "sent"}


def test_a_node_that_a_user_marked_as_booted_is_sent_by_its_own_command(
    table_ii: Database,
) -> None:
    cluster = Cluster(table_ii)
    now = timestamps.from_seconds(cluster.seconds)
    (verdict,) = orders.create_orders(table_ii, {"compute-0-0": PIN}, by="root", now=now)
    assert verdict.order is not None
    booted = orders.advance(table_ii, verdict.order, "booted", now=now, audit=MACHINE)
    options = {"by": "root", "now": now, "deadlines": OPTIONS.deadlines}
    assert sending.reserve(table_ii, booted, is_new=False, **options) is None  # type: ignore[arg-type]
    reserved = sending.reserve(table_ii, booted, is_new=True, **options)  # type: ignore[arg-type]
    assert reserved is not None and reserved.attempts == 1


def test_a_machine_whose_installer_has_started_is_never_sent(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    now = timestamps.from_seconds(cluster.seconds)
    pins = {"compute-0-0": PIN}
    (verdict,) = orders.create_orders(table_ii, pins, by="root", now=now)
    assert verdict.order is not None
    orders.advance(table_ii, verdict.order, "installing", now=now, audit=MACHINE)
    cluster.seconds += 500
    cluster.silent = ["compute-0-0"]
    assert final_states(run(cluster, ["compute-0-0"], AT_ONCE)) == {"compute-0-0": "failed"}
    assert cluster.booted == []


def test_an_interrupt_cancels_the_orders_that_were_not_sent(
    table_ii: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concurrency, "THREADS", 1)
    cluster = Cluster(table_ii)
    second_runs = threading.Event()
    release = threading.Event()

    def boot_installer(target: BootTarget) -> str:
        if target.node == NODES[1]:
            second_runs.set()
            release.wait(30)
        return cluster.boot_installer(target)

    now = timestamps.from_seconds(cluster.seconds)
    orders.create_orders(table_ii, {NODES[3]: PIN}, by="alice", now=now)
    rollout = roll_out(
        table_ii,
        dict.fromkeys(NODES, PIN),
        load_boot_targets(table_ii, NODES),
        options=AT_ONCE,
        effects=cluster.effects()._replace(boot_installer=boot_installer),
    )
    assert next(rollout) == Step(NODES[0], "sent", "by reboot")
    assert second_runs.wait(30)
    rollout.close()  # type: ignore[attr-defined]
    release.set()
    live = {order.node: order.attempts for order in orders.list_live(table_ii)}
    assert live == {NODES[0]: 1, NODES[1]: 1, NODES[3]: 0}  # the last one is another user's
    assert sorted(cluster.resumed) == NODES[2:]
    assert table_ii.rows("select distinct state from installs where live is null") == [
        ("cancelled",)
    ]


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(turns=st.lists(st.sampled_from(("first", "second", "interrupt", "again")), max_size=60))
def test_no_machine_is_restarted_twice_whatever_several_commands_do(
    table_ii: Database, turns: list[str]
) -> None:
    table_ii.execute("delete from installs")
    cluster = Cluster(table_ii)
    commands = {
        name: start(cluster, options=AT_ONCE._replace(force=False)) for name in ("first", "second")
    }
    for turn in turns:
        if turn in commands:
            next(commands[turn], None)
        elif turn == "interrupt":
            commands["first"].close()  # type: ignore[attr-defined]
        else:
            commands["first"] = start(cluster, options=AT_ONCE._replace(force=False))
    for command in commands.values():
        list(command)
    run(cluster, options=AT_ONCE._replace(force=False))
    assert sorted(cluster.booted) == NODES
    assert table_ii.rows("select distinct state, attempts from installs where live is null") == [
        ("up", 1)
    ]
