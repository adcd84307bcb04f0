# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstallation and Slurm's jobs (paper, 6.3 and 6.2.3), with a real slurmctld and slurmds.

A node's machine is a program: it stops slurmd, advances the order as the installer would, writes
the pinned generation to the node's disk, boots, and reports "up" when the test allows it.  The jobs
print the generation of their node.
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
import sys
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from support.ansible import BIN, ROOT
from support.cluster import Urls
from support.daemons import Daemon, daemon
from support.frontend import publish
from support.slurm import FIRST_PORT, SECONDS, Slurm, slurm
from support.waiting import until

NODES = ["compute-0-0", "compute-0-1", "compute-0-2"]
OLD = "a" * 12
NEW = "b" * 12
TESTING = "c" * 12
# Prints the generation of the node.  If a job ends while it still starts, Slurm delays its cleanup.
PRINT_GENERATION = "sleep 1; cat /etc/rocks/generation"
MACHINE = """
import pathlib, subprocess, sys, time
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit
folder = pathlib.Path({folder!r})
node = sys.argv[1]
audit = Audit("node", "event", "200")
disk = folder / "disks" / node / "rocks"
subprocess.run([folder / "off", node], check=True)
with connect({url!r}) as database:
    (order,) = orders.list_live(database, [node])
    for state in ("booted", "installing", "installed"):
        order = orders.advance(database, order, state, now=timestamps.now(), audit=audit)
    (disk / "distribution").write_text(order.pin.distribution + "\\n")
    (disk / "generation").write_text(order.pin.generation + "\\n")
    subprocess.run([folder / "boot", node], check=True)
    while (folder / ("silent." + node)).exists():
        time.sleep(0.1)  # the node hangs until the test continues
    orders.advance(database, order, "up", now=timestamps.now(), audit=audit, manifest="m")
"""
# Runs a command with the configuration of this Slurm.
WITH_CONFIG = 'mount --bind {folder}/etc /etc/slurm && exec "$@"'
# Runs a command on a machine with no configuration of Slurm, and with the key of this cluster.
LOGIN = """mkdir -p /run/munge && mount --bind {folder}/munge /run/munge
mount -t tmpfs none /etc/slurm
exec "$@" """


class Site:
    """A frontend whose nodes run jobs."""

    def __init__(self, cluster: Slurm, database: Database, environment: dict[str, str]) -> None:
        self.cluster = cluster
        self.database = database
        self.environment = environment

    def inside(self, *argv: str) -> list[str]:
        """Return a command that runs with the cluster's /etc/slurm."""
        return [
            "unshare",
            "-m",
            "sh",
            "-c",
            WITH_CONFIG.format(folder=self.cluster.folder),
            "sh",
            *argv,
        ]

    def reinstall(
        self, log: pathlib.Path, *words: str, pattern: str = "compute"
    ) -> contextlib.AbstractContextManager[Daemon]:
        """Start ``ansible compute -m rocks_reinstall``, with the site's scheduler."""
        argv = [str(BIN / "ansible"), pattern, "-m", "rocks_reinstall", "-a", " ".join(words)]
        return daemon(self.inside(*argv), log, env=self.environment, cwd=str(ROOT))

    def silent(self, node: str) -> pathlib.Path:
        """While this file exists, a booted node does not report that it is up."""
        return self.cluster.folder / f"silent.{node}"

    def pins(self) -> dict[str, tuple[str, str, str]]:
        """Map nodes to the state, distribution and generation of their last orders."""
        return {
            node.name: (node.last.state, node.last.pin.distribution, node.last.pin.generation)
            for node in orders.load_candidates(self.database, NODES)
            if node.last
        }


@pytest.fixture
def site(table_ii: Database, urls: Urls, tmp_path: pathlib.Path) -> Iterator[Site]:
    """Three nodes with an old generation, and the RebootProgram that the role installs."""
    with slurm(NODES, ["rocks", "rocks-testing"]) as running:
        yield _site(running, table_ii, urls, tmp_path)


