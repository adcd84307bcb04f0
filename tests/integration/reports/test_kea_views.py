# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kea reads the nodes from MariaDB itself: one row and a machine has its lease, with nothing written or reloaded."""

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

COMPUTE_0_0, UNKNOWN = "00:50:8b:e0:3a:a7", "52:54:00:00:00:99"
IMPATIENT = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0,))
VIEW = ViewSettings("rocks_kea", "14.0", "root")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MariaDB for the tests of this file."""
    with server(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture
def cluster(started: Server) -> Iterator[Database]:
    """The described cluster on MariaDB, and no views yet."""
    with connect(started.create("cluster"), check=False) as database:
        migrate(database)
        describe(database)
        yield database
        database.execute("drop database if exists rocks_kea")
    started.drop("cluster")


@pytest.fixture
def net() -> Iterator[Network]:
    """The paper's network, 10.0.0.0/8."""
    with network("10.1.1.1/8") as made:
        yield made


def on_view(
    net: Network, folder: pathlib.Path, cluster: Database, started: Server, **said: Any
) -> Any:
    """Kea on the view of the cluster, as the system's user that the tests run as."""
    env = {"MYSQL_UNIX_PORT": str(started.socket)}
    return serving("kea", net, folder, cluster, env, account="root", **said)


def test_a_node_has_its_lease_as_soon_as_its_row_is_there(
    net: Network, cluster: Database, started: Server, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with on_view(net, tmp_path, cluster, started, source="view") as site:
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


def test_a_live_install_order_shows_in_the_answer_and_its_end_too(
    net: Network, cluster: Database, started: Server, tmp_path: pathlib.Path
) -> None:
    machine = net.client()

    def boot_file() -> str:
        lease = ask(machine, COMPUTE_0_0)
        assert lease is not None and lease.address == "10.255.255.245"
        return lease.boot_file

    with on_view(net, tmp_path, cluster, started, boot="ordered"):
        assert boot_file() == ""
        cluster.execute(
            "insert into installs (uuid, node, state, live, distribution, arch, generation, profile, ordered_by,"
            " ordered, expires, changed) select 'u', id, 'ordered', 1, 'rocks', 'x86_64', 'g', 'p', 'root',"
            " '2026-11-22 09:14:05', '2026-11-22 10:14:05', '2026-11-22 09:14:05' from nodes where name = 'compute-0-0'"
        )
        assert boot_file() == "http://10.1.1.1/rocks/boot"
        for state in ("booted", "installing"):
            cluster.execute("update installs set state = ?", (state,))
            assert boot_file() == "http://10.1.1.1/rocks/boot"
        cluster.execute("update installs set state = 'installed'")
        assert boot_file() == ""


def test_a_new_machine_gets_the_old_ones_address_by_the_view(
    net: Network, cluster: Database, started: Server, tmp_path: pathlib.Path
) -> None:
    machine = net.client()
    with on_view(net, tmp_path, cluster, started, source="view") as site:
        assert ask(machine, COMPUTE_0_0)
        node_changes.replace_node(cluster, "compute-0-0", UNKNOWN)
        site.write()
        assert ask(machine, COMPUTE_0_0, IMPATIENT) is None
        lease = ask(machine, UNKNOWN)
        assert lease is not None and lease.address == "10.255.255.245"


def test_known_nodes_are_served_while_the_database_is_away(
    net: Network,
    cluster: Database,
    tmp_path: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder, machine = tmp_path_factory.mktemp("mortal"), net.client()
    durable = "--innodb-flush-log-at-trx-commit=1"
    with (
        server(folder, durable) as mortal,
        connect(mortal.create("cluster"), check=False) as database,
    ):
        migrate(database)
        describe(database)
        with on_view(net, tmp_path, database, mortal):
            node_changes.add_nodes(database, [NewNode(mac=UNKNOWN)])
            assert ask(machine, UNKNOWN)
            mortal.daemon.kill()
            assert ask(machine, UNKNOWN, IMPATIENT) is None
            lease = ask(machine, COMPUTE_0_0)
            assert lease is not None and (lease.address, lease.discovers) == ("10.255.255.245", 1)
            mortal.daemon.log.unlink()  # its "ready" is no longer true
            with server(folder, durable):
                until(
                    lambda: ask(machine, UNKNOWN, IMPATIENT), 15, "Kea to find the database again"
                )


def test_keas_account_sees_the_views_and_no_table_of_the_cluster(
    cluster: Database, started: Server
) -> None:
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
    "lost", ["view rocks_kea.hosts", "view rocks_kea.dhcp6_options", "user 'watcher'@'localhost'"]
)
def test_a_part_that_is_missing_is_made_again(lost: str, cluster: Database) -> None:
    view = VIEW._replace(account="watcher")
    kea_views.install_views(cluster, view)
    cluster.execute(f"drop {lost}")
    assert kea_views.install_views(cluster, view) and not kea_views.install_views(cluster, view)
    cluster.execute("drop user 'watcher'@'localhost'")


@pytest.mark.parametrize("done", range(len(kea_views.view_statements(VIEW, "cluster"))))
def test_an_installation_that_was_cut_off_is_completed_by_the_next_run(
    done: int, cluster: Database
) -> None:
    for statement in kea_views.view_statements(VIEW, "cluster")[:done]:
        cluster.execute(statement)
    assert kea_views.install_views(cluster, VIEW) and not kea_views.install_views(cluster, VIEW)


def test_another_kea_release_gets_the_schema_version_that_it_demands(cluster: Database) -> None:
    kea_views.install_views(cluster, VIEW)
    assert kea_views.install_views(cluster, VIEW._replace(schema="19.0"))
    assert cluster.rows("select version, minor from rocks_kea.schema_version") == [(19, 0)]


def test_a_database_that_is_anothers_is_left_alone(cluster: Database) -> None:
    cluster.execute("create database rocks_kea")
    cluster.execute("create table rocks_kea.hosts (host_id int)")
    with pytest.raises(Refused, match="not ours"):
        kea_views.install_views(cluster, VIEW)
    assert cluster.rows("show full tables in rocks_kea") == [("hosts", "BASE TABLE")]


def test_kea_finds_a_node_by_two_index_look_ups(cluster: Database) -> None:
    kea_views.install_views(cluster, VIEW)
    plan = cluster.rows(
        "explain select * from rocks_kea.hosts where dhcp4_subnet_id = 1 and dhcp_identifier = unhex('00508be03aa7')"
    )
    assert {row[3] for row in plan} <= {"const", "eq_ref", "ref"}


def test_a_kea_that_cannot_read_the_view_is_told_in_one_sentence(
    net: Network, cluster: Database, started: Server, tmp_path: pathlib.Path
) -> None:
    with on_view(net, tmp_path, cluster, started) as site:
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
