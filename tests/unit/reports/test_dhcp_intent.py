# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster wants of its DHCP server, and how Kea's releases are told."""

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


def told(snapshot: Snapshot, **options: Any) -> dict[str, Any]:
    """What Kea reads."""
    config: dict[str, Any] = json.loads(text("kea", snapshot, **options))["Dhcp4"]
    return config


def test_a_bmc_has_a_reservation_on_its_own_network(snapshot: Snapshot) -> None:
    private, bmc = dhcp_intent.build_intent(snapshot, site("kea")).subnets
    assert bmc.network == "192.168.4.0/22" and bmc.gateway == "192.168.4.1" and bmc.mtu == 9000
    assert bmc.reservations[0] == Reservation(
        "00:25:90:00:00:00", "192.168.5.255", "compute-0-0-bmc", False
    )
    assert (
        Reservation("00:50:8b:e0:3a:a7", "10.255.255.245", "compute-0-0", True)
        in private.reservations
    )


def test_the_nodes_of_a_network_reach_the_frontend_by_its_address_there(
    described: Database,
) -> None:
    described.execute(
        "insert into interfaces (node, name, network, ip) select nodes.id, 'eth1', networks.id, '192.168.4.9'"
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


def test_a_node_outside_every_network_stops_the_report_with_its_name(described: Database) -> None:
    described.execute("update nodes set ip = '172.16.0.1' where name = 'web-1-0'")
    described.execute("update nodes set ip = '172.16.0.2' where name = 'nfs-0-0'")
    with pytest.raises(
        DescriptionError, match=r"172\.16\.0\.2 of nfs-0-0, 172\.16\.0\.1 of web-1-0"
    ):
        dhcp_intent.build_intent(read_snapshot(described), site("kea"))


@pytest.mark.parametrize("loader", boot_files.LOADERS)
def test_every_kind_of_firmware_has_a_file_of_each_loader(loader: str, snapshot: Snapshot) -> None:
    boots = dhcp_intent.build_intent(snapshot, site("kea", loader=loader)).boots
    codes = [code for boot in boots for code in boot.architectures]
    assert len(codes) == len(set(codes)) and {0, 7, 9, 11, 16, 19} == set(codes)
    assert all(boot.file.startswith("http://10.1.1.1/boot/") == boot.http for boot in boots)


def test_no_unknown_machine_gets_an_address_unless_the_network_has_a_pool(
    snapshot: Snapshot,
) -> None:
    private, bmc = told(snapshot)["subnet4"]
    assert private["pools"] == [] and bmc["pools"] == [
        {"pool": "192.168.7.1 - 192.168.7.9", "client-class": "UNKNOWN"}
    ]


def test_kea_goes_by_the_mac_whatever_client_of_a_machine_asks(snapshot: Snapshot) -> None:
    config = told(snapshot)
    assert config["match-client-id"] is False and config["host-reservation-identifiers"] == [
        "hw-address"
    ]


@pytest.mark.parametrize(
    ("release", "spoken"),
    [
        ("2.0.1", (2, 0)),
        ("2.2.0", (2, 0)),
        ("2.4.1", (2, 0)),
        ("2.6.3", (2, 6)),
        ("3.0.0", (3, 0)),
        ("3.3.0", (3, 0)),
    ],
)
def test_a_release_is_spoken_with_as_the_newest_one_that_is_not_newer(
    release: str, spoken: tuple[int, int]
) -> None:
    assert kea.syntax_of(release).release == spoken


@pytest.mark.parametrize("release", ["1.9.11", "", "nightly"])
def test_a_release_that_nobody_spoke_with_is_refused(release: str) -> None:
    with pytest.raises(DescriptionError, match="is not known"):
        kea.syntax_of(release)


def test_kea_3_has_the_back_end_in_a_library_and_a_list_of_classes(snapshot: Snapshot) -> None:
    config = told(snapshot, release="3.0.0", location=MARIADB)
    assert config["hooks-libraries"] == [
        {"library": "libdhcp_lease_cmds.so"},
        {"library": "libdhcp_mysql.so"},
    ]
    assert config["subnet4"][1]["pools"][0]["client-classes"] == ["UNKNOWN"]
    assert "control-socket" not in config and "output_options" not in json.dumps(config)
    assert config["hosts-database"]["retry-on-startup"] is True


def test_on_mariadb_the_file_is_the_second_source(snapshot: Snapshot) -> None:
    config = told(snapshot, location=MARIADB)
    assert config["hosts-database"]["readonly"] is True
    assert config["hosts-database"]["on-fail"] == "serve-retry-continue"
    assert len(config["subnet4"][0]["reservations"]) == len(snapshot.nodes)


def test_with_the_view_alone_only_further_interfaces_stand_in_the_file(snapshot: Snapshot) -> None:
    private, bmc = told(snapshot, location=MARIADB, source="view")["subnet4"]
    assert private["reservations"] == [] and len(bmc["reservations"]) == 2


def test_on_sqlite_there_is_only_the_file(snapshot: Snapshot) -> None:
    assert "hosts-database" not in told(snapshot)


def test_by_orders_only_known_machines_with_an_order_get_a_file(snapshot: Snapshot) -> None:
    config = told(snapshot, location=MARIADB, boot="ordered")
    tests = [one["test"] for one in config["client-classes"] if "test" in one]
    assert len(tests) == 6 and all(test.startswith("member('install') and ") for test in tests)
    assert (
        config["subnet4"][0]["reservations"] == []
    )  # the file would be asked first, and knows no orders


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"source": "view"}, "the database is not MariaDB", id="view on SQLite"),
        pytest.param({"boot": "ordered"}, "only the view knows orders", id="orders on SQLite"),
        pytest.param(
            {"boot": "ordered", "source": "view+file", "location": MARIADB},
            "only the view",
            id="orders and a file",
        ),
        pytest.param({"source": "sql"}, "one of auto", id="source"),
        pytest.param({"boot": "never"}, "one of always", id="boot"),
        pytest.param({"loader": "lilo"}, "one of grub", id="loader"),
        pytest.param({"interfaces": []}, "name the interfaces", id="no interface"),
        pytest.param({"interfaces": ["eth1\n"]}, "name the interfaces", id="a bad interface"),
        pytest.param({"nameservers": ["ns1"]}, "no IPv4 address", id="name server"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], words: str, snapshot: Snapshot
) -> None:
    with pytest.raises(DescriptionError) as refused:
        text("kea", snapshot, **options)
    assert words in str(refused.value)