def _site(running: Slurm, database: Database, urls: Urls, folder: pathlib.Path) -> Site:
    install = folder / "install"
    publish(install, OLD)
    publish(install, NEW)
    publish(install, TESTING, name="rocks-testing")
    config = folder / "rocks.yml"
    config.write_text(
        f"database: {urls.administrator}\ndistributions: {install}\nscheduler: slurm\n"
    )
    (folder / "inventory_rocks.yml").write_text("plugin: npaci.rocks.rocks\n")
    machine = folder / "machine.py"
    machine.write_text(MACHINE.format(folder=str(running.folder), url=urls.administrator))
    python = f"PYTHONPATH={ROOT}/.collections ROCKS_CONFIG={config} setsid -f {sys.executable}"
    _program(folder / "switch", f"{python} {machine} $1 </dev/null >>{folder}/machine.log 2>&1")
    site = Site(
        running,
        database,
        {
            "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_INVENTORY": str(folder / "inventory_rocks.yml"),
            "ROCKS_CONFIG": str(config),
        },
    )
    reboot = "-m ansible_collections.npaci.rocks.plugins.module_utils.commands.slurm_reboot"
    script = WITH_CONFIG.format(folder=running.folder).replace(
        'exec "$@"', f'{python} {reboot} "$@"'
    )
    _program(
        running.folder / "reboot",
        f"unshare -m sh -c '{script}' sh \"$@\" </dev/null >>{folder}/reboot.log 2>&1",
    )
    for name, value in (
        ("timezone", "UTC"),
        ("reinstall_by", "outlet"),
        ("outlet_command", f"{folder}/switch {{node}}"),
    ):
        database.execute(
            "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
            (name, value),
        )
    # The fourth node of the paper's table is not Slurm's.
    database.execute("delete from nodes where name = 'compute-0-3'")
    for node in running.nodes:
        (running.root(node) / "generation").write_text(OLD + "\n")
    return site


