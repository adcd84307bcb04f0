"""Rollouts: nodes are drained, ordered and booted, and resumed when up; interrupts and failures."""

from __future__ import annotations

from typing import Callable, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
    load_boot_targets,
)
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


def run(
    cluster: Cluster, nodes: Sequence[str] = NODES, options: RolloutOptions = OPTIONS
) -> list[Step]:
    database = cluster.database
    return list(
        roll_out(
            database,
            dict.fromkeys(nodes, PIN),
            load_boot_targets(database, list(nodes)),
            options=options,
            effects=cluster.effects(),
        )
    )


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
    assert cluster.booted == sorted(cluster.booted)  # no node was booted twice
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
