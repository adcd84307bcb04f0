"""Install nodes, discover machines and read the page while machines of the network flood it."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Callable, Iterator

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import Enroller
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import (
    Handlers,
    StopCondition,
    watch,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Placement
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.packet_socket import (
    PacketSocket,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import UP
from support import dhcp
from support import floods as programs
from support.namespaces import BRIDGE
from support.site import ROOT
from support.syslog import node_syslog
from support.waiting import until

from .conftest import FRONTEND, Machine, Stage, add_machine

KNOWN = "00:50:8b:e0:44:5e"
SECRETS_HEADER = ("-H", "X-RHN-Provisioning-MAC-0: eth0 00:50:8b:e0:3a:a7")
STRANGERS = 3
DISCOVERY_SECONDS = LOG_SECONDS = 60.0
FIRST_NEW_MAC = 0xF00000


@dataclass
class Figures:
    """What was measured: seconds of each kind of work, and what the floods have left."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    log_bytes: int = 0
    audit_rows: int = 0
    event_rows: int = 0

    def measure(self, what: str, work: Callable[[], None]) -> None:
        """Do the work and note its seconds, or why it failed."""
        started = time.monotonic()
        try:
            work()
        except (AssertionError, TimeoutError) as error:
            self.failures.append(f"{what}: {error}")
        self.seconds.setdefault(what, []).append(time.monotonic() - started)


def measure_under_floods(
    stage: Stage, folder: pathlib.Path, seconds: float, *, floods: bool = True
) -> Figures:
    """Measure for so long, or for one turn of all work; ``folder`` holds logs."""
    figures = Figures()
    with contextlib.ExitStack() as running:
        running.enter_context(node_syslog(stage.network.server, folder))
        running.enter_context(discovery(stage))
        if floods:
            running.enter_context(all_floods(stage, folder))
        deadline = time.monotonic() + seconds
        turn = 0
        while not turn or time.monotonic() < deadline:
            figures.measure("an installation, from boot to up", partial(install, stage))
            figures.measure("a boot answer", partial(boot, stage))
            figures.measure("the page", partial(read_page, stage))
            figures.measure("a log line of another node", partial(log_line, stage, folder, turn))
            mac = dhcp.mac(FIRST_NEW_MAC + turn)
            figures.measure("a discovery, from request to row", partial(discover, stage, mac))
            turn += 1
    figures.log_bytes = sum(path.stat().st_size for path in (folder / "logs").iterdir())
    figures.audit_rows = count(stage.database, "audit")
    figures.event_rows = count(stage.database, "install_events")
    return figures


@contextlib.contextmanager
def all_floods(stage: Stage, folder: pathlib.Path) -> Iterator[None]:
    """Run every flood at once: users of an ordered node, root of another, and strangers."""
    stage.order("compute-0-1")
    rogue = add_machine(stage.network, "rogue", "00:50:8b:e0:40:95", "10.255.255.243")
    order = stage.order("compute-0-2")
    assert rogue.start_installer(order).status == 200
    machines = [stage.other, stage.stranger] + [
        add_machine(stage.network, f"flood{number}", dhcp.mac(number), f"10.9.9.{number + 10}")
        for number in range(STRANGERS)
    ]
    with contextlib.ExitStack() as running:
        for number, machine in enumerate(machines):
            for kind in ("syslog-tcp", "syslog-udp", "requests", "refused"):
                start(running, machine, kind, folder / f"{kind}-{number}.log")
        start(running, rogue, "events", folder / "events.log", order.uuid)
        start(running, stage.stranger, "discovers", folder / "discovers.log", KNOWN)
        yield


def start(
    inside: contextlib.ExitStack, machine: Machine, kind: str, log: pathlib.Path, *words: str
) -> None:
    """Run a program of ``support.floods`` on a machine until the end of ``inside``."""
    argv = [sys.executable, "-m", programs.__name__, kind, *words]
    env = {"PYTHONPATH": f"{ROOT}/.collections:{ROOT}/tests"}
    inside.enter_context(machine.namespace.daemon(argv, log, env=env))


@contextlib.contextmanager
def discovery(stage: Stage) -> Iterator[None]:
    """Enrol the machines that boot on the network, as insert-ethers does."""
    wire = stage.network.server.call(PacketSocket, BRIDGE)
    stopped = threading.Event()

    def run() -> None:
        with connect(stage.database.location.url) as database:
            enroller = Enroller(database, Placement(rack=7))
            for _event in watch(
                wire, Handlers(enrol=enroller.enrol), StopCondition(), stop=stopped.is_set
            ):
                pass

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        wire.close()


def install(stage: Stage) -> None:
    """Install compute-0-0, with all requests of an installation."""
    node = stage.node
    order = stage.order(rearm=True)
    assert node.curl("/rocks/boot?form=ipxe").status == 200
    assert node.curl("/rocks/kickstart").status == 200
    assert node.start_installer(order).status == 200
    assert node.post("/rocks/secrets", *SECRETS_HEADER, order=order.uuid).status == 200
    for phase in ("install", "post", "installed"):
        assert node.post("/rocks/events", order=order.uuid, phase=phase).status == 200, phase
    response = node.post(
        "/rocks/events",
        order=order.uuid,
        phase="up",
        profile=order.pin.profile,
        generation=order.pin.generation,
    )
    assert response.status == 200
    assert stage.current(order).state == UP


def boot(stage: Stage) -> None:
    assert "local disk" in stage.node.curl("/rocks/boot?form=grub").text


def read_page(stage: Stage) -> None:
    argv = ["curl", "-s", "-m", "20", "-w", "%{http_code}", "http://127.0.0.1/"]
    assert stage.network.server.run(argv, timeout=30, ok=range(256)).stdout.endswith("200")


def log_line(stage: Stage, folder: pathlib.Path, number: int) -> None:
    """Send a line from a node as its rsyslog does, until it is stored."""
    line = f"<13>Nov 30 21:00:00 compute-0-0 test: line {number} of the installer\n"

    def send() -> None:
        with socket.create_connection((FRONTEND, 514)) as connection:
            connection.sendall(line.encode())

    stage.node.namespace.call(send)
    log = folder / "logs" / "10.255.255.245.log"
    text = f"line {number} of the installer"
    until(lambda: log.exists() and text in log.read_text(), LOG_SECONDS, f"{text!r} in {log}")


def discover(stage: Stage, mac: str) -> None:
    """Send the request of a machine's firmware, again every second, until it has a row."""
    requests = [dhcp.discover(mac, [(60, b"PXEClient"), (93, b"\0\x07")])]
    sent = [0.0]

    def has_row() -> bool:
        if time.monotonic() - sent[0] >= 1.0:
            sent[0] = time.monotonic()
            dhcp.send(stage.node.namespace, requests)
        return bool(stage.database.row("select 1 from nodes where mac = ?", (mac,)))

    until(has_row, DISCOVERY_SECONDS, f"{mac} in the database")


def count(database: Database, table: str) -> int:
    row = database.row(f"select count(*) from {table}")
    return int(row[0]) if row else 0
