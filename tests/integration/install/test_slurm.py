# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstallation and Slurm's jobs (paper, 6.3 and 6.2.3), on a real slurmctld with a real slurmd for each node.

A node's machine is a program: it stops slurmd, speaks for the installer to the database, puts what the order pins on
the node's disk, boots, and says "up" when the test lets it.  A job tells what it finds there.
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
import sys
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from support.ansible import BIN, ROOT
from support.cluster import Urls
from support.daemons import Daemon, daemon
from support.frontend import publish
from support.slurm import SECONDS, Slurm, slurm
from support.waiting import until

NODES = ["compute-0-0", "compute-0-1", "compute-0-2"]
OLD, NEW, TESTING = "a" * 12, "b" * 12, "c" * 12
# What a job finds on its node.  Slurm forgets to clean up at once after one that ends while it still begins.
TELL = "sleep 1; cat /etc/rocks/generation"
MACHINE = """
import pathlib, subprocess, sys, time
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit
folder, node = pathlib.Path({folder!r}), sys.argv[1]
disk = folder / "disks" / node / "rocks"
subprocess.run([folder / "off", node], check=True)
with connect({url!r}) as database:
    (order,) = orders.list_live(database, [node])
    for state in ("booted", "installing", "installed"):
        order = orders.advance(database, order, state, now=timestamps.now(), audit=Audit("node", "event", "200"))
    (disk / "distribution").write_text(order.pin.distribution + "\\n")
    (disk / "generation").write_text(order.pin.generation + "\\n")
    subprocess.run([folder / "boot", node], check=True)
    while (folder / ("silent." + node)).exists():
        time.sleep(0.1)  # a node that hangs, for as long as the test says
    orders.advance(database, order, "up", now=timestamps.now(), audit=Audit("node", "event", "200"), manifest="m")
"""
# Where Slurm's programs look for their configuration, this one's is.
HERE = 'mount --bind {folder}/etc /etc/slurm && exec "$@"'


class Site:
    """A frontend whose nodes run jobs."""

    def __init__(self, cluster: Slurm, database: Database, environment: dict[str, str]) -> None:
        self.cluster, self.database, self.environment = cluster, database, environment

    def inside(self, *argv: str) -> list[str]:
        """The command where /etc/slurm is the cluster's."""
        return ["unshare", "-m", "sh", "-c", HERE.format(folder=self.cluster.folder), "sh", *argv]

    def reinstall(
        self, log: pathlib.Path, *words: str, pattern: str = "compute"
    ) -> contextlib.AbstractContextManager[Daemon]:
        """``ansible compute -m rocks_reinstall -a scheduler=slurm``, begun."""
        options = " ".join(("scheduler=slurm", *words))
        argv = [str(BIN / "ansible"), pattern, "-m", "rocks_reinstall", "-a", options]
        return daemon(self.inside(*argv), log, env=self.environment, cwd=str(ROOT))

    def silent(self, node: str) -> pathlib.Path:
        """While this file is there, the node has booted and does not say that it is up."""
        return self.cluster.folder / f"silent.{node}"

    def pins(self) -> dict[str, tuple[str, str, str]]:
        """Node -> state, distribution and generation of its last order."""
        found = orders.load_candidates(self.database, NODES)
        return {one.name: (one.last.state, *one.last.pin[::2]) for one in found if one.last}


@pytest.fixture
def site(table_ii: Database, urls: Urls, tmp_path: pathlib.Path) -> Iterator[Site]:
    """Three nodes that run the generation before the published one, and Slurm's reboot program as the role makes it."""
    with slurm(NODES, ["rocks", "rocks-testing"]) as running:
        yield _site(running, table_ii, urls, tmp_path)


