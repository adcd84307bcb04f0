"""Nodes into the database, on both engines: a thousand in one call of the module, and one into ten thousand."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import sys
import tempfile
import time
from typing import Callable, Iterator, NamedTuple

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database_admin import (
    create_database,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import (
    ensure_password,
    grant_role,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.dump import dump_database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import put_network
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import (
    add_nodes,
    remove_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import select
from support.ansible import BIN, ROOT
from support.cluster import change_node
from support.mariadb import server
from support.measure import Cost, best, figure, program

MANY, TIMES, RACK = 10_000, 15, 32
STACKI = "Stacki 5.1: 160 s for 1,000 nodes, by its own release notes"
# A server as a site runs it: what is committed is on the disk.
DURABLE = (
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-flush-method=fsync",
    "--innodb-buffer-pool-size=128M",
)


class Place(NamedTuple):
    """Where a database is: the administrator's URL and the reader's."""

    name: str
    url: str
    reader: str


def mac(number: int) -> str:
    """A MAC of our own for each number."""
    return f"02:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


@contextlib.contextmanager
def places(folder: pathlib.Path) -> Iterator[list[Place]]:
    """Both engines, each with an empty cluster."""
    with server(folder / "mariadb", *DURABLE) as running:
        sqlite = f"sqlite://{folder / 'cluster.sqlite'}"
        path = str(folder / "reader.cnf")
        found = [
            Place("MariaDB", running.url("cluster"), running.url("cluster", "reader", path)),
            Place("SQLite", sqlite, sqlite),
        ]
        for place in found:
            create_database(place.url)
            with connect(place.url) as database:
                put_network(database, "private", subnet="10.0.0.0/8")
                if place.name == "MariaDB":
                    grant_role(
                        database, "reader", "reader", password=ensure_password(path, "reader")
                    )
        yield found


def a_thousand_by_the_module(place: Place, folder: pathlib.Path) -> bool:
    """One call of rocks_node with a list of 1,000 machines, Ansible's own start included."""
    wanted = [{"mac": mac(1 << 20 | number), "rack": number // RACK} for number in range(1000)]
    arguments = json.dumps({"database": place.url, "nodes": wanted})
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(folder),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    ansible = [str(BIN / "ansible"), "localhost", "-c", "local", "-i", "localhost,"]
    nothing = best(3, lambda: program([*ansible, "-m", "ping"], env))

    def once() -> Cost:
        cost = program([*ansible, "-m", "rocks_node", "-a", arguments], env)
        with connect(place.url) as database:
            added.append(len(remove_nodes(database, [node.name for node in list_nodes(database)])))
        return cost

    added: list[int] = []
    ours = best(3, once)
    beside = f"{STACKI}; ansible alone: {nothing.cpu:.2f} s; wall {ours.wall:.2f} s"
    kept = figure(
        f"{place.name}: 1,000 nodes by one call of rocks_node, CPU", ours.cpu, "s", 2.0, beside
    )
    return kept and added == [1000] * 3


def in_the_room(place: Place) -> list[bool]:
    """What the room's own functions take."""
    with connect(place.url) as database:
        first = [NewNode(mac=mac(number), rack=number // RACK) for number in range(MANY)]
        seconds = timed(lambda: add_nodes(database, first[:1000]))
        kept = [figure(f"{place.name}: 1,000 nodes in the room", seconds, "s", 2.0, STACKI)]
        add_nodes(database, first[1000:])
        fresh = iter(range(MANY, MANY + TIMES))
        one = [
            timed(lambda: add_nodes(database, [NewNode(mac=mac(next(fresh)))]))
            for _ in range(TIMES)
        ]
        by_hand = [
            timed(functools.partial(by_hand_insert, place, number)) for number in range(TIMES)
        ]
        kept.append(
            figure(
                f"{place.name}: one node into {MANY:,}, the best of {TIMES}",
                1000 * min(one),
                "ms",
                50,
                f"a bare INSERT and its commit: {1000 * min(by_hand):.1f} ms",
            )
        )
        seconds = min(
            timed(lambda: change_node(database, "compute-3-3", comment=str(time.time())))
            for _ in range(TIMES)
        )
        kept.append(figure(f"{place.name}: one node of {MANY:,} changed", 1000 * seconds, "ms", 50))
        figure(f"{place.name}: all {MANY:,} nodes read", timed(lambda: list_nodes(database)), "s")
        figure(f"{place.name}: dumped", timed(lambda: dump_database(database)), "s")
    with connect(place.reader, read_only=True) as reader:
        seconds = min(
            timed(lambda: select(reader, "select name from nodes where rack=1"))
            for _ in range(TIMES)
        )
        kept.append(
            figure(f"{place.name}: the paper's query on {MANY:,} nodes", 1000 * seconds, "ms", 100)
        )
    with connect(place.url) as database:
        names = [node.name for node in list_nodes(database)]
        figure(
            f"{place.name}: {len(names):,} nodes removed",
            timed(lambda: remove_nodes(database, names)),
            "s",
        )
    return kept


def by_hand_insert(place: Place, number: int) -> None:
    """The baseline: the statement alone, without finding a name, a rank or an address."""
    with connect(place.url, check=False) as database:
        values = (mac(1 << 21 | number), f"by-hand-{number}", 9, number)
        database.execute(
            "insert into nodes (mac, name, membership, `rank`) values (?, ?, ?, ?)", values
        )


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> int:
    kept = []
    with tempfile.TemporaryDirectory() as name, places(pathlib.Path(name)) as found:
        for place in found:
            kept.append(a_thousand_by_the_module(place, pathlib.Path(name)))
            kept += in_the_room(place)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
