# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster for the reports: the paper's Table II, and one of everything else in a report."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator, Mapping, Optional, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.engines.engine import Location
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import (
    Outcome,
    Report,
    Site,
    Snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.reports.options import default_options
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import (
    GROUPS,
    HARDWARE,
    read_snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.reports.templating import Templates
from ansible_collections.npaci.rocks.plugins.module_utils.reports.write import (
    failure_of,
    write_reports,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings

from .cluster import fill

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMBAnCmeOcMIsMQExU6ygiGyW7k5YUmtBxBUJ4lEX2Qi"
SQLITE = Location("sqlite:///x/cluster.sqlite", "sqlite", "/x/cluster.sqlite")
MARIADB = Location("mysql://root@localhost/cluster", "mysql", "cluster", "root")
# Options that are detected on a machine or required from a site.
REQUIRED_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "kea": {
        "interfaces": ["lo"],
        "release": "2.2.0",
        "socket": "/run/kea/kea4-ctrl-socket",
        "account": "_kea",
        "hooks": "/usr/lib/x86_64-linux-gnu/kea/hooks",
    },
    "dnsmasq": {"interfaces": ["lo"]},
}

PATHS = ("path", "hosts", "names", "folder")  # options with the paths of files


def describe(database: Database) -> None:
    """Create Table II with BMCs in their own network, hardware, a host key, a power unit."""
    fill(database)
    with database.transaction():
        database.execute(
            "insert into networks (name, subnet, netmask, gateway, zone, mtu, kind, pool_first,"
            " pool_last) values"
            " ('bmc', '192.168.4.0', '255.255.252.0', '192.168.4.1', 'bmc.cluster', 9000,"
            " 'management',"
            " '192.168.7.1', '192.168.7.9')"
        )
        database.execute(
            "insert into nodes (id, mac, name, membership, rack, `rank`, ip, comment) values"
            " (9, '00:c0:b7:00:00:01', 'power-1-0', 6, 1, 0, '10.255.255.241', 'the ''left'' one,"
            ' "new"\')'
        )
        for rank in range(2):
            database.execute(
                "insert into interfaces (node, name, kind, network, mac, ip)"
                " select nodes.id, 'bmc', 'bmc', networks.id, ?, ? from nodes, networks"
                " where nodes.name = ? and networks.name = 'bmc'",
                (f"00:25:90:00:00:0{rank}", f"192.168.5.{255 - rank}", f"compute-0-{rank}"),
            )
        database.execute(
            "insert into hardware (node, cpus, sockets, cores, threads, memory, gpus, counted)"
            " select id, 16, 2, 4, 2, 64000, 0, '2026-11-22 09:14:05' from nodes where id in (4,"
            " 5, 6)"
        )
        database.execute("update hardware set gpus = 2 where node = 6")
        values = (
            (6, "gpu_device", "/dev/nvidia"),
            (4, "ssh_host_ed25519_key", HOST_KEY + " root@compute-0-0"),
            (8, "power_unit", "power-1-0"),
            (8, "power_outlet", "3"),
            (9, "power_device", "apc"),
        )
        for node, name, value in values:
            database.execute(
                "insert into attributes (scope, node, owner, name, value) values ('node', ?, ?,"
                " ?, ?)",
                (node, node, name, value),
            )


@pytest.fixture
def described(database: Database) -> Database:
    """Return the database of ``describe``."""
    describe(database)
    return database


@pytest.fixture
def snapshot(described: Database) -> Iterator[Snapshot]:
    """Yield the complete snapshot of it."""
    yield read_snapshot(described, {HARDWARE, GROUPS})


def report(name: str) -> Report:
    """Return the report of that name."""
    return next(candidate for candidate in REPORTS if candidate.name == name)


def site(
    name: str, location: Location = SQLITE, folder: str = "/nonexistent", **options: Any
) -> Site:
    """Return the settings of a frontend at 10.1.1.1; ``options`` override the defaults."""
    merged = {**default_options(report(name)), **REQUIRED_OPTIONS.get(name, {}), **options}
    return Site(
        options=merged, url="http://10.1.1.1", database=location, templates=Templates(folder)
    )


def text(name: str, snapshot: Snapshot, **options: Any) -> str:
    """Render a report with one file."""
    (content,) = report(name).render(snapshot, site(name, **options)).values()
    return content


def into(folder: pathlib.Path, name: str, **options: Any) -> dict[str, Any]:
    """Return the report's options with all its files in ``folder``."""
    merged = {**default_options(report(name)), **REQUIRED_OPTIONS.get(name, {}), **options}
    for option, value in merged.items():
        if option in PATHS and option not in options:
            merged[option] = (
                str(folder / pathlib.PurePath(value).name) if option != "folder" else str(folder)
            )
    return merged


def write(
    database: Database, settings: Settings, names: Optional[Sequence[str]] = None, **options: Any
) -> list[Outcome]:
    """Write the reports.  Raises the error of those that cannot be written."""
    outcomes = write_reports(database, settings, names, **options)
    error = failure_of(outcomes)
    if error:
        raise error
    return outcomes


def settings(folder: pathlib.Path, *names: str) -> Settings:
    """Return a site with these reports in separate folders; none of their daemons is running."""
    reports = {}
    for name in names:
        report_folder = folder / name if len(names) > 1 else folder
        report_folder.mkdir(exist_ok=True)
        reports[name] = into(
            report_folder, name, **({"alive": ["false"]} if report(name).service else {})
        )
    return Settings(url="http://10.1.1.1", reports=reports)
