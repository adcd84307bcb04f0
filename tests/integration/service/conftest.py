"""A frontend as sites run it (nginx, gunicorn, MariaDB) and its machines, in namespaces."""

from __future__ import annotations

import contextlib
import json
import pathlib
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import grant_role
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from support import mariadb as servers
from support.cluster import fill
from support.frontend import ATTRIBUTES, publish
from support.namespaces import Namespace, Network, network
from support.site import (
    SERVICE_ACCOUNT,
    SERVICE_PASSWORD,
    Site,
    public_folder,
    run_site,
    service_settings,
)

FRONTEND = "10.1.1.1"
CHANGING = ("install_keys", "install_events", "installs", "audit", "secrets", "hardware")


@dataclass(frozen=True)
class CurlResponse:
    """curl's result: status 0 when there was no response, and then curl's exit status."""

    status: int
    headers: str
    text: str
    exit: int

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Machine:
    """A machine on the cluster's network, and what its users can do."""

    namespace: Namespace

    def curl(
        self, path: str, *options: str, user: int = 0, base: str = f"http://{FRONTEND}"
    ) -> CurlResponse:
        """Send a request to the frontend with curl, as the installer does."""
        mark = "\n--rocks-test--"
        argv = [
            "curl",
            "-s",
            "-i",
            "-m",
            "20",
            "--path-as-is",
            "-w",
            f"{mark}%{{http_code}}",
            *options,
            base + path,
        ]
        if user:
            argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]
        done = self.namespace.run(argv, timeout=40, ok=range(256))
        answer, _mark, status = done.stdout.rpartition(mark)
        headers, _blank, text = answer.partition("\n\n")
        return CurlResponse(int(status or 0), headers, text, done.status)

    def post(
        self, path: str, *options: str, user: int = 0, ports: str = "600-1023", **message: Any
    ) -> CurlResponse:
        """Send a message from a privileged port, as the progress program does."""
        source = ["--local-port", ports] if ports else []
        return self.curl(path, *source, "--json", json.dumps(message), *options, user=user)

    def start_installer(self, order: Order, base: str = f"http://{FRONTEND}") -> CurlResponse:
        """Send the first message of the installer."""
        source = ("--local-port", "600-1023")
        message = json.dumps({"order": order.uuid, "phase": "installing"})
        return self.curl("/rocks/events", *source, "--json", message, base=base)


@dataclass(frozen=True)
class Stage:
    """A running frontend, and machines on its network."""

    site: Site
    database: Database
    server: servers.Server
    network: Network
    pin: Pin
    node: Machine
    other: Machine
    stranger: Machine

    def order(self, node: str = "compute-0-0", **options: Any) -> Order:
        (verdict,) = orders.create_orders(
            self.database, {node: self.pin}, by="root", now=timestamps.now(), force=True, **options
        )
        assert verdict.order is not None, verdict.reason
        return verdict.order

    def current(self, order: Order) -> Order:
        return orders.find_by_uuid(self.database, [order.uuid])[0]


def add_machine(network: Network, label: str, mac: str, address: str) -> Machine:
    namespace = network.client(label, mac)
    namespace.ip("address", "add", f"{address}/8", "dev", "eth0")
    return Machine(namespace)


@contextlib.contextmanager
def run_stage(
    url: str = f"http://{FRONTEND}",
    prepare: Callable[[pathlib.Path], Mapping[str, Any]] = lambda _place: {},
) -> Iterator[Stage]:
    """Run a frontend with its network until the block ends.

    prepare  may put files into the site's folder; returns further variables for the role's
             templates
    """
    with (
        public_folder() as path,
        servers.server(path / "mariadb") as server,
        network(f"{FRONTEND}/8") as net,
    ):
        (path / "mariadb").chmod(0o755)
        name = f"t{uuid.uuid4().hex[:12]}"
        with connect(server.create(name), check=False) as database:
            migrate(database)
            fill(database)
            for key, value in ATTRIBUTES.items():
                database.execute(
                    "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                    (key, value),
                )
            grant_role(database, "service", SERVICE_ACCOUNT, password=SERVICE_PASSWORD)
            pin = publish(path / "install")
            (path / "boot").mkdir()
            variables = prepare(path)
            location = f"localhost/{name}?socket={server.socket}"
            authority = f"{path}/ca.pem" if url.startswith("https:") else ""
            rocks_yml = service_settings(
                path,
                location,
                url=url,
                viewers=f"{FRONTEND} 127.0.0.1",
                authority=authority,
            )
            with run_site(path, net.server, rocks_yml, variables) as site:
                yield Stage(
                    site=site,
                    database=database,
                    server=server,
                    network=net,
                    pin=pin,
                    node=add_machine(net, "node", "00:50:8b:e0:3a:a7", "10.255.255.245"),
                    other=add_machine(net, "other", "00:50:8b:e0:44:5e", "10.255.255.244"),
                    stranger=add_machine(net, "stranger", "02:00:00:00:00:99", "10.9.9.9"),
                )


@pytest.fixture(scope="session")
def running() -> Iterator[Stage]:
    """The frontend, started once for all tests."""
    with run_stage() as stage:
        yield stage


@pytest.fixture
def stage(running: Stage) -> Stage:
    """The frontend, without any orders."""
    for table in CHANGING:
        running.database.execute(f"delete from {table}")
    return running
