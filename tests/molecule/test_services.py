# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The services of a converged frontend, used over the network by a machine on its private side.

The tests run in order: a distribution is published, a machine is switched on and added, and it
requests everything that a node requests.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import subprocess
import sys
from typing import Iterator

import pytest

from support.ansible import ROOT
from support.converged import VARIABLES, Converged, assert_success, copy_to, read_lease
from support.kickstarts import parse_strictly
from support.waiting import until

ADDRESS = "10.1.1.1"
PUBLIC = "192.0.2.1"
STRANGER = "10.77.7.7"
NODE = "compute-0-0"
COLLECTION = "/usr/share/ansible/collections/ansible_collections/npaci/rocks"
DISTRIBUTION = {
    "distribution_release": "rhel9",
    "distribution_sources": [{"name": "stock", "path": "/srv/stock"}],
    "distribution_xml": [f"{COLLECTION}/xml", "/etc/rocks/xml"],
}
# Limits for ``systemd-analyze security``: 0 is fully confined, 10 is unconfined.
EXPOSURE = {
    "rocks-service": 2.5,
    "rocks-backup": 4.5,
    "kea-dhcp4-server": 4.5,
    "named": 4.5,
    "nginx": 4.5,
    "tftpd-hpa": 4.5,
}


@pytest.fixture(scope="module")
def lease(frontend: Converged) -> dict[str, str]:
    """Return the lease of the first machine, which is unknown unless these tests ran before."""
    with frontend.dhcp_client() as (_client, lease_file):
        if not frontend.sql(f"select id from nodes where name = '{NODE}'"):
            result = frontend.module(
                "rocks_insert_ethers", interface="private0", count=1, timeout=60
            )
            assert [node["name"] for node in result["nodes"]] == [NODE], result
        until(lease_file.exists, 60, "a lease for the new node")
    return read_lease(lease_file)


def test_publishing_a_distribution_is_idempotent(
    frontend: Converged, tmp_path: pathlib.Path
) -> None:
    environment = {"PYTHONPATH": f"{ROOT}/.collections:{ROOT}/tests", "PATH": "/usr/bin:/bin"}
    subprocess.run(
        [sys.executable, ROOT / "demo/packages.py", "stock", tmp_path], check=True, env=environment
    )
    copy_to(frontend, tmp_path, "/srv/stock")
    first = assert_success(frontend.playbook("rebuild-dist", **DISTRIBUTION))
    assert "rocks is now generation" in first, first
    again = assert_success(frontend.playbook("rebuild-dist", **DISTRIBUTION))
    assert "rocks stays generation" in again and "changed=0" in again, again


def test_a_new_machine_is_added_and_gets_a_lease(
    frontend: Converged, lease: dict[str, str]
) -> None:
    assert (lease["ip"], lease["mask"], lease["dns"]) == ("10.255.255.254", "8", ADDRESS)
    assert (lease["siaddr"], lease["boot_file"]) == (ADDRESS, "x86_64/shimx64.efi")
    assert (
        frontend.sql("select name, ip from nodes order by id")
        == f"frontend-0\t{ADDRESS}\n{NODE}\t{lease['ip']}"
    )


# The restoration runs in the background during these tests; test_restored.py waits for it.
@pytest.mark.usefixtures("replacement")
def test_known_nodes_get_leases_while_the_database_is_stopped(
    frontend: Converged, lease: dict[str, str]
) -> None:
    frontend.run("systemctl", "stop", "mariadb")
    try:
        with frontend.dhcp_client() as (_client, lease_file):
            until(lease_file.exists, 60, "a lease without the database")
    finally:
        frontend.run("systemctl", "start", "mariadb")
    assert read_lease(lease_file)["ip"] == lease["ip"]


def test_dns_resolves_names_and_addresses(frontend: Converged, lease: dict[str, str]) -> None:
    assert (
        frontend.run_on_node("dig", "+short", f"{NODE}.cluster", f"@{ADDRESS}")
        == f"{lease['ip']}\n"
    )
    assert (
        frontend.run_on_node("dig", "+short", "-x", lease["ip"], f"@{ADDRESS}")
        == f"{NODE}.cluster.\n"
    )
    assert (
        frontend.run_on_node("dig", "+short", "frontend-0.cluster", f"@{ADDRESS}") == f"{ADDRESS}\n"
    )


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("x86_64/shimx64.efi", "/usr/lib/shim/shimx64.efi.signed"),
        ("x86_64/grubx64.efi", "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"),
        ("x86_64/ipxe.efi", "/usr/lib/ipxe/ipxe.efi"),
        ("bios/undionly.kpxe", "/usr/lib/ipxe/undionly.kpxe"),
    ],
)
def test_boot_files_are_served_over_tftp_and_http(
    frontend: Converged, tmp_path: pathlib.Path, path: str, package: str
) -> None:
    expected = frontend.run("sha256sum", package).stdout.split()[0]
    for url in (f"tftp://{ADDRESS}/{path}", f"http://{ADDRESS}/boot/{path}"):
        frontend.run_on_node(
            "curl",
            "--silent",
            "--fail",
            "--max-time",
            "20",
            "--output",
            str(tmp_path / "file"),
            url,
        )
        assert hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest() == expected, url


