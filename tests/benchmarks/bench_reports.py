"""Reports of 5,000 nodes, one more node of 10,000, and many DHCP clients at once."""

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
from support.ansible import BIN
from support.firmware import Firmware, ask
from support.mariadb import Server, server
from support.measure import Cost, best, cost_of, figure, program
from support.namespaces import Namespace, Network, network
from support.reporting import Serving, serving
from support.reports import settings, write

FEW = 5_000
MANY = 10_000
RACK = 40
FIRST_MAC = "52:54:00:00:00:00"
BIOS = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0, 1, 3, 7.1))
TEMPLATED = 1_000
SERVERS = ("kea", "dhcpd", "dnsmasq")


def fill(database: Database, count: int) -> None:
    """Add a frontend and compute nodes, whose MACs count up like perfdhcp's."""
    migrate(database)
    with database.transaction():
        database.execute(
            "insert into networks (name, subnet, netmask, zone)"
            " values ('private', '10.0.0.0', '255.0.0.0', 'cluster')"
        )
        database.execute(
            "insert into nodes (mac, name, membership, ip)"
            " values ('00:30:c1:d8:ac:80', 'frontend-0', 1, '10.1.1.1')"
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
    """Write all reports of 5,000 nodes, without the daemons' checks and with them."""
    names = [report.name for report in REPORTS]
    with connect(f"sqlite://{folder}/few.sqlite", create=True, check=False) as database:
        fill(database, FEW)
        site = settings(folder, *names)
        ours = cost_of(lambda: write(database, site, run=run_no_check))
        unchanged = best(3, lambda: cost_of(lambda: write(database, site, run=run_no_check)))
        for path in [path for name in names for path in (folder / name).iterdir()]:
            path.unlink()
        checked = cost_of(lambda: write(database, site))
    template = render_with_ansible(folder)
    yield figure(
        f"all {len(names)} reports of {FEW:,} nodes, CPU",
        ours.cpu,
        "s",
        limit=1.0,
        baseline=(
            f"wall {ours.wall:.2f} s; one file of {TEMPLATED:,} nodes by a template of Ansible, "
            f"CPU {template.cpu:.1f} s"
        ),
    )
    figure("the same with the checks of their daemons", checked.wall, "s")
    yield figure("the same again, nothing changed, CPU", unchanged.cpu, "s")


def run_no_check(argv: Sequence[str], **_how: Any) -> process.ProgramResult:
    """Replace the daemons' checks, whose time is measured separately."""
    if argv[0] == "false":
        raise CommandError("no program runs", "false")
    return process.ProgramResult(0, "", "", 0.0)


def render_with_ansible(folder: pathlib.Path) -> Cost:
    """Return the cost of a template that loops over the variables of all hosts."""
    hosts = "".join(
        f"    n{number}: {{ip: 10.0.{number >> 8}.{number & 255}}}\n" for number in range(TEMPLATED)
    )
    (folder / "hosts.yml").write_text(f"all:\n  hosts:\n{hosts}")
    (folder / "hosts.j2").write_text(
        "{% for name in groups['all'] %}{{ hostvars[name].ip }} {{ name }}\n{% endfor %}"
    )
    (folder / "play.yml").write_text(
        "- hosts: n0\n  gather_facts: false\n  connection: local\n  tasks:\n"
        "    - ansible.builtin.template:\n"
        f"        {{src: {folder}/hosts.j2, dest: {folder}/hosts.out, mode: '0644'}}\n"
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
    """Measure from the request for a node until a server answers its machine."""
    with kea_on(net, folder, database, sql, "view"):
        wall, _cpu = min(add_node(database, machine, number, None) for number in range(9))
    yield figure(f"one more of {MANY:,}: the view", wall * 1000, "ms", limit=50)
    with kea_on(net, folder, database, sql, "file") as site:
        wall, cpu = min(add_node(database, machine, number, site) for number in range(9, 14))
        load = loading(site)
    yield figure(
        f"one more of {MANY:,}: a file, our own CPU",
        cpu,
        "s",
        limit=0.3,
        baseline=f"wall {wall:.2f} s, of which {load:.2f} s Kea's check and reload of the file",
    )


def add_node(database: Database, machine: Namespace, number: int, site: Any) -> tuple[float, float]:
    """Return the seconds until the server knows the machine: wall time, and our own CPU."""
    started = time.perf_counter()
    cpu_started = time.process_time()
    node_changes.add_nodes(database, [NewNode(mac=mac(0xF00000 + number))])
    if site:
        site.write()
    spent = time.perf_counter() - started, time.process_time() - cpu_started
    lease = ask(machine, mac(0xF00000 + number), BIOS)
    if lease is None or lease.discovers != 1:
        raise RuntimeError(f"the server was not ready: {lease}")
    return spent


def loading(site: Serving) -> float:
    """Return the seconds of Kea's check and reload of a file of this size."""
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
    """Return the seconds until this many known machines that start at once have leases."""
    output = perfdhcp(machine, "-R", str(count), "--scenario", "avalanche")
    match = re.search(r"It took (\d+):(\d+):([\d.]+)", output)
    assert match, output
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def sustain(machine: Namespace, rate: int) -> tuple[float, float]:
    """Return the exchanges per second, and the greater drop ratio in per cent."""
    output = perfdhcp(machine, "-R", str(MANY), "-r", str(rate), "-p", "10", "-d", "1", "-W", "1")
    match = re.search(r"Rate: ([\d.]+) 4-way", output)
    assert match, output
    reached = float(match[1])
    return reached, max(float(ratio) for ratio in re.findall(r"drops ratio: ([\d.]+) %", output))


def storms(
    net: Network, machine: Namespace, folder: pathlib.Path, database: Database, sql: Server
) -> Iterator[bool]:
    with kea_on(net, folder, database, sql, "view"):
        reached, dropped = sustain(machine, 1000)
        yield figure(
            f"exchanges on the view of {MANY:,}, 1,000/s requested: missing",
            1000 - reached,
            "/s",
            limit=20,
            baseline=f"drops {dropped:.2f} %",
        )
        yield figure(
            "1,000 known machines at once: Kea on the view",
            avalanche(machine, 1000),
            "s",
            limit=5.0,
        )
        figure("5,000 known machines at once: Kea on the view", avalanche(machine, 5000), "s")
    with stock_queue(), kea_on(net, folder, database, sql, "view"):
        stock = avalanche(machine, 1000)
    for name in SERVERS:
        place = folder / f"{name}-on-its-file"
        place.mkdir()
        with connect(f"sqlite://{place}/cluster.sqlite", create=True, check=False) as cluster:
            fill(cluster, 1000)
            with serving(name, net, place, cluster):
                baseline = (
                    f"with Kea's own queue of 64, on the view: {stock:.1f} s"
                    if name == "kea"
                    else ""
                )
                yield figure(
                    f"1,000 known machines at once: {name} on its file",
                    avalanche(machine, 1000),
                    "s",
                    limit=5.0,
                    baseline=baseline,
                )


@contextlib.contextmanager
def stock_queue() -> Iterator[None]:
    """Use Kea's default queue of packets."""
    our_queue = kea.QUEUE
    kea.QUEUE = 64
    try:
        yield
    finally:
        kea.QUEUE = our_queue


def main() -> int:
    print(f"reports: {FEW:,} nodes in SQLite, {MANY:,} in MariaDB")
    print("servers in network namespaces, with perfdhcp as their client")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "sql").mkdir()
        figures = list(everything(folder))
        with (
            server(folder / "sql", "--innodb-buffer-pool-size=128M") as sql,
            connect(sql.create("cluster"), check=False) as database,
            network("10.1.1.1/8") as net,
        ):
            fill(database, MANY)
            machine = net.client()
            machine.ip("address", "add", "10.1.0.9/8", "dev", "eth0")
            figures += one_more(net, machine, folder, database, sql)
            figures += storms(net, machine, folder, database, sql)
    return 0 if all(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
