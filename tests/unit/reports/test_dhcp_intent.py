# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The intended behaviour of the DHCP server, and the syntax of Kea's releases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import (
    boot_files,
    dhcp_intent,
    kea,
)
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp.dhcp_intent import (
    Reservation,
)
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import read_snapshot
from support.reports import MARIADB, report, site, text


def kea_config(snapshot: Snapshot, **options: Any) -> dict[str, Any]:
    """Return Kea's configuration."""
    config: dict[str, Any] = json.loads(text("kea", snapshot, **options))["Dhcp4"]
    return config


def test_a_bmc_has_a_reservation_on_its_own_network(snapshot: Snapshot) -> None:
    private, bmc = dhcp_intent.build_intent(snapshot, site("kea")).subnets
    assert bmc.network == "192.168.4.0/22" and bmc.gateway == "192.168.4.1" and bmc.mtu == 9000
    assert bmc.reservations[0] == Reservation(
        mac="00:25:90:00:00:00", ip="192.168.5.255", name="compute-0-0-bmc", is_node=False
    )
    compute_0_0 = Reservation(
        mac="00:50:8b:e0:3a:a7", ip="10.255.255.245", name="compute-0-0", is_node=True
    )
    assert compute_0_0 in private.reservations


def test_nodes_use_the_frontends_address_in_their_own_network(
    described: Database,
) -> None:
    described.execute(
        "insert into interfaces (node, name, network, ip) select nodes.id, 'eth1', networks.id,"
        " '192.168.4.9'"
        " from nodes, networks where nodes.name = 'frontend-0' and networks.name = 'bmc'"
    )
    private, bmc = dhcp_intent.build_intent(read_snapshot(described), site("kea")).subnets
    assert (private.server, bmc.server) == ("10.1.1.1", "192.168.4.9")
    assert (private.nameservers, bmc.nameservers) == (("10.1.1.1",), ("192.168.4.9",))


def test_a_public_network_is_not_served(described: Database) -> None:
    described.execute("update networks set kind = 'public' where name = 'bmc'")
    assert [
        subnet.zone
        for subnet in dhcp_intent.build_intent(read_snapshot(described), site("kea")).subnets
    ] == ["cluster"]


def test_nodes_outside_all_networks_are_left_out_by_name(described: Database) -> None:
    described.execute("update nodes set ip = '172.16.0.1' where name = 'web-1-0'")
    described.execute("update nodes set ip = '172.16.0.2' where name = 'nfs-0-0'")
    snapshot = read_snapshot(described)
    faults = dhcp_intent.left_out(snapshot, site("kea"))
    assert [fault.where for fault in faults] == ["nfs-0-0", "web-1-0"]
    hosts = [
        host.name
        for subnet in dhcp_intent.build_intent(snapshot, site("kea")).subnets
        for host in subnet.reservations
    ]
    assert "compute-0-0" in hosts and "web-1-0" not in hosts


@pytest.mark.parametrize("loader", boot_files.LOADERS)
def test_each_loader_has_a_file_for_every_firmware(loader: str, snapshot: Snapshot) -> None:
    boots = dhcp_intent.build_intent(snapshot, site("kea", loader=loader)).boots
    codes = [code for boot in boots for code in boot.architectures]
    assert len(codes) == len(set(codes)) and {0, 7, 9, 11, 16, 19} == set(codes)
    assert all(boot.file.startswith("http://10.1.1.1/boot/") == boot.http for boot in boots)


def test_only_a_network_with_a_pool_serves_unknown_machines(
    snapshot: Snapshot,
) -> None:
    private, bmc = kea_config(snapshot)["subnet4"]
    assert private["pools"] == [] and bmc["pools"] == [
        {"pool": "192.168.7.1 - 192.168.7.9", "client-class": "UNKNOWN"}
    ]


def test_kea_identifies_machines_by_mac_address_only(snapshot: Snapshot) -> None:
    config = kea_config(snapshot)
    assert config["match-client-id"] is False and config["host-reservation-identifiers"] == [
        "hw-address"
    ]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("2.0.1", (2, 0)),
        ("2.2.0", (2, 0)),
        ("2.4.1", (2, 0)),
        ("2.6.3", (2, 6)),
        ("3.0.0", (3, 0)),
        ("3.3.0", (3, 0)),
    ],
)
def test_a_release_uses_the_newest_syntax_that_is_not_newer(
    release: str, expected: tuple[int, int]
) -> None:
    assert kea.syntax_of(release).release == expected


@pytest.mark.parametrize("release", ["1.9.11", "", "nightly"])
def test_an_unsupported_release_is_refused(release: str) -> None:
    with pytest.raises(DescriptionError, match="not supported"):
        kea.syntax_of(release)