def _site(running: Slurm, database: Database, urls: Urls, folder: pathlib.Path) -> Site:
    install = folder / "install"
    publish(install, OLD)
    publish(install, NEW)
    publish(install, TESTING, name="rocks-testing")
    config = folder / "rocks.yml"
    config.write_text(f"database: {urls.administrator}\ndistributions: {install}\n")
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
    here = HERE.format(folder=running.folder).replace('exec "$@"', f'{python} {reboot} "$@"')
    _program(
        running.folder / "reboot",
        f"unshare -m sh -c '{here}' sh \"$@\" </dev/null >>{folder}/reboot.log 2>&1",
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


def test_jobs_finish_a_canary_is_verified_and_the_next_job_has_the_new_software(
    site: Site, tmp_path: pathlib.Path
) -> None:
    cluster, over = site.cluster, tmp_path / "over"
    held = cluster.submit(
        "-w", "compute-0-1", script=f"while ! [ -e {over} ]; do sleep 0.2; done; {TELL}"
    )
    cluster.wait_for("compute-0-1", "allocated")
    site.silent("compute-0-0").touch()
    with site.reinstall(tmp_path / "ansible.log") as command:
        command.wait_for("compute-0-0 installed", SECONDS)
        # Its slurmd runs again, and until the frontend has verified it no job begins there, or anything elsewhere.
        cluster.wait_for("compute-0-0", "drained")
        assert cluster.state("compute-0-0") == "drained|rocks_reinstall: by root"
        assert cluster.state("compute-0-1") == "allocated|none"
        assert cluster.state("compute-0-2") == "idle|none"
        site.silent("compute-0-0").unlink()
        command.wait_for("compute-0-1 waiting: a job still runs", SECONDS)
        command.wait_for("compute-0-2 up", SECONDS)
        assert cluster.state("compute-0-1").startswith("draining|")
        waiting = cluster.submit("-w", "compute-0-1", script=TELL)
        over.touch()
        command.wait_for("compute-0-1 up", SECONDS)
        assert command.process.wait(SECONDS) == 0
    until(lambda: read(waiting), SECONDS, "the next job to run")
    assert (read(held), read(waiting)) == (OLD + "\n", NEW + "\n")
    assert site.pins() == dict.fromkeys(NODES, ("up", "rocks", NEW))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_ended_gives_back_the_nodes_whose_jobs_still_run(
    site: Site, tmp_path: pathlib.Path, end: signal.Signals
) -> None:
    cluster, over = site.cluster, tmp_path / "over"
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


def test_a_canary_that_fails_stays_out_with_its_reason_and_the_others_stay_in(
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


def test_a_node_that_somebody_took_out_is_installed_and_stays_his(
    site: Site, tmp_path: pathlib.Path
) -> None:
    site.cluster.run("scontrol", "update", "NodeName=compute-0-2", "State=DRAIN", "Reason=bad DIMM")
    with site.reinstall(tmp_path / "ansible.log", pattern="compute-0-2") as command:
        assert command.process.wait(SECONDS) == 0
    assert site.pins()["compute-0-2"] == ("up", "rocks", NEW)
    site.cluster.wait_for("compute-0-2", "drained")
    assert site.cluster.state("compute-0-2") == "drained|bad DIMM"


def test_a_job_gets_nodes_that_are_reinstalled_with_the_distribution_it_asks_for(
    site: Site,
) -> None:
    output = site.cluster.submit("-C", "rocks_testing", "-N", "2", script=f"srun sh -c '{TELL}'")
    # Slurm looks at nodes that come back for a job twice a minute.
    until(lambda: read(output).count("\n") == 2, 2 * SECONDS, "the job to run on both")
    assert read(output) == f"{TESTING}\n" * 2
    assert sorted(site.pins().values()) == [("up", "rocks-testing", TESTING)] * 2


def test_a_canary_by_slurms_own_reboot_comes_back_down_until_it_is_verified(site: Site) -> None:
    site.silent("compute-0-1").touch()
    site.cluster.run("scontrol", "reboot", "ASAP", "nextstate=DOWN", "reason=canary", "compute-0-1")
    until(
        lambda: "reboot complete" in site.cluster.state("compute-0-1"), SECONDS, "it to come back"
    )
    assert site.cluster.state("compute-0-1").startswith("down|")
    assert site.pins()["compute-0-1"] == ("installed", "rocks", NEW)  # so it is not verified
    site.silent("compute-0-1").unlink()
    until(lambda: site.pins()["compute-0-1"][0] == "up", SECONDS, "it to be verified")


def test_slurm_must_wait_long_enough_or_nothing_is_ordered(
    table_ii: Database, urls: Urls, tmp_path: pathlib.Path
) -> None:
    with slurm(NODES[:1], ["rocks", "rocks-testing"], resume_timeout=60) as short:
        site = _site(short, table_ii, urls, tmp_path)
        short.run("scontrol", "reboot", "ASAP", "reason=by-hand", "compute-0-0")
        until(lambda: "ResumeTimeout is 60 s" in short.state("compute-0-0"), SECONDS, "the refusal")
        assert "State=DOWN" in short.run("scontrol", "show", "node", "compute-0-0")
        assert site.pins() == {}
