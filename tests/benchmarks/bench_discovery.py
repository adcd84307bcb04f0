# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One more node among 10,000: from its request on the wire to its row with name, address and order.

The baseline is what the paper's insert-ethers did for each node in addition: restart a DHCP server
that reads 10,000 hosts.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import tempfile
import threading
import time
from typing import Callable, Iterator, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode, Node
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_packet import request_in
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.enrolment import Enroller
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.event_loop import (
    Handlers,
    StopCondition,
    watch,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_formats import LOG_FORMATS
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_parser import LogParser
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Placement
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.packet_socket import (
    PacketSocket,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_targets import (
    LibraryCache,
    resolve_pins,
)
from support import dhcp, frontend
from support.mariadb import server
from support.measure import best, cost_of, figure, program
from support.namespaces import BRIDGE, Namespace, Network, network

NODES = 10_000
RACK = 32
NEW = 15
LIMIT = 50.0  # milliseconds
SECONDS = 30.0


def fill(url: str) -> None:
    """Create a cluster of 10,000 compute nodes."""
    with connect(url, create=True, check=False) as database:
        migrate(database)
        with database.transaction():
            database.execute(
                "insert into networks (name, subnet, netmask, kind)"
                " values ('private', '10.1.0.0', '255.255.0.0', 'private')"
            )
            for name, value in frontend.ATTRIBUTES.items():
                database.execute(
                    "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                    (name, value),
                )
        add_nodes(
            database,
            [
                NewNode(rack=n // RACK, mac=f"00:16:3e:00:{n >> 8:02x}:{n & 255:02x}")
                for n in range(NODES)
            ],
        )


def requests_to_rows(net: Network, url: str, distributions: pathlib.Path) -> Iterator[float]:
    """Yield the milliseconds from a request until another connection reads its row and order."""
    machine = net.client()
    wire = net.server.call(PacketSocket, BRIDGE)
    stopped = threading.Event()
    loop = threading.Thread(target=run_watch, args=(wire, url, distributions, stopped))
    loop.start()
    try:
        with connect(url) as reader:
            yield from (
                request_to_row(machine, reader, dhcp.mac(number)) for number in range(1, NEW + 1)
            )
    finally:
        stopped.set()
        loop.join()
        wire.close()


def run_watch(
    wire: PacketSocket, url: str, distributions: pathlib.Path, stopped: threading.Event
) -> None:
    """Run the workflow of the module without the reports."""
    cache = LibraryCache()
    with connect(url) as database:

        def order(nodes: Sequence[Node]) -> None:
            orders.create_orders(
                database,
                resolve_pins(database, nodes, str(distributions), cache),
                by="bench",
                now=timestamps.now(),
            )

        enroller = Enroller(database, Placement(rack=999), order)
        for _event in watch(
            wire, Handlers(enrol=enroller.enrol), StopCondition(), stop=stopped.is_set
        ):
            pass


def request_to_row(machine: Namespace, reader: Database, mac: str) -> float:
    started = time.perf_counter()
    dhcp.send(machine, [dhcp.discover(mac, [(93, b"\x00\x07")])])
    sent = time.perf_counter()
    while not reader.row("select 1 from nodes where mac = ?", (mac,)):
        if time.perf_counter() - started > SECONDS:
            raise TimeoutError(f"{mac} got no row")
    return (time.perf_counter() - sent) * 1000


def restart_baseline(folder: pathlib.Path) -> float:
    """Return the seconds in which ISC dhcpd reads 10,000 hosts at each restart."""
    hosts = "".join(
        f"host c{n} {{ hardware ethernet 00:16:3e:00:{n >> 8:02x}:{n & 255:02x};"
        f" fixed-address 10.1.{n >> 8}.{n & 255}; }}\n"
        for n in range(NODES)
    )
    (folder / "dhcpd.conf").write_text(f"subnet 10.1.0.0 netmask 255.255.0.0 {{ }}\n{hosts}")
    return best(3, lambda: program(["dhcpd", "-t", "-q", "-cf", str(folder / "dhcpd.conf")])).wall


def rate(count: int, work: Callable[[], object]) -> float:
    """Return the microseconds of CPU for each of the ``count`` items of ``work``."""
    return best(3, lambda: cost_of(work)).cpu / count * 1e6


def main() -> int:
    print(
        f"discovery: one more node among {NODES:,}; the best of {NEW}, because other load only adds"
    )
    frame = dhcp.discover(dhcp.mac(1), [(60, b"PXEClient")])
    lines = [log_format.sample for log_format in LOG_FORMATS] * 1000
    parser = LogParser()
    within_limits = figure(
        "a frame on the wire, CPU",
        rate(10_000, lambda: [request_in(frame) for _turn in range(10_000)]),
        "µs",
        limit=50,
    )
    within_limits &= figure(
        "a line of a log, CPU",
        rate(len(lines), lambda: [parser.parse(line) for line in lines]),
        "µs",
        limit=50,
    )
    with tempfile.TemporaryDirectory() as name, network() as net:
        folder = pathlib.Path(name)
        frontend.publish(folder / "install")
        restart = restart_baseline(folder) * 1000
        load = f"dhcpd reads {NODES:,} hosts in {restart:.0f} ms at each restart"
        with server(folder / "mariadb") as mariadb:
            for engine, url in (
                ("SQLite", f"sqlite://{folder}/cluster.sqlite"),
                ("MariaDB", mariadb.create("cluster")),
            ):
                fill(url)
                times = list(requests_to_rows(net, url, folder / "install"))
                baseline = (
                    f"median {statistics.median(times):.0f}, slowest {max(times):.0f}; {load}"
                )
                within_limits &= figure(
                    f"from request to row and order, {engine}",
                    min(times),
                    "ms",
                    limit=LIMIT,
                    baseline=baseline,
                )
    return 0 if within_limits else 1


if __name__ == "__main__":
    sys.exit(main())