def _program(path: pathlib.Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def read(path: str) -> str:
    return pathlib.Path(path).read_text()


def test_jobs_finish_and_the_next_job_runs_on_the_new_generation(
    site: Site, tmp_path: pathlib.Path
) -> None:
    cluster = site.cluster
    over = tmp_path / "over"
    running = cluster.submit(
        "-w", "compute-0-1", script=f"while ! [ -e {over} ]; do sleep 0.2; done; {PRINT_GENERATION}"
    )
    cluster.wait_for("compute-0-1", "allocated")
    site.silent("compute-0-0").touch()
    with site.reinstall(tmp_path / "ansible.log") as command:
        command.wait_for("compute-0-0 installed", SECONDS)
        # Its slurmd runs again.  Until the node is up, no job starts there, and no other node is
        # reinstalled.
        cluster.wait_for("compute-0-0", "drained")
        assert cluster.state("compute-0-0") == "drained|rocks_reinstall: by root"
        assert cluster.state("compute-0-1") == "allocated|none"
        assert cluster.state("compute-0-2") == "idle|none"
        site.silent("compute-0-0").unlink()
        command.wait_for("compute-0-1 waiting: a job still runs", SECONDS)
        command.wait_for("compute-0-2 up", SECONDS)
        assert cluster.state("compute-0-1").startswith("draining|")
        waiting = cluster.submit("-w", "compute-0-1", script=PRINT_GENERATION)
        over.touch()
        command.wait_for("compute-0-1 up", SECONDS)
        assert command.process.wait(SECONDS) == 0
    until(lambda: read(waiting), SECONDS, "the next job to run")
    assert (read(running), read(waiting)) == (OLD + "\n", NEW + "\n")
    assert site.pins() == dict.fromkeys(NODES, ("up", "rocks", NEW))


def test_a_node_that_runs_a_job_is_refused_without_the_scheduler_unless_jobs_are_forced(
    site: Site, tmp_path: pathlib.Path
) -> None:
    cluster = site.cluster
    over = tmp_path / "over"
    cluster.submit("-w", "compute-0-1", script=f"while ! [ -e {over} ]; do sleep 0.2; done")
    cluster.wait_for("compute-0-1", "allocated")
    with site.reinstall(tmp_path / "none.log", "scheduler=none", "canary=0") as command:
        command.wait_for("compute-0-2 up", SECONDS)
        assert command.process.wait(SECONDS) != 0
    refusal = (
        "compute-0-1 refused: it runs a job; use scheduler=slurm to wait for it, or force_jobs"
    )
    assert refusal in read(f"{tmp_path}/none.log")
    assert cluster.state("compute-0-1") in ("allocated|none", "mixed|none")
    assert site.pins().keys() == {"compute-0-0", "compute-0-2"}
    forced = ("scheduler=none", "force_jobs=true")
    with site.reinstall(tmp_path / "forced.log", *forced, pattern="compute-0-1") as command:
        assert command.process.wait(SECONDS) == 0
    assert site.pins()["compute-0-1"] == ("up", "rocks", NEW)
    over.touch()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_command_resumes_the_nodes_whose_jobs_still_run(
    site: Site, tmp_path: pathlib.Path, end: signal.Signals
) -> None:
    cluster = site.cluster
    over = tmp_path / "over"
    cluster.submit("-w", "compute-0-1", script=f"while ! [ -e {over} ]; do sleep 0.2; done")
    cluster.wait_for("compute-0-1", "allocated")
    with site.reinstall(tmp_path / "ansible.log", pattern="compute-0-1") as command:
        command.wait_for("compute-0-1 waiting: a job still runs", SECONDS)
        cluster.wait_for("compute-0-1", "draining")
        command.signal(end)
        command.process.wait(SECONDS)
        cluster.wait_for("compute-0-1", "allocated")
    over.touch()
    cluster.wait_for("compute-0-1", "idle")
    assert site.pins() == {}


def test_a_failed_canary_stays_drained_with_its_reason_and_the_other_nodes_stay_idle(
    site: Site, tmp_path: pathlib.Path
) -> None:
    site.database.execute(
        "update attributes set value = '/bin/false' where name = 'outlet_command'"
    )
    with site.reinstall(tmp_path / "ansible.log") as command:
        assert command.process.wait(SECONDS) == 2
    assert (
        site.cluster.state("compute-0-0") == "drained|rocks_reinstall: outlet: ended with status 1"
    )
    assert [site.cluster.state(node) for node in NODES[1:]] == ["idle|none"] * 2


def test_a_node_that_another_user_drained_is_installed_and_stays_drained(
    site: Site, tmp_path: pathlib.Path
) -> None:
    site.cluster.run("scontrol", "update", "NodeName=compute-0-2", "State=DRAIN", "Reason=bad DIMM")
    with site.reinstall(tmp_path / "ansible.log", pattern="compute-0-2") as command:
        assert command.process.wait(SECONDS) == 0
    assert site.pins()["compute-0-2"] == ("up", "rocks", NEW)
    site.cluster.wait_for("compute-0-2", "drained")
    assert site.cluster.state("compute-0-2") == "drained|bad DIMM"


def test_a_job_with_a_feature_runs_on_nodes_with_the_distribution_of_that_name(
    site: Site,
) -> None:
    output = site.cluster.submit(
        "-C", "rocks_testing", "-N", "2", script=f"srun sh -c '{PRINT_GENERATION}'"
    )
    # Slurm checks rebooted nodes of a job twice a minute.
    until(lambda: read(output).count("\n") == 2, 2 * SECONDS, "the job to run on both")
    assert read(output) == f"{TESTING}\n" * 2
    assert sorted(site.pins().values()) == [("up", "rocks-testing", TESTING)] * 2


def test_a_node_rebooted_by_slurm_with_nextstate_down_stays_down(site: Site) -> None:
    site.silent("compute-0-1").touch()
    site.cluster.run("scontrol", "reboot", "ASAP", "nextstate=DOWN", "reason=canary", "compute-0-1")
    until(
        lambda: "reboot complete" in site.cluster.state("compute-0-1"),
        SECONDS,
        "the node to come back",
    )
    assert site.cluster.state("compute-0-1").startswith("down|")
    assert site.pins()["compute-0-1"] == ("installed", "rocks", NEW)  # it has not reported yet
    site.silent("compute-0-1").unlink()
    until(lambda: site.pins()["compute-0-1"][0] == "up", SECONDS, "the node to be up")


def test_nothing_is_ordered_if_the_resume_timeout_of_slurm_is_too_short(
    table_ii: Database, urls: Urls, tmp_path: pathlib.Path
) -> None:
    with slurm(NODES[:1], ["rocks", "rocks-testing"], resume_timeout=60) as short:
        site = _site(short, table_ii, urls, tmp_path)
        short.run("scontrol", "reboot", "ASAP", "reason=by-hand", "compute-0-0")
        until(lambda: "ResumeTimeout is 60 s" in short.state("compute-0-0"), SECONDS, "the refusal")
        assert "State=DOWN" in short.run("scontrol", "show", "node", "compute-0-0")
        assert site.pins() == {}


def test_commands_of_a_login_node_read_their_configuration_from_the_controller(site: Site) -> None:
    """Before sackd (23.11), the node file names the controller in the environment of users."""
    login = process.run(
        ["unshare", "-m", "sh", "-ec", LOGIN.format(folder=site.cluster.folder), "sh", "sinfo"],
        timeout=SECONDS,
        env={"SLURM_CONF_SERVER": f"127.0.0.1:{FIRST_PORT - 1}"},
    )
    assert "all*" in login.stdout
