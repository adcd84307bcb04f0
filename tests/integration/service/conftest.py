"""A frontend's HTTP face in a network of its own: nginx, gunicorn and MariaDB as a site runs them, and machines as namespaces."""

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
from support.site import SERVICE_ACCOUNT, SERVICE_PASSWORD, Site, as_service, face, folder

FRONTEND = "10.1.1.1"
CHANGING = ("install_keys", "install_events", "installs", "audit", "secrets", "hardware")


@dataclass(frozen=True)
class Answer:
    """What curl got: status 0 when there was no answer, and curl's own exit status then."""

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
    ) -> Answer:
        """Ask the frontend with the very client that the installer has."""
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
        return Answer(int(status or 0), headers, text, done.status)

    def post(
        self, path: str, *options: str, user: int = 0, ports: str = "600-1023", **message: Any
    ) -> Answer:
        """A message, as the progress program sends it: from a privileged port."""
        source = ["--local-port", ports] if ports else []
        return self.curl(path, *source, "--json", json.dumps(message), *options, user=user)


@dataclass(frozen=True)
class Stage:
    """Everything that a test needs."""

    site: Site
    database: Database
    server: servers.Server
    network: Network
    pin: Pin
    node: Machine
    other: Machine
    stranger: Machine

    def order(self, node: str = "compute-0-0", **options: Any) -> Order:
        (said,) = orders.create_orders(
            self.database, {node: self.pin}, by="root", now=timestamps.now(), force=True, **options
        )
        assert said.order is not None, said.reason
        return said.order

    def current(self, order: Order) -> Order:
        return orders.find_by_uuid(self.database, [order.uuid])[0]


def machine(network: Network, label: str, mac: str, address: str) -> Machine:
    namespace = network.client(label, mac)
    namespace.ip("address", "add", f"{address}/8", "dev", "eth0")
    return Machine(namespace)


@contextlib.contextmanager
def a_stage(
    url: str = f"http://{FRONTEND}",
    prepare: Callable[[pathlib.Path], Mapping[str, Any]] = lambda _place: {},
) -> Iterator[Stage]:
    """A whole of its own, started and ended.

    prepare  puts what it likes into the site's folder, and returns further variables for the role's templates
    """
    with (
        folder() as place,
        servers.server(place / "mariadb") as server,
        network(f"{FRONTEND}/8") as net,
    ):
        (place / "mariadb").chmod(0o755)
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
            pin = publish(place / "install")
            (place / "boot").mkdir()
            variables, at = prepare(place), f"localhost/{name}?socket={server.socket}"
            authority = f"{place}/ca.pem" if url.startswith("https:") else ""
            rocks_yml = as_service(place, at, url, f"{FRONTEND} 127.0.0.1", authority)
            with face(place, net.server, rocks_yml, variables) as site:
                yield Stage(
                    site, database, server, net, pin,
                    machine(net, "node", "00:50:8b:e0:3a:a7", "10.255.255.245"),
                    machine(net, "other", "00:50:8b:e0:44:5e", "10.255.255.244"),
                    machine(net, "stranger", "02:00:00:00:00:99", "10.9.9.9"),
                )  # fmt: skip


@pytest.fixture(scope="session")
def running() -> Iterator[Stage]:
    """The whole, started once a run."""
    with a_stage() as started:
        yield started


@pytest.fixture
def stage(running: Stage) -> Stage:
    """The whole, with no order ever made."""
    for table in CHANGING:
        running.database.execute(f"delete from {table}")
    return running
