"""Add nodes on both engines: 1,000 with one call of the module, and one to 10,000."""

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
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
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

NODES = 10_000
TIMES = 15
NODES_PER_RACK = 32
STACKI = "Stacki 5.1: 160 s for 1,000 nodes, by its own release notes"
# Like a server in production: committed rows are on the disk.
DURABLE = (
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-flush-method=fsync",
    "--innodb-buffer-pool-size=128M",
)


class Engine(NamedTuple):
    """A database for the benchmark."""

    name: str
    url: str
    """With the administrator's account."""
    reader: str
    """With the reader's account."""


def mac(number: int) -> str:
    """Return a different MAC for each number."""
    return f"02:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


@contextlib.contextmanager
def create_databases(folder: pathlib.Path) -> Iterator[list[Engine]]:
    """Create an empty cluster on both engines."""
    with server(folder / "mariadb", *DURABLE) as running:
        sqlite = f"sqlite://{folder / 'cluster.sqlite'}"
        path = str(folder / "reader.cnf")
        engines = [
            Engine("MariaDB", running.url("cluster"), running.url("cluster", "reader", path)),
            Engine("SQLite", sqlite, sqlite),
        ]
        for engine in engines:
            create_database(engine.url)
            with connect(engine.url) as database:
                put_network(database, "private", subnet="10.0.0.0/8")
                if engine.name == "MariaDB":
                    grant_role(
                        database, "reader", "reader", password=ensure_password(path, "reader")
                    )
        yield engines


def measure_module(engine: Engine, folder: pathlib.Path) -> bool:
    """Call rocks_node once with a list of 1,000 machines, including the start of Ansible."""
    nodes = [
        {"mac": mac(1 << 20 | number), "rack": number // NODES_PER_RACK} for number in range(1000)
    ]
    arguments = json.dumps({"database": engine.url, "nodes": nodes})
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(folder),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    ansible = [str(BIN / "ansible"), "localhost", "-c", "local", "-i", "localhost,"]
    ansible_alone = best(3, lambda: program([*ansible, "-m", "ping"], env))

    def add_and_remove() -> Cost:
        cost = program([*ansible, "-m", "rocks_node", "-a", arguments], env)
        with connect(engine.url) as database:
            added.append(len(remove_nodes(database, [node.name for node in list_nodes(database)])))
        return cost

    added: list[int] = []
    ours = best(3, add_and_remove)
    baseline = f"{STACKI}; ansible alone: {ansible_alone.cpu:.2f} s; wall {ours.wall:.2f} s"
    within_limit = figure(
        f"{engine.name}: 1,000 nodes by one call of rocks_node, CPU",
        ours.cpu,
        "s",
        limit=2.0,
        baseline=baseline,
    )
    return within_limit and added == [1000] * 3


def measure_library(engine: Engine) -> list[bool]:
    """Measure the functions of the library."""
    with connect(engine.url) as database:
        new = [NewNode(mac=mac(number), rack=number // NODES_PER_RACK) for number in range(NODES)]
        seconds = wall_seconds(lambda: add_nodes(database, new[:1000]))
        within_limits = [
            figure(
                f"{engine.name}: 1,000 nodes in the library",
                seconds,
                "s",
                limit=2.0,
                baseline=STACKI,
            )
        ]
        add_nodes(database, new[1000:])
        numbers = iter(range(NODES, NODES + TIMES))
        single = [
            wall_seconds(lambda: add_nodes(database, [NewNode(mac=mac(next(numbers)))]))
            for _ in range(TIMES)
        ]
        direct = [
            wall_seconds(functools.partial(insert_directly, engine, number))
            for number in range(TIMES)
        ]
        within_limits.append(
            figure(
                f"{engine.name}: one node into {NODES:,}, the best of {TIMES}",
                1000 * min(single),
                "ms",
                limit=50,
                baseline=f"a bare INSERT and its commit: {1000 * min(direct):.1f} ms",
            )
        )
        seconds = min(
            wall_seconds(lambda: change_node(database, "compute-3-3", comment=str(time.time())))
            for _ in range(TIMES)
        )
        within_limits.append(
            figure(f"{engine.name}: one node of {NODES:,} changed", 1000 * seconds, "ms", limit=50)
        )
        figure(
            f"{engine.name}: all {NODES:,} nodes read",
            wall_seconds(lambda: list_nodes(database)),
            "s",
        )
        figure(f"{engine.name}: dumped", wall_seconds(lambda: dump_database(database)), "s")
    with connect(engine.reader, read_only=True) as reader:
        seconds = min(
            wall_seconds(lambda: select(reader, "select name from nodes where rack=1"))
            for _ in range(TIMES)
        )
        within_limits.append(
            figure(
                f"{engine.name}: the paper's query on {NODES:,} nodes",
                1000 * seconds,
                "ms",
                limit=100,
            )
        )
    with connect(engine.url) as database:
        names = [node.name for node in list_nodes(database)]
        figure(
            f"{engine.name}: {len(names):,} nodes removed",
            wall_seconds(lambda: remove_nodes(database, names)),
            "s",
        )
    return within_limits


def insert_directly(engine: Engine, number: int) -> None:
    """Run the baseline: the statement alone, without allocating a name, a rank or an address."""
    with connect(engine.url, check=False) as database:
        values = (mac(1 << 21 | number), f"direct-{number}", 9, number)
        database.execute(
            "insert into nodes (mac, name, membership, `rank`) values (?, ?, ?, ?)", values
        )


def wall_seconds(work: Callable[[], object]) -> float:
    """Return the seconds of wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> int:
    within_limits: list[bool] = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with create_databases(folder) as engines:
            for engine in engines:
                within_limits.append(measure_module(engine, folder))
                within_limits += measure_library(engine)
    return 0 if all(within_limits) else 1


if __name__ == "__main__":
    sys.exit(main())
