# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real database server that goes away and comes back: no machine that was seen meanwhile is lost."""

from __future__ import annotations

import pathlib
import threading

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import nodes
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import Desk
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import (
    Office,
    Until,
    watch,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_sources import LogFile
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import (
    ENTERED,
    TROUBLE,
    Event,
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
    """insert-ethers on a log, in a thread of its own."""

    def __init__(self, url: str, log: pathlib.Path) -> None:
        self.events: list[Event] = []
        self._log, self._url, self._stopped = log, url, threading.Event()
        self._source = LogFile(str(log))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with connect(self._url) as database:
            office = Office(
                Desk(database, Placement()).enter,
                states=lambda names: order_states(database, names),
            )
            for event in watch(self._source, office, Until(), stop=self._stopped.is_set):
                self.events.append(event)

    def asks(self, number: int) -> None:
        with self._log.open("a") as log:
            log.write(f"dhcpd[1]: DHCPDISCOVER from {mac(number)} via eth1\n")

    def entered(self) -> list[str]:
        return [event.mac for event in self.events if event.kind == ENTERED]

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._source.close()


def test_machines_that_asked_while_the_server_was_away_are_entered_when_it_is_back(
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
        loop.asks(1)
        until(lambda: loop.entered() == [mac(1)], SECONDS, "the first machine")
        # Not killed: the tests' server does not flush each transaction, and would forget the cluster.
        mariadb.daemon.stop()
    try:
        loop.asks(2)
        loop.asks(3)
        until(
            lambda: any(event.kind == TROUBLE for event in loop.events),
            SECONDS,
            "the loop to notice",
        )
        loop.asks(4)
        with server(tmp_path / "mariadb"):
            until(
                lambda: len(loop.entered()) == 4, SECONDS, "the machines that were seen meanwhile"
            )
            with connect(url) as database:
                found = {node.mac: node.name for node in nodes(database)}
    finally:
        loop.stop()
    assert [found[mac(number)] for number in (1, 2, 3, 4)] == [
        f"compute-0-{rank}" for rank in (4, 5, 6, 7)
    ]
