# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kea reads the nodes from MariaDB: a new row is enough for a lease, without a file or a reload."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster import node_changes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Refused, RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import kea_views
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp.kea_views import ViewSettings
from support.firmware import Firmware, ask
from support.mariadb import Server, server
from support.namespaces import Network, network
from support.reporting import serving
from support.reports import describe
from support.waiting import until

COMPUTE_0_0 = "00:50:8b:e0:3a:a7"
UNKNOWN = "52:54:00:00:00:99"
IMPATIENT = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0,))
VIEW = ViewSettings("rocks_kea", "14.0", "root")


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run MariaDB for the tests of this file."""
    with server(tmp_path_factory.mktemp("mariadb")) as mariadb:
        yield mariadb


@pytest.fixture
def cluster(mariadb: Server) -> Iterator[Database]:
    """Yield the cluster of ``describe`` on MariaDB, without views."""
    with connect(mariadb.create("cluster"), check=False) as database:
        migrate(database)
        describe(database)
        yield database
        database.execute("drop database if exists rocks_kea")
    mariadb.drop("cluster")


@pytest.fixture
def net() -> Iterator[Network]:
    """Yield the paper's network, 10.0.0.0/8."""
    with network("10.1.1.1/8") as net:
        yield net


def on_view(
    net: Network, folder: pathlib.Path, cluster: Database, mariadb: Server, **options: Any
) -> Any:
    """Run Kea on the view of the cluster, with the user of the tests."""
    env = {"MYSQL_UNIX_PORT": str(mariadb.socket)}
    return serving("kea", net, folder, cluster, env, account="root", **options)


