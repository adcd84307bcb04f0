"""The inventory plugin with 10,000 nodes, compared with a static YAML file and with no hosts."""

from __future__ import annotations

import pathlib
import sys
import tempfile
import time
from typing import Callable

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import load_inventory
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from support.ansible import BIN, ROOT
from support.measure import best, figure, program

NODES = 10_000
NODES_PER_RACK = 32


def create_cluster(path: pathlib.Path) -> str:
    """Create a database with 10,000 compute nodes and ten attributes, and return its URL."""
    url = f"sqlite://{path}"
    with connect(url, create=True, check=False) as database:
        migrate(database)
        with database.transaction():
            database.execute(
                "insert into networks (name, subnet, netmask, kind)"
                " values ('private', '10.0.0.0', '255.0.0.0', 'private')"
            )
            database.execute_many(
                "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                [(f"site_{number}", "yes" if number < 2 else "value") for number in range(10)],
            )
        add_nodes(
            database,
            [
                NewNode(
                    rack=number // NODES_PER_RACK,
                    mac=f"00:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
                )
                for number in range(NODES)
            ],
        )
    return url


def write_static_inventory(path: pathlib.Path, url: str) -> None:
    """Write the same hosts to a YAML file, with seven variables each and their racks as groups."""
    with connect(url, read_only=True) as database:
        hosts = load_inventory(database, {}).hosts
    lines = ["compute:", "  hosts:"]
    for host in hosts:
        lines += [
            f"    {host.name}: {{ansible_host: {host.ip}, rocks_id: {host.id},",
            f"      rocks_mac: '{host.mac}', rocks_rack: {host.rack}, rocks_rank: {host.rank},",
            f"      rocks_membership: {host.membership}, rocks_arch: {host.arch}}}",
        ]
    for rack in range(NODES // NODES_PER_RACK + 1):
        lines += [f"rack_{rack}:", "  hosts:"]
        lines += [f"    {host.name}:" for host in hosts if host.rack == rack]
    path.write_text("\n".join(lines) + "\n")


def main() -> int:
    print(f"inventory: {NODES:,} nodes; CPU seconds, the best of three")
    with tempfile.TemporaryDirectory() as folder:
        url = create_cluster(pathlib.Path(folder) / "cluster.sqlite")
        static_file = pathlib.Path(folder) / "static.yml"
        write_static_inventory(static_file, url)
        env = {
            "PATH": f"{BIN}:/usr/bin:/bin",
            "HOME": folder,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ROCKS_DATABASE": url,
        }
        ansible = str(BIN / "ansible")
        no_hosts = best(
            3, lambda: program([ansible, "localhost", "-i", "localhost,", "--list-hosts"], env)
        )
        ours = best(3, lambda: program([ansible, "all", "--list-hosts"], env))
        file = program([ansible, "all", "-i", str(static_file), "--list-hosts"], env)
        within_limits = [
            figure(
                "ansible all --list-hosts",
                ours.cpu,
                "s",
                limit=1.5 * no_hosts.cpu + 1.5,
                baseline=f"no hosts: {no_hosts.cpu:.2f} s",
            ),
            figure(
                "static YAML over ours",
                file.cpu / ours.cpu,
                "x",
                baseline=f"static YAML: {file.cpu:.1f} s; at least 8x is required",
            ),
            file.cpu >= 8 * ours.cpu,
        ]
        with connect(url, read_only=True) as database:
            load_inventory(database, {})
            without_query = seconds(lambda: load_inventory(database, {}))
            with_query = seconds(
                lambda: load_inventory(database, {"rack1": "select name from nodes where rack=1"})
            )
        within_limits.append(
            figure(
                "a query group, in the library",
                max(with_query - without_query, 0),
                "s",
                limit=0.1,
                baseline=f"the whole inventory: {without_query:.2f} s",
            )
        )
    return 0 if all(within_limits) else 1


def seconds(work: Callable[[], object]) -> float:
    """Return the best of three durations."""
    best_time = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()
        best_time = min(best_time, time.perf_counter() - started)
    return best_time


if __name__ == "__main__":
    sys.exit(main())
