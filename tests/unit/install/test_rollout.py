"""Many nodes at once: drained, ordered, sent, watched until they are up; and what is left when it goes wrong."""

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
from support.cluster import Urls

PIN = Pin("rocks", "x86_64", "4c19e0b2", "f" * 64)
NODES = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]
NEXT = {"ordered": "booted", "booted": "installing", "installing": "installed", "installed": "up"}
MACHINE = Audit("node", "event", "200")
PLAN = RolloutOptions("root")


class Cluster:
    """Machines that install themselves as time goes by, on a clock of their own.

    silent  nodes that never ask for anything; dead: those that no way reaches
    jobs    node -> how many looks its job still runs
    """

    def __init__(
        self, database: Database, silent: Sequence[str] = (), dead: Sequence[str] = ()
    ) -> None:
        self.database, self.silent, self.dead = database, silent, dead
        self.moment = timestamps.to_seconds("2026-11-22 09:00:00")
        self.sent: list[str] = []
        self.jobs: dict[str, int] = {}
        self.drained: list[str] = []
        self.resumed: list[str] = []
        self.held: dict[str, str] = {}
        self.on_sleep: Callable[[], None] = lambda: None

    def tools(self) -> Effects:
        return Effects(self.send, lambda: timestamps.from_seconds(self.moment), self.sleep, self)

    def send(self, target: BootTarget) -> str:
        if target.node in self.dead:
            raise Unavailable("reboot: no route to host", target.node)
        self.sent.append(target.node)
        return "reboot"

    def sleep(self, seconds: float) -> None:
        self.moment += 60
        self.on_sleep()
        for order in orders.list_live(self.database):
            if order.node in self.sent and order.node not in self.silent:
                orders.advance(
                    self.database,
                    order,
                    NEXT[order.state],
                    now=timestamps.from_seconds(self.moment),
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


def run(cluster: Cluster, nodes: Sequence[str] = NODES, plan: RolloutOptions = PLAN) -> list[Step]:
    database = cluster.database
    return list(
        roll_out(
            database,
            dict.fromkeys(nodes, PIN),
            load_boot_targets(database, list(nodes)),
            plan,
            cluster.tools(),
        )
    )


def ends(steps: list[Step]) -> dict[str, str]:
    return {node: step.state for node, step in last_steps(steps).items()}


def test_every_node_comes_up_and_is_given_back(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    assert ends(run(cluster)) == dict.fromkeys(NODES, "up")
    assert sorted(cluster.drained) == sorted(cluster.resumed) == NODES


def test_the_canary_goes_alone_and_the_rest_after_it(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    steps = run(cluster)
    first = [step.node for step in steps if step.state == "sent"]
    assert first[0] == NODES[0]
    up = steps.index(next(step for step in steps if step.state == "up"))
    assert up < steps.index(
        next(step for step in steps if step.node == NODES[1] and step.state == "sent")
    )


def test_a_canary_that_does_not_come_up_ends_it(table_ii: Database) -> None:
    cluster = Cluster(table_ii, silent=NODES[:1])
    found = ends(run(cluster))
    assert found == {NODES[0]: "failed", **dict.fromkeys(NODES[1:], "not begun")}
    assert cluster.sent == NODES[:1]
    assert cluster.resumed == []
    assert orders.list_live(table_ii) == []


def test_a_node_that_no_way_reaches_fails_with_the_reason(table_ii: Database) -> None:
    cluster = Cluster(table_ii, dead=["compute-0-2"])
    steps = run(cluster)
    assert last_steps(steps)["compute-0-2"] == Step(
        "compute-0-2", "failed", "reboot: no route to host"
    )
    assert "compute-0-2" not in cluster.resumed
    assert cluster.held == {"compute-0-2": "reboot: no route to host"}
    assert ends(steps)["compute-0-3"] == "up"


def test_too_many_failures_stop_the_waves_and_let_finish_what_was_begun(table_ii: Database) -> None:
    cluster = Cluster(table_ii, dead=["compute-0-0", "compute-0-1"])
    found = ends(
        run(
            cluster,
            plan=RolloutOptions("root", rules=WaveRules(canary=0, sizes=(3, 1), max_failed=2)),
        )
    )
    assert found == {
        **{
            "compute-0-0": "failed",
            "compute-0-1": "failed",
            "compute-0-2": "up",
            "compute-0-3": "not begun",
        }
    }


def test_frontends_and_switches_are_refused_each_with_its_reason(table_ii: Database) -> None:
    found = last_steps(run(Cluster(table_ii), ["frontend-0", "network-0-0", "compute-0-0"]))
    assert found["frontend-0"].state == found["network-0-0"].state == "refused"
    assert "frontend" in found["frontend-0"].message
    assert "no root" in found["network-0-0"].message
    assert found["compute-0-0"].state == "up"


def test_a_node_that_runs_what_is_wanted_is_unchanged(table_ii: Database) -> None:
    run(Cluster(table_ii))
    again = Cluster(table_ii)
    assert ends(run(again)) == dict.fromkeys(NODES, "unchanged")
    assert again.sent == again.drained == []
    assert (
        again.resumed == NODES
    )  # it may have come up after the run that drained it was interrupted


def test_force_installs_it_all_the_same(table_ii: Database) -> None:
    run(Cluster(table_ii))
    assert ends(run(Cluster(table_ii), plan=RolloutOptions("root", force=True))) == dict.fromkeys(
        NODES, "up"
    )


def test_a_running_job_finishes_first(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    cluster.jobs = {"compute-0-1": 3}
    steps = run(cluster, plan=RolloutOptions("root", rules=WaveRules(canary=0)))
    assert Step("compute-0-1", "waiting", "a job still runs") in steps
    assert cluster.sent[-1] == "compute-0-1"
    assert ends(steps) == dict.fromkeys(NODES, "up")


def test_an_interrupt_leaves_orders_that_a_second_run_takes_up(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    count = 0

    def interrupt() -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt

    cluster.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(cluster, plan=RolloutOptions("root", rules=WaveRules(canary=0)))
    assert len(orders.list_live(table_ii)) == 4
    cluster.on_sleep = lambda: None
    assert ends(
        run(cluster, plan=RolloutOptions("root", rules=WaveRules(canary=0)))
    ) == dict.fromkeys(NODES, "up")
    assert cluster.sent == sorted(cluster.sent)  # nobody was sent twice
    assert table_ii.rows("select count(*) from installs") == [(4,)]


def test_an_interrupt_gives_back_the_nodes_whose_jobs_still_run(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    cluster.jobs = dict.fromkeys(NODES, 99)

    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(cluster, plan=RolloutOptions("root", rules=WaveRules(canary=0)))
    assert cluster.drained == cluster.resumed == NODES
    assert orders.list_live(table_ii) == []


def test_a_machine_that_comes_by_itself_when_no_way_reaches_it_is_followed(
    table_ii: Database, urls: Urls
) -> None:
    cluster = Cluster(table_ii)

    def send(target: BootTarget) -> str:  # in a thread, so with a connection of its own
        with connect(urls.administrator) as database:
            (order,) = orders.list_live(database)
            for state in ("booted", "installing", "installed", "up"):
                order = orders.advance(
                    database,
                    order,
                    state,
                    now=timestamps.from_seconds(cluster.moment),
                    audit=MACHINE,
                )
        raise Unavailable("reboot: the connection was closed", target.node)

    wanted = {"compute-0-0": PIN}
    steps = list(
        roll_out(
            table_ii,
            wanted,
            load_boot_targets(table_ii, [*wanted]),
            PLAN,
            cluster.tools()._replace(send=send),
        )
    )
    assert ends(steps) == {"compute-0-0": "up"}
    assert (cluster.held, cluster.resumed) == ({}, ["compute-0-0"])


def test_without_waiting_the_orders_are_made_and_sent(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    plan = RolloutOptions("root", rules=WaveRules(canary=0), wait=False)
    assert ends(run(cluster, plan=plan)) == dict.fromkeys(NODES, "sent")
    assert len(orders.list_live(table_ii)) == 4


def test_silence_within_a_phase_is_a_failure(table_ii: Database) -> None:
    cluster = Cluster(table_ii)
    cluster.on_sleep = lambda: setattr(
        cluster,
        "silent",
        [order.node for order in orders.list_live(table_ii) if order.state == "installing"],
    )
    found = last_steps(run(cluster, ["compute-0-0"]))["compute-0-0"]
    assert (found.state, "installing" in found.message) == ("failed", True)