@pytest.mark.parametrize(
    ("release", "socket", "expected"),
    [
        ("2.4.1", "/run/kea/kea4-ctrl-socket", "/run/kea/kea4-ctrl-socket"),
        ("2.6.3", "/run/kea/kea4-ctrl-socket", "kea4-ctrl-socket"),
        ("3.0.0", "/var/run/kea/kea4-ctrl-socket", "kea4-ctrl-socket"),
        ("2.6.3", "/srv/kea/socket", "/srv/kea/socket"),
    ],
)
def test_kea_looks_for_its_socket_in_the_folder_that_it_was_compiled_for(
    snapshot: Snapshot, release: str, socket: str, expected: str
) -> None:
    """From 2.6.3 a folder is compared as text; systems differ in /run and /var/run."""
    config = kea_config(snapshot, release=release, socket=socket)
    control = config["control-sockets"][0] if release >= "3" else config["control-socket"]
    assert control["socket-name"] == expected


def test_kea_3_loads_mysql_as_a_hook_and_has_lists_of_classes(snapshot: Snapshot) -> None:
    config = kea_config(snapshot, release="3.0.0", location=MARIADB)
    assert config["hooks-libraries"] == [
        {"library": "libdhcp_lease_cmds.so"},
        {"library": "libdhcp_mysql.so"},
    ]
    assert config["subnet4"][1]["pools"][0]["client-classes"] == ["UNKNOWN"]
    assert "control-socket" not in config and "output_options" not in json.dumps(config)
    assert config["hosts-database"]["retry-on-startup"] is True


def test_on_mariadb_nodes_are_in_the_view_and_in_the_file(snapshot: Snapshot) -> None:
    config = kea_config(snapshot, location=MARIADB)
    assert config["hosts-database"]["readonly"] is True
    assert config["hosts-database"]["on-fail"] == "serve-retry-continue"
    assert len(config["subnet4"][0]["reservations"]) == len(snapshot.nodes)


def test_with_the_view_alone_the_file_has_further_interfaces_only(snapshot: Snapshot) -> None:
    private, bmc = kea_config(snapshot, location=MARIADB, source="view")["subnet4"]
    assert private["reservations"] == [] and len(bmc["reservations"]) == 2


def test_on_sqlite_there_is_no_view(snapshot: Snapshot) -> None:
    assert "hosts-database" not in kea_config(snapshot)


def test_with_boot_ordered_only_nodes_with_an_order_get_a_boot_file(snapshot: Snapshot) -> None:
    config = kea_config(snapshot, location=MARIADB, boot="ordered")
    tests = [row["test"] for row in config["client-classes"] if "test" in row]
    assert len(tests) == 6 and all(test.startswith("member('install') and ") for test in tests)
    # Kea would read a reservation in the file first, which does not show orders.
    assert config["subnet4"][0]["reservations"] == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param({"source": "view"}, "MariaDB", id="view on SQLite"),
        pytest.param({"boot": "ordered"}, "ordered", id="orders on SQLite"),
        pytest.param(
            {"boot": "ordered", "source": "view+file", "location": MARIADB},
            "ordered",
            id="orders and a file",
        ),
        pytest.param({"source": "sql"}, "auto", id="source"),
        pytest.param({"boot": "never"}, "always", id="boot"),
        pytest.param({"loader": "lilo"}, "grub", id="loader"),
        pytest.param({"interfaces": []}, "interfaces", id="no interface"),
        pytest.param({"interfaces": ["eth1\n"]}, "interfaces", id="a bad interface"),
        pytest.param({"nameservers": ["ns1"]}, "ns1", id="name server"),
    ],
)
def test_faulty_options_are_refused_by_name(
    options: dict[str, Any], named: str, snapshot: Snapshot
) -> None:
    with pytest.raises(DescriptionError) as refused:
        text("kea", snapshot, **options)
    assert named in str(refused.value)


def test_the_password_of_the_database_is_in_the_file_if_it_is_set(
    snapshot: Snapshot,
) -> None:
    assert "password" not in kea_config(snapshot, location=MARIADB)["hosts-database"]
    assert (
        kea_config(snapshot, location=MARIADB, password='s3"cret')["hosts-database"]["password"]
        == 's3"cret'
    )


def test_kea_connects_to_a_remote_database(snapshot: Snapshot) -> None:
    remote = MARIADB._replace(host="db.cluster", port=3307, tls_ca="/etc/ca.pem")
    hosts_database = kea_config(snapshot, location=remote)["hosts-database"]
    expected = {"host": "db.cluster", "port": 3307, "trust-anchor": "/etc/ca.pem"}
    assert hosts_database.items() >= expected.items()


def test_dnsmasq_resolves_names_with_the_option_dns(snapshot: Snapshot) -> None:
    files = report("dnsmasq").render(snapshot, site("dnsmasq", dns=True))
    assert (
        "port=0" not in files["/etc/dnsmasq.d/rocks.conf"]
        and "local=/cluster/" in files["/etc/dnsmasq.d/rocks.conf"]
    )
    assert "10.255.255.245 compute-0-0.cluster compute-0-0" in files["/etc/dnsmasq.rocks-names"]
