"""Reports of 5,000 nodes, one more node among 10,000, and DHCP storms: ours beside what they stand in for."""

from __future__ import annotations

import contextlib
import pathlib
import re
import sys
import tempfile
import time
from typing import Any, Iterator, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster import node_changes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import kea, kea_control
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.write import write_reports
from support.ansible import BIN
from support.firmware import Firmware, ask
from support.mariadb import Server, server
from support.measure import Cost, best, cost_of, figure, program
from support.namespaces import Namespace, Network, network
from support.reporting import Serving, serving
from support.reports import settings

FEW, MANY, RACK = 5_000, 10_000, 40
FIRST_MAC = "52:54:00:00:00:00"
BIOS = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0, 1, 3, 7.1))
TEMPLATED = 1_000
SERVERS = ("kea", "dhcpd", "dnsmasq")


def fill(database: Database, count: int) -> None:
    """A frontend and compute nodes, whose MACs count up as perfdhcp's do."""
    migrate(database)
    with database.transaction():
        database.execute(
            "insert into networks (name, subnet, netmask, zone) values ('private', '10.0.0.0', '255.0.0.0', 'cluster')"
        )
        database.execute(
            "insert into nodes (mac, name, membership, ip) values ('00:30:c1:d8:ac:80', 'frontend-0', 1, '10.1.1.1')"
        )
        database.execute_many(
            "insert into nodes (mac, name, membership, rack, `rank`, ip) values (?, ?, 2, ?, ?, ?)",
            [
                (
                    mac(number),
                    f"compute-{rack}-{rank}",
                    rack,
                    rank,
                    f"10.77.{(number + 1) >> 8}.{(number + 1) & 255}",
                )
                for number in range(count)
                for rack, rank in [divmod(number, RACK)]
            ],
        )
        database.execute(
            "insert into hardware (node, cpus, sockets, cores, threads, memory, counted)"
            " select id, 16, 2, 4, 2, 64000, '2026-11-22 09:14:05' from nodes where membership = 2"
        )


def mac(number: int) -> str:
    return f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def everything(folder: pathlib.Path) -> Iterator[bool]:
    """All reports of 5,000 nodes: without the daemons' own checks, and with them."""
    names = [report.name for report in REPORTS]
    with connect(f"sqlite://{folder}/few.sqlite", create=True, check=False) as database:
        fill(database, FEW)
        site = settings(folder, *names)
        ours = cost_of(lambda: write_reports(database, site, run=unchecked))
        again = best(3, lambda: cost_of(lambda: write_reports(database, site, run=unchecked)))
        for path in [path for name in names for path in (folder / name).iterdir()]:
            path.unlink()
        checked = cost_of(lambda: write_reports(database, site))
    template = templated(folder)
    yield figure(
        f"all {len(names)} reports of {FEW:,} nodes, CPU",
        ours.cpu,
        "s",
        1.0,
        f"wall {ours.wall:.2f} s; one file of {TEMPLATED:,} nodes by a template of Ansible, CPU {template.cpu:.1f} s",
    )
    print(f"  {'the same with the checks of their daemons':<58} {checked.wall:>9.3f} s")
    yield figure("the same again, nothing changed, CPU", again.cpu, "s")


def unchecked(argv: Sequence[str], **_how: Any) -> process.ProgramResult:
    """Stands in for the daemons' own checkers, whose time is told apart."""
    if argv[0] == "false":
        raise CommandError("nobody runs", "false")
    return process.ProgramResult(0, "", "", 0.0)


def templated(folder: pathlib.Path) -> Cost:
    """The usual way: a template that walks the variables of all hosts."""
    hosts = "".join(
        f"    n{number}: {{ip: 10.0.{number >> 8}.{number & 255}}}\n" for number in range(TEMPLATED)
    )
    (folder / "hosts.yml").write_text(f"all:\n  hosts:\n{hosts}")
    (folder / "hosts.j2").write_text(
        "{% for name in groups['all'] %}{{ hostvars[name].ip }} {{ name }}\n{% endfor %}"
    )
    (folder / "play.yml").write_text(
        "- hosts: n0\n  gather_facts: false\n  connection: local\n  tasks:\n"
        f"    - ansible.builtin.template: {{src: {folder}/hosts.j2, dest: {folder}/hosts.out, mode: '0644'}}\n"
    )
    env = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder)}
    return program(
        [str(BIN / "ansible-playbook"), "-i", str(folder / "hosts.yml"), str(folder / "play.yml")],
        env,
    )


@contextlib.contextmanager
def kea_on(
    net: Network, folder: pathlib.Path, database: Database, sql: Server, source: str
) -> Iterator[Serving]:
    place = folder / f"kea-{source}-{time.monotonic_ns()}"
    place.mkdir()
    env = {"MYSQL_UNIX_PORT": str(sql.socket)}
    with serving("kea", net, place, database, env, account="root", source=source) as site:
        yield site


