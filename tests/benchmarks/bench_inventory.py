"""10,000 nodes through the inventory plugin, beside the same hosts in a static YAML inventory and beside no hosts at all."""

from __future__ import annotations

import pathlib
import sys
import tempfile
import time

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import load_inventory
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from support.ansible import BIN, ROOT
from support.measure import best, figure, program

NODES, RACK = 10_000, 32


def make(path: pathlib.Path) -> str:
    """A database of 10,000 compute nodes with ten attributes; its URL."""
    url = f"sqlite://{path}"
    with connect(url, create=True, check=False) as database:
        migrate(database)
        with database.transaction():
            database.execute(
                "insert into networks (name, subnet, netmask, kind) values ('private', '10.0.0.0', '255.0.0.0', 'private')"
            )
            database.execute_many(
                "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                [(f"site_{number}", "yes" if number < 2 else "value") for number in range(10)],
            )
        add_nodes(
            database,
            [
                NewNode(
                    rack=number // RACK, mac=f"00:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
                )
                for number in range(NODES)
            ],
        )
    return url


def static(path: pathlib.Path, url: str) -> None:
    """The same hosts as a YAML file, with seven variables each and their racks as groups."""
    with connect(url, read_only=True) as database:
        members = load_inventory(database, {}).hosts
    lines = ["compute:", "  hosts:"]
    for one in members:
        lines.append(
            f"    {one.name}: {{ansible_host: {one.ip}, rocks_id: {one.id}, rocks_mac: '{one.mac}', rocks_rack: {one.rack},"
        )
        lines.append(
            f"      rocks_rank: {one.rank}, rocks_membership: {one.membership}, rocks_arch: {one.arch}}}"
        )
    for rack in range(NODES // RACK + 1):
        lines += [f"rack_{rack}:", "  hosts:"] + [
            f"    {one.name}:" for one in members if one.rack == rack
        ]
    path.write_text("\n".join(lines) + "\n")


def main() -> int:
    print(f"inventory: {NODES:,} nodes; CPU seconds, the best of three")
    with tempfile.TemporaryDirectory() as folder:
        url = make(pathlib.Path(folder) / "cluster.sqlite")
        static_file = pathlib.Path(folder) / "static.yml"
        static(static_file, url)
        env = {
            "PATH": f"{BIN}:/usr/bin:/bin",
            "HOME": folder,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ROCKS_DATABASE": url,
        }
        nothing = best(
            3,
            lambda: program(
                [str(BIN / "ansible"), "localhost", "-i", "localhost,", "--list-hosts"], env
            ),
        )
        ours = best(3, lambda: program([str(BIN / "ansible"), "all", "--list-hosts"], env))
        file = program([str(BIN / "ansible"), "all", "-i", str(static_file), "--list-hosts"], env)
        kept = [
            figure(
                "ansible all --list-hosts",
                ours.cpu,
                "s",
                1.5 * nothing.cpu + 1.5,
                f"no hosts at all: {nothing.cpu:.2f} s",
            ),
            figure(
                "static YAML over ours",
                file.cpu / ours.cpu,
                "x",
                beside=f"static YAML: {file.cpu:.1f} s; at least 8x is asked",
            ),
            file.cpu >= 8 * ours.cpu,
        ]
        with connect(url, read_only=True) as database:
            load_inventory(database, {})
            alone = _seconds(lambda: load_inventory(database, {}))
            grouped = _seconds(
                lambda: load_inventory(database, {"rack1": "select name from nodes where rack=1"})
            )
        kept.append(
            figure(
                "a query group, in the room",
                max(grouped - alone, 0),
                "s",
                0.1,
                f"the whole census: {alone:.2f} s",
            )
        )
    return 0 if all(kept) else 1


def _seconds(work) -> float:  # type: ignore[no-untyped-def]
    best_time = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()
        best_time = min(best_time, time.perf_counter() - started)
    return best_time


if __name__ == "__main__":
    sys.exit(main())