def test_a_password_of_the_database_stands_in_the_file_only_when_there_is_one(
    snapshot: Snapshot,
) -> None:
    assert "password" not in told(snapshot, location=MARIADB)["hosts-database"]
    assert (
        told(snapshot, location=MARIADB, password='s3"cret')["hosts-database"]["password"]
        == 's3"cret'
    )


def test_a_remote_database_is_reached_by_its_name(snapshot: Snapshot) -> None:
    remote = MARIADB._replace(host="db.cluster", port=3307, tls_ca="/etc/ca.pem")
    assert told(snapshot, location=remote)["hosts-database"] | {"host": "db.cluster", "port": 3307, "trust-anchor":
        "/etc/ca.pem"} == told(snapshot, location=remote)["hosts-database"]  # fmt: skip


def test_dnsmasq_answers_for_the_names_when_asked_to(snapshot: Snapshot) -> None:
    files = report("dnsmasq").render(snapshot, site("dnsmasq", dns=True))
    assert (
        "port=0" not in files["/etc/dnsmasq.d/rocks.conf"]
        and "local=/cluster/" in files["/etc/dnsmasq.d/rocks.conf"]
    )
    assert "10.255.255.245 compute-0-0.cluster compute-0-0" in files["/etc/dnsmasq.rocks-names"]