def test_grub_over_tftp_loads_its_menu_from_the_service(
    frontend: Converged, lease: dict[str, str]
) -> None:
    for folder in ("x86_64", "grub"):
        assert frontend.get(f"tftp://{ADDRESS}/{folder}/grub.cfg")[1] == (
            f"configfile (http,{ADDRESS})/boot/{folder}/grub.cfg\n"
        )
        status, script = frontend.get(f"http://{ADDRESS}/boot/{folder}/grub.cfg")
        assert status == 200 and f"{NODE}: installing rocks" in script


def test_a_node_with_an_order_gets_a_valid_kickstart(
    frontend: Converged, lease: dict[str, str]
) -> None:
    status, text = frontend.get(f"http://{ADDRESS}/rocks/kickstart")
    assert status == 200 and f"url --url=http://{ADDRESS}/install/" in text.replace('"', "")
    parse_strictly(text, "rhel9")


def test_the_tree_is_served_over_http(frontend: Converged, lease: dict[str, str]) -> None:
    status, text = frontend.get(f"http://{ADDRESS}/install/rocks/x86_64/repodata/repomd.xml")
    assert status == 200 and "<repomd" in text


def test_an_unknown_machine_gets_no_kickstart_but_a_remedy(
    frontend: Converged, lease: dict[str, str]
) -> None:
    frontend.node.ip("address", "add", f"{STRANGER}/8", "dev", "eth0")
    status, text = frontend.get(f"http://{ADDRESS}/rocks/kickstart", "--interface", STRANGER)
    assert status == 404 and "rocks_insert_ethers" in text


def test_only_viewers_can_access_the_page(frontend: Converged, lease: dict[str, str]) -> None:
    assert NODE in frontend.run("curl", "--silent", "--fail", f"http://{ADDRESS}/").stdout
    assert frontend.get(f"http://{ADDRESS}/")[0] == 403


def test_the_public_side_has_no_dns_trees_or_boot_files(frontend: Converged) -> None:
    for path in ("install/rocks/x86_64/repodata/repomd.xml", "boot/x86_64/shimx64.efi"):
        argv = [
            "curl",
            "--silent",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            f"http://{PUBLIC}/{path}",
        ]
        assert frontend.run(*argv).stdout == "403", path
    sockets = frontend.run("ss", "-H", "-lntu", "sport", "=", ":53").stdout.split("\n")
    listening = {line.split()[4].rpartition(":")[0] for line in sockets if line}
    resolved = "127.0.0.53%lo"  # systemd's own resolver
    assert listening - {resolved} == {"127.0.0.1", ADDRESS, "[::1]"}


def test_the_firewall_trusts_only_the_private_side(frontend: Converged) -> None:
    assert frontend.run("firewall-cmd", "--get-zone-of-interface=private0").stdout == "trusted\n"
    assert frontend.run("firewall-cmd", "--zone=public", "--list-services").stdout.split() == [
        "dhcpv6-client",
        "ssh",
    ]


def test_the_database_listens_only_on_the_loopback(frontend: Converged) -> None:
    sockets = frontend.run("ss", "-H", "-lnt", "sport", "=", ":3306").stdout.split("\n")
    assert {line.split()[3] for line in sockets if line} <= {"127.0.0.1:3306"}


def test_logs_of_installers_are_stored_by_address(
    frontend: Converged, lease: dict[str, str]
) -> None:
    log = frontend.root / f"var/log/rocks/{lease['ip']}.log"
    frontend.run_on_node(
        "logger", "--server", ADDRESS, "--udp", "--port", "514", "--rfc3164", "anaconda: packaging"
    )
    until(
        lambda: log.exists() and "anaconda: packaging" in log.read_text(),
        20,
        "the line of the installer",
    )


def test_chrony_serves_the_private_network(frontend: Converged) -> None:
    """A container uses its host's clock, so that chrony only prints its configuration."""
    assert (
        "allow 10.0.0.0/8" in frontend.run("chronyd", "-p", "-f", "/etc/chrony/chrony.conf").stdout
    )


def test_home_directories_are_exported_to_the_private_network(frontend: Converged) -> None:
    """The kernel of the tests has no NFS server; the test reads the file of exports."""
    assert re.search(
        r"^/export/home\s+10\.0\.0\.0/",
        (frontend.root / "etc/exports.d/rocks.exports").read_text(),
        re.MULTILINE,
    )


