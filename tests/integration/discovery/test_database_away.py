# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""During an outage of a real database server, no machine is lost."""

from __future__ import annotations

import pathlib
import threading

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import Enroller
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import (
    Handlers,
    StopCondition,
    watch,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import LogFile
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    Event,
    EventKind,
    Placement,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.order_progress import (
    order_states,
)
from support.cluster import fill
from support.dhcp import mac
from support.mariadb import server
from support.waiting import until

SECONDS = 20.0


class Loop:
    """insert-ethers on a log, in a thread."""

    def __init__(self, url: str, log: pathlib.Path) -> None:
        self.events: list[Event] = []
        self._log = log
        self._url = url
        self._stopped = threading.Event()
        self._source = LogFile(str(log))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with connect(self._url) as database:
            handlers = Handlers(
                enrol=Enroller(database, Placement()).enrol,
                order_states=lambda names: order_states(database, names),
            )
            for event in watch(self._source, handlers, StopCondition(), stop=self._stopped.is_set):
                self.events.append(event)

    def write_request(self, number: int) -> None:
        with self._log.open("a") as log:
            log.write(f"dhcpd[1]: DHCPDISCOVER from {mac(number)} via eth1\n")

    def enrolled_macs(self) -> list[str]:
        return [event.mac for event in self.events if event.kind == EventKind.ENROLLED]

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._source.close()


def test_machines_seen_during_an_outage_are_enrolled_afterwards(
    tmp_path: pathlib.Path,
) -> None:
    log = tmp_path / "messages"
    log.touch()
    with server(tmp_path / "mariadb") as mariadb:
        url = mariadb.create("cluster")
        with connect(url, check=False) as database:
            migrate(database)
            fill(database)
        loop = Loop(url, log)
        loop.write_request(1)
        until(lambda: loop.enrolled_macs() == [mac(1)], SECONDS, "the first machine")
        # Stop it, do not kill it: the tests' server does not flush each transaction.
        mariadb.daemon.stop()
    try:
        loop.write_request(2)
        loop.write_request(3)
        until(
            lambda: any(event.kind == EventKind.RETRYING for event in loop.events),
            SECONDS,
            "the loop to notice",
        )
        loop.write_request(4)
        with server(tmp_path / "mariadb"):
            until(
                lambda: len(loop.enrolled_macs()) == 4,
                SECONDS,
                "the machines seen during the outage",
            )
            with connect(url) as database:
                names = {node.mac: node.name for node in list_nodes(database)}
    finally:
        loop.stop()
    assert [names[mac(number)] for number in (1, 2, 3, 4)] == [
        f"compute-0-{rank}" for rank in (4, 5, 6, 7)
    ]