def one_more(
    net: Network, machine: Namespace, folder: pathlib.Path, database: Database, sql: Server
) -> Iterator[bool]:
    """From the wish for a node to a server that answers its machine."""
    with kea_on(net, folder, database, sql, "view"):
        wall, _own = min(added(database, machine, number, None) for number in range(9))
    yield figure(f"one more among {MANY:,}: the view", wall * 1000, "ms", 50)
    with kea_on(net, folder, database, sql, "file") as site:
        wall, own = min(added(database, machine, number, site) for number in range(9, 14))
        load = loading(site)
    yield figure(
        f"one more among {MANY:,}: a file, our own CPU",
        own,
        "s",
        0.3,
        f"wall {wall:.2f} s; Kea reads the file twice, to check it and to take it: {load:.2f} s of that",
    )


def added(database: Database, machine: Namespace, number: int, site: Any) -> tuple[float, float]:
    """Seconds until the server knows the machine: of wall time, and of our own CPU."""
    started, own = time.perf_counter(), time.process_time()
    node_changes.add_nodes(database, [NewNode(mac=mac(0xF00000 + number))])
    if site:
        site.write()
    spent = time.perf_counter() - started, time.process_time() - own
    lease = ask(machine, mac(0xF00000 + number), BIOS)
    if lease is None or lease.discovers != 1:
        raise RuntimeError(f"the server was not ready: {lease}")
    return spent


def loading(site: Serving) -> float:
    """What Kea itself spends on a file of this size: its check, and its reload."""
    options = site.settings.reports["kea"]
    check = best(
        3,
        lambda: cost_of(
            lambda: site.net.server.run(["kea-dhcp4", "-t", options["path"]], timeout=60)
        ),
    )
    reload = best(
        3, lambda: cost_of(lambda: kea_control.send_command(options["socket"], "config-reload"))
    )
    return check.wall + reload.wall


def perfdhcp(machine: Namespace, *words: str) -> str:
    finished = machine.run(
        ["perfdhcp", "-4", "-l", "eth0", "-b", f"mac={FIRST_MAC}", *words, "10.1.1.1"],
        timeout=180,
        ok=(0, 1, 2, 3),
    )
    return finished.stdout + finished.stderr


def avalanche(machine: Namespace, count: int) -> float:
    """Seconds until so many known machines, switched on at once, have their leases."""
    told = perfdhcp(machine, "-R", str(count), "--scenario", "avalanche")
    hours, minutes, seconds = re.search(r"It took (\d+):(\d+):([\d.]+)", told).groups()  # type: ignore[union-attr]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def sustained(machine: Namespace, rate: int) -> tuple[float, float]:
    """Exchanges a second that were reached, and the greater drop ratio in per cent."""
    told = perfdhcp(machine, "-R", str(MANY), "-r", str(rate), "-p", "10", "-d", "1", "-W", "1")
    reached = float(re.search(r"Rate: ([\d.]+) 4-way", told)[1])  # type: ignore[index]
    return reached, max(float(ratio) for ratio in re.findall(r"drops ratio: ([\d.]+) %", told))


def storms(
    net: Network, machine: Namespace, folder: pathlib.Path, database: Database, sql: Server
) -> Iterator[bool]:
    with kea_on(net, folder, database, sql, "view"):
        reached, dropped = sustained(machine, 1000)
        yield figure(
            f"exchanges on the view of {MANY:,}, 1,000/s asked: missing",
            1000 - reached,
            "/s",
            20,
            f"drops {dropped:.2f} %",
        )
        yield figure(
            "1,000 known machines at once: Kea on the view", avalanche(machine, 1000), "s", 5.0
        )
        print(
            f"  {'5,000 known machines at once: Kea on the view':<58} {avalanche(machine, 5000):>9.3f} s"
        )
    with stock_queue(), kea_on(net, folder, database, sql, "view"):
        stock = avalanche(machine, 1000)
    for name in SERVERS:
        place = folder / f"{name}-on-its-file"
        place.mkdir()
        with connect(f"sqlite://{place}/cluster.sqlite", create=True, check=False) as known:
            fill(known, 1000)
            with serving(name, net, place, known):
                beside = (
                    f"with Kea's own queue of 64, on the view: {stock:.1f} s"
                    if name == "kea"
                    else ""
                )
                yield figure(
                    f"1,000 known machines at once: {name} on its file",
                    avalanche(machine, 1000),
                    "s",
                    5.0,
                    beside,
                )


@contextlib.contextmanager
def stock_queue() -> Iterator[None]:
    """Kea as it is when nobody says how many packets may wait."""
    ours, kea.QUEUE = kea.QUEUE, 64
    try:
        yield
    finally:
        kea.QUEUE = ours


def main() -> int:
    print(
        f"reports: {FEW:,} nodes in SQLite, {MANY:,} in MariaDB; servers in network namespaces, perfdhcp as their clients"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "sql").mkdir()
        kept = list(everything(folder))
        with (
            server(folder / "sql", "--innodb-buffer-pool-size=128M") as sql,
            connect(sql.create("cluster"), check=False) as database,
            network("10.1.1.1/8") as net,
        ):
            fill(database, MANY)
            machine = net.client()
            machine.ip("address", "add", "10.1.0.9/8", "dev", "eth0")
            kept += one_more(net, machine, folder, database, sql)
            kept += storms(net, machine, folder, database, sql)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