def test_the_frontend_resolves_nodes_and_lists_its_host_keys(
    frontend: Converged, lease: dict[str, str]
) -> None:
    assert frontend.run("getent", "hosts", NODE).stdout.split()[0] == lease["ip"]
    key = (frontend.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[1]
    assert re.search(
        rf"frontend-0\S* ssh-ed25519 {re.escape(key)}$", _known_hosts(frontend), re.MULTILINE
    )


def _known_hosts(frontend: Converged) -> str:
    return (frontend.root / "etc/ssh/ssh_known_hosts").read_text()


slurm = pytest.mark.skipif(
    VARIABLES["frontend_scheduler"] != "slurm", reason="the role refuses this system's Slurm"
)


@pytest.fixture(scope="module")
def slurm_node(frontend: Converged, lease: dict[str, str]) -> Iterator[None]:
    """Run a node without a configuration of Slurm; it gets the controller's."""
    frontend.sql(
        "replace into hardware (node, cpus, memory, counted) select id, 1, 500, '2026-11-22"
        " 09:14:05' from nodes"
        f" where name = '{NODE}'"
    )
    frontend.run("/usr/libexec/rocks/write-reports", "slurm")
    with frontend.slurm_node(NODE) as daemon:
        until(
            lambda: _state(frontend) == "idle",
            60,
            f"{NODE} to be idle; output of slurmd: {daemon.output()[-2000:]}",
        )
        yield


@slurm
def test_a_job_runs_on_the_node(frontend: Converged, slurm_node: None) -> None:
    job = ["srun", "--nodes=1", "--time=1", "--chdir=/", "hostname"]
    assert frontend.run(*job).stdout == f"{NODE}\n"


@slurm
def test_a_reboot_by_slurm_orders_a_reinstallation(frontend: Converged, slurm_node: None) -> None:
    """slurmctld runs our program as its own user through sudo.  The node accepts no root login."""
    of_node = f"node = (select id from nodes where name = '{NODE}')"
    # Its first installation has ended.
    frontend.sql(f"update installs set state = 'up', live = null where {of_node}")
    frontend.run("scontrol", "reboot", "nextstate=RESUME", NODE)
    until(
        lambda: int(frontend.sql(f"select count(*) from installs where {of_node}")) > 1,
        30,
        "an order",
    )
    until(lambda: "rocks_reinstall: " in _reason(frontend), 60, "the result of the reinstallation")


@slurm
def test_sudo_allows_slurm_only_the_reboot_program(frontend: Converged) -> None:
    as_slurm = ("setpriv", "--reuid=slurm", "--regid=slurm", "--clear-groups", "sudo", "-n")
    assert frontend.run(*as_slurm, "true", ok=(1,)).status == 1
    assert "/usr/libexec/rocks/slurm-reboot" in frontend.run(*as_slurm, "--list").stdout


@pytest.mark.parametrize("name", ["rocks-maintenance", "rocks-unclean", "rocks-backup"])
def test_timers_are_active_and_their_services_succeed(frontend: Converged, name: str) -> None:
    assert frontend.run("systemctl", "is-active", f"{name}.timer").stdout == "active\n"
    frontend.run("systemctl", "start", f"{name}.service")
    output = frontend.run(
        "systemctl", "show", "--property=Result,ExecMainStatus", f"{name}.service"
    ).stdout
    assert output.split() == ["Result=success", "ExecMainStatus=0"]


def _reason(frontend: Converged) -> str:
    return frontend.run(
        "sinfo", "--noheader", "--Node", "--format=%E", ok=range(256)
    ).stdout.strip()


def _state(frontend: Converged) -> str:
    return frontend.run(
        "sinfo", "--noheader", "--Node", "--format=%T", ok=range(256)
    ).stdout.strip()


@pytest.mark.parametrize("unit", sorted(EXPOSURE))
def test_services_are_sandboxed(frontend: Converged, unit: str) -> None:
    output = frontend.run("systemd-analyze", "security", "--no-pager", unit, ok=(0, 1)).stdout
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", output)[1])  # type: ignore[index]
    assert exposure <= EXPOSURE[unit], output


def test_all_faults_are_reported_before_anything_is_changed(
    frontend: Converged,
) -> None:
    output = frontend.playbook(
        "frontend", frontend_private_interface="public0", frontend_space=10**8
    )
    text = " ".join(output.split())
    for fault in (
        "frontend_private_interface: public0 has the default route",
        "frontend_private_address: public0 does not have the address 10.1.1.1",
        "frontend_private_subnet: 10.0.0.0/8 overlaps 10.0.0.0/8, which is reached through"
        " private0",
        "MiB are free for /var/lib/rocks/install",
    ):
        assert fault in text, output
    assert "changed=0" in output


def test_no_unit_has_failed(frontend: Converged) -> None:
    assert frontend.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