def test_a_new_row_is_enough_for_a_lease(
    net: Network, cluster: Database, mariadb: Server, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with on_view(net, tmp_path, cluster, mariadb, source="view") as site:
        known = ask(machine, COMPUTE_0_0)
        assert known is not None and (known.address, known.hostname) == (
            "10.255.255.245",
            "compute-0-0",
        )
        assert ask(machine, UNKNOWN, IMPATIENT) is None
        node_changes.add_nodes(cluster, [NewNode(mac=UNKNOWN)])
        lease = ask(machine, UNKNOWN)
        assert lease is not None
        assert (lease.address, lease.hostname, lease.discovers) == (
            "10.255.255.254",
            "compute-0-4",
            1,
        )
        assert not site.write().changed


def test_the_answer_shows_whether_a_node_has_an_install_order(
    net: Network, cluster: Database, mariadb: Server, tmp_path: pathlib.Path
) -> None:
    machine = net.client()

    def boot_file() -> str:
        lease = ask(machine, COMPUTE_0_0)
        assert lease is not None and lease.address == "10.255.255.245"
        return lease.boot_file

    with on_view(net, tmp_path, cluster, mariadb, boot="ordered"):
        assert boot_file() == ""
        cluster.execute(
            "insert into installs (uuid, node, state, live, distribution, arch, generation,"
            " profile, ordered_by,"
            " ordered, expires, changed) select 'u', id, 'ordered', 1, 'rocks', 'x86_64', 'g',"
            " 'p', 'root',"
            " '2026-11-22 09:14:05', '2026-11-22 10:14:05', '2026-11-22 09:14:05' from nodes"
            " where name = 'compute-0-0'"
        )
        assert boot_file() == "http://10.1.1.1/rocks/boot"
        for state in ("booted", "installing"):
            cluster.execute("update installs set state = ?", (state,))
            assert boot_file() == "http://10.1.1.1/rocks/boot"
        cluster.execute("update installs set state = 'installed'")
        assert boot_file() == ""


def test_a_replacement_machine_gets_the_address(
    net: Network, cluster: Database, mariadb: Server, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with on_view(net, tmp_path, cluster, mariadb, source="view") as site:
        assert ask(machine, COMPUTE_0_0)
        node_changes.replace_node(cluster, "compute-0-0", UNKNOWN)
        site.write()
        assert ask(machine, COMPUTE_0_0, IMPATIENT) is None
        lease = ask(machine, UNKNOWN)
        assert lease is not None and lease.address == "10.255.255.245"


def test_known_nodes_are_served_while_the_database_is_unavailable(
    net: Network,
    cluster: Database,
    tmp_path: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    machine = net.client()
    durable = "--innodb-flush-log-at-trx-commit=1"
    with (
        server(folder, durable) as killed,
        connect(killed.create("cluster"), check=False) as database,
    ):
        migrate(database)
        describe(database)
        with on_view(net, tmp_path, database, killed):
            node_changes.add_nodes(database, [NewNode(mac=UNKNOWN)])
            assert ask(machine, UNKNOWN)
            killed.daemon.kill()
            assert ask(machine, UNKNOWN, IMPATIENT) is None
            lease = ask(machine, COMPUTE_0_0)
            assert lease is not None and (lease.address, lease.discovers) == ("10.255.255.245", 1)
            killed.daemon.log.unlink()  # its message "ready" is obsolete
            with server(folder, durable):
                until(
                    lambda: ask(machine, UNKNOWN, IMPATIENT), 15, "Kea to reconnect to the database"
                )


def test_keas_account_can_read_the_views_only(cluster: Database, mariadb: Server) -> None:
    kea_views.install_views(cluster, VIEW._replace(account="watcher"))
    grants = " ".join(row[0] for row in cluster.rows("show grants for 'watcher'@'localhost'"))
    assert "SELECT ON `rocks_kea`.*" in grants and "unix_socket" in grants
    assert "cluster" not in grants and grants.count("GRANT") == 2
    cluster.execute("drop user 'watcher'@'localhost'")


def test_installing_the_views_twice_changes_nothing(cluster: Database) -> None:
    assert kea_views.install_views(cluster, VIEW, dry_run=True)
    assert not cluster.rows("show databases like 'rocks_kea'")
    assert kea_views.install_views(cluster, VIEW)
    assert not kea_views.install_views(cluster, VIEW)


@pytest.mark.parametrize(
    "dropped",
    ["view rocks_kea.hosts", "view rocks_kea.dhcp6_options", "user 'watcher'@'localhost'"],
)
def test_a_missing_part_is_created_again(dropped: str, cluster: Database) -> None:
    view = VIEW._replace(account="watcher")
    kea_views.install_views(cluster, view)
    cluster.execute(f"drop {dropped}")
    assert kea_views.install_views(cluster, view) and not kea_views.install_views(cluster, view)
    cluster.execute("drop user 'watcher'@'localhost'")


@pytest.mark.parametrize("count", range(len(kea_views.view_statements(VIEW, "cluster"))))
def test_an_interrupted_installation_is_completed_by_the_next_run(
    count: int, cluster: Database
) -> None:
    for statement in kea_views.view_statements(VIEW, "cluster")[:count]:
        cluster.execute(statement)
    assert kea_views.install_views(cluster, VIEW) and not kea_views.install_views(cluster, VIEW)


def test_another_schema_version_updates_the_views(cluster: Database) -> None:
    kea_views.install_views(cluster, VIEW)
    assert kea_views.install_views(cluster, VIEW._replace(schema="19.0"))
    assert cluster.rows("select version, minor from rocks_kea.schema_version") == [(19, 0)]


def test_a_database_with_other_tables_is_refused(cluster: Database) -> None:
    cluster.execute("create database rocks_kea")
    cluster.execute("create table rocks_kea.hosts (host_id int)")
    with pytest.raises(Refused, match="other tables"):
        kea_views.install_views(cluster, VIEW)
    assert cluster.rows("show full tables in rocks_kea") == [("hosts", "BASE TABLE")]


def test_the_query_of_kea_uses_indexes_only(cluster: Database) -> None:
    kea_views.install_views(cluster, VIEW)
    plan = cluster.rows(
        "explain select * from rocks_kea.hosts"
        " where dhcp4_subnet_id = 1 and dhcp_identifier = unhex('00508be03aa7')"
    )
    assert {row[3] for row in plan} <= {"const", "eq_ref", "ref"}


def test_a_kea_that_cannot_read_the_view_is_reported(
    net: Network, cluster: Database, mariadb: Server, tmp_path: pathlib.Path
) -> None:
    with on_view(net, tmp_path, cluster, mariadb) as site:
        cluster.execute(
            "create or replace view rocks_kea.schema_version as select 9 as version, 9 as minor"
        )
        cluster.execute("delete from nodes where name = 'web-1-0'")
        before = (tmp_path / "kea-dhcp4.conf").read_text()
        with pytest.raises(
            RocksError, match=r"schema version mismatch: need version: 14\.0 found version: 9\.9"
        ):
            site.write()
        assert (tmp_path / "kea-dhcp4.conf").read_text() == before
