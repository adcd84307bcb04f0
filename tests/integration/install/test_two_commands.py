"""Several rocks_reinstall for the same nodes, as processes, on SQLite and on MariaDB."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import subprocess
from dataclasses import dataclass
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit
from support.ansible import BIN, ROOT
from support.cluster import fill
from support.frontend import publish
from support.mariadb import fast_folder, server
from support.waiting import until

NODES = ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"]
MACHINE = Audit("node", "event", "200")
SECONDS = 120.0
OPTIONS = '{"force": true, "canary": 0}'


@dataclass
class Command:
    """A running rocks_reinstall."""

    process: subprocess.Popen[bytes]
    log: pathlib.Path

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self) -> int:
        return self.process.wait(SECONDS)


@dataclass
class Site:
    """The paper's cluster; each call of the power outlet is a line of a file."""

    url: str
    folder: pathlib.Path
    database: Database

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_INVENTORY": str(self.folder / "rocks_inventory_rocks.yml"),
            "PYTHONUNBUFFERED": "1",  # Ansible does not flush its output
            "ROCKS_CONFIG": str(self.folder / "rocks.yml"),
        }

    @contextlib.contextmanager
    def reinstall(self, name: str) -> Iterator[Command]:
        log = self.folder / f"{name}.log"
        argv = ["ansible", "compute", "-m", "rocks_reinstall", "-a", OPTIONS]
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield Command(process, log)
        finally:
            process.kill()
            process.wait(SECONDS)

    def sent(self) -> list[str]:
        """Return the nodes that the outlet has switched, in order of their names."""
        path = self.folder / "outlet.log"
        return sorted(path.read_text().split()) if path.exists() else []

    def install(self) -> None:
        """Let every machine with an order install itself."""
        for order in orders.list_live(self.database):
            for state in ("booted", "installing", "installed", "up"):
                order = orders.advance(
                    self.database, order, state, now=timestamps.now(), audit=MACHINE
                )


@contextlib.contextmanager
def new_url(engine: str, folder: pathlib.Path) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite://{folder}/cluster.sqlite"
        return
    with fast_folder() as place, server(place) as running:
        yield running.create("cluster")


@pytest.fixture(params=["sqlite", "mariadb"])
def site(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Site]:
    with (
        new_url(request.param, tmp_path) as url,
        connect(url, create=True, check=False) as database,
    ):
        migrate(database)
        fill(database)
        publish(tmp_path / "install")
        (tmp_path / "rocks.yml").write_text(
            f"database: {url}\ndistributions: {tmp_path / 'install'}\nscheduler: none\n"
        )
        (tmp_path / "rocks_inventory_rocks.yml").write_text("plugin: npaci.rocks.rocks\n")
        outlet = tmp_path / "outlet"
        outlet.write_text(f'#!/bin/sh\necho "$1" >>{tmp_path}/outlet.log\n')
        outlet.chmod(0o755)
        for name, value in (
            ("timezone", "UTC"),
            ("reinstall_by", "outlet"),
            ("outlet_command", f"{outlet} {{node}}"),
        ):
            database.execute(
                "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                (name, value),
            )
        yield Site(url, tmp_path, database)


def test_two_administrators_at_once_restart_each_machine_once(site: Site) -> None:
    with site.reinstall("alice") as alice, site.reinstall("bob") as bob:
        commands = (alice, bob)
        until(
            lambda: all(f"{node} " in log.output for node in NODES for log in commands),
            SECONDS,
            "a step of each node",
        )
        until(lambda: len(site.sent()) >= 4, SECONDS, "the outlets")
        site.install()
        assert [command.wait() for command in commands] == [0, 0], alice.output + bob.output
        for command in commands:
            assert all(f"{node} up" in command.output for node in NODES)
    assert site.sent() == NODES
    assert site.database.rows("select node, attempts, state from installs order by node") == [
        (node, 1, "up") for node in (4, 5, 6, 7)
    ]


def test_an_interrupted_command_names_its_orders_and_the_next_one_restarts_no_machine(
    site: Site,
) -> None:
    with site.reinstall("interrupted") as interrupted:
        until(
            lambda: all(f"{node} sent: by outlet" in interrupted.output for node in NODES),
            SECONDS,
            "the machines to be sent",
        )
        interrupted.process.send_signal(signal.SIGINT)
        assert interrupted.wait() != 0
        until(lambda: "to cancel them" in interrupted.output, SECONDS, "the message")
        assert "interrupted: 4 orders stay live" in interrupted.output
        assert "compute-0-0 ordered, sent " in interrupted.output
        assert "installs when it boots from the network, until " in interrupted.output
    with site.reinstall("again") as again:
        until(lambda: "compute-0-3 ordered: " in again.output, SECONDS, "the orders")
        site.install()
        assert again.wait() == 0, again.output
    assert site.sent() == NODES
