# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine that nobody knows is switched on, becomes compute-0-0, works, and is reinstalled with newer software."""

from __future__ import annotations

import pathlib
from dataclasses import replace

from lab.distribution.sources import LOCAL
from lab.evidence import Laps
from lab.machine.hardware import Hardware
from lab.machine.machine import Machine, machine
from lab.story.frontend import Frontend, frontend, playbook
from support.namespaces import Network
from support.waiting import until

NODE = Hardware("52:54:00:00:00:01")
NAME, ADDRESS = "compute-0-0", "10.1.255.254"
SECONDS, INSTALL_SECONDS = 120.0, 900.0
STATE = "/state/partition1/kept"
NEWER = replace(LOCAL, version="1.1")


def test_an_unknown_bios_machine_becomes_a_compute_node_works_and_is_reinstalled(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with frontend(net, folder / "frontend") as fe, machine(net, folder / "node", NODE) as node:
        laps.lap("the frontend has converged and published a distribution")
        integrate(fe, node, laps)
        check_node(fe, "1.0")
        run_a_job(fe)

        ssh(fe, f"echo state >{STATE}; echo soft >/root/gone; sync")
        fe.add_package(NEWER)
        assert "1 upgraded" in fe.publish()
        reinstall(fe, node, laps)
        check_node(fe, "1.1")
        assert ssh(fe, f"cat {STATE}; test -e /root/gone || echo clean") == "state\nclean\n"
        run_a_job(fe)


def integrate(fe: Frontend, node: Machine, laps: Laps) -> None:
    """The machine is switched on once, while insert-ethers watches; all else follows."""
    argv = playbook("insert-ethers", {"count": 1, "timeout": INSTALL_SECONDS, "wait_for_kickstart": True})
    with fe.daemon(argv, "insert-ethers.log") as watching:
        watching.wait_for("listening to", SECONDS)
        laps.restart()
        node.power_on()
        watching.wait_for(f"{NAME} is {node.mac}, {ADDRESS}", SECONDS)
        laps.lap("entered", node.cpu_seconds())
        until(lambda: not watching.alive(), INSTALL_SECONDS, "insert-ethers to see the kickstart asked for")
        assert watching.process.returncode == 0, watching.output()
    follow(fe, node, laps)


def follow(fe: Frontend, node: Machine, laps: Laps) -> None:
    """Wait until the last order has come through each of its states to its end."""
    for state in ("installing", "installed", "up"):
        node.wait(lambda: order(fe, state), INSTALL_SECONDS, f"the order to be {state}")  # noqa: B023
        laps.lap(state, node.cpu_seconds())


def order(fe: Frontend, state: str) -> bool:
    """Has the node's last order reached this state?"""
    ((now, reason),) = fe.sql("select state, coalesce(reason, '') from installs order by id desc limit 1")
    if now in ("failed", "expired", "cancelled"):
        raise RuntimeError(f"the order has {now}: {reason}")
    states = ("ordered", "booted", "installing", "installed", "up")
    return states.index(now) >= states.index(state)


def check_node(fe: Frontend, version: str) -> None:
    """What an installed node must be: whole, ours, and idle in the scheduler."""
    assert ssh(fe, "systemctl is-system-running --wait") == "running\n"
    assert ssh(fe, "hostname") == f"{NAME}\n"
    assert ssh(fe, "rpm -q --queryformat %{VERSION} site-settings") == version
    until(lambda: fe.run("sinfo", "--noheader", "--nodes", NAME, "--format=%T") == "idle\n", SECONDS, "an idle node")


def run_a_job(fe: Frontend) -> None:
    """A job that runs on the node and tells its name."""
    assert fe.run("srun", "--nodes=1", "hostname") == f"{NAME}\n"


def reinstall(fe: Frontend, node: Machine, laps: Laps) -> None:
    """``rocks_reinstall`` for the group of all compute nodes, while somebody watches the console."""
    argv = ["ansible", "compute", "-m", "rocks_reinstall", "-a", "scheduler=slurm"]
    laps.restart()
    with fe.daemon(argv, "reinstall.log") as running:
        running.wait_for(f"{NAME} sent", SECONDS)
        assert fe.run("sinfo", "--noheader", "--nodes", NAME, "--format=%T").startswith("drain")
        node.wait(lambda: order(fe, "installing"), INSTALL_SECONDS, "the order to be installing")
        laps.lap("reinstallation: installing", node.cpu_seconds())
        with fe.daemon(["sh", "-c", f"sleep infinity | telnet {ADDRESS} 8000"], "console.log") as watching:
            node.wait(lambda: "Installing " in watching.output(), INSTALL_SECONDS, "the console to be seen")
        node.wait(lambda: not running.alive(), INSTALL_SECONDS, "rocks_reinstall to end")
        laps.lap("reinstallation: up", node.cpu_seconds())
        assert running.process.returncode == 0, running.output()


def ssh(fe: Frontend, text: str) -> str:
    """Run a line of shell on the node, as root on the frontend would."""
    options = ["-o", "StrictHostKeyChecking=accept-new", "-o", "ConnectTimeout=20", "-o", "BatchMode=yes"]
    return fe.run("ssh", *options, f"root@{ADDRESS}", text)
