# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The services of a converged frontend, asked over the network by a machine on its private side.

One story, in order: a distribution is published, a machine is switched on and entered, and asks for everything that a
node asks for.
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
from support.converged import SAME, Converged, put, told_in, well
from support.kickstarts import parse_strictly
from support.waiting import until

ADDRESS, PUBLIC = "10.1.1.1", "192.0.2.1"
STRANGER = "10.77.7.7"
NODE = "compute-0-0"
COLLECTION = "/usr/share/ansible/collections/ansible_collections/npaci/rocks"
DISTRIBUTION = {
    "distribution_release": "rhel9",
    "distribution_sources": [{"name": "stock", "path": "/srv/stock"}],
    "distribution_xml": [f"{COLLECTION}/xml", "/etc/rocks/xml"],
}
# What ``systemd-analyze security`` gives at most: 0 may nothing, 10 everything. Kea reads raw packets.
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
    """What the first machine was told: it was switched on while nobody knew it, unless these tests ran before."""
    with frontend.dhcp_client() as (_client, told):
        if not frontend.sql(f"select id from nodes where name = '{NODE}'"):
            entered = frontend.module(
                "rocks_insert_ethers", interface="private0", count=1, timeout=60
            )
            assert [one["name"] for one in entered["nodes"]] == [NODE], entered
        until(told.exists, 60, "a lease for the machine that was just entered")
    return told_in(told)


def test_a_distribution_is_published_and_a_second_run_changes_nothing(
    frontend: Converged, tmp_path: pathlib.Path
) -> None:
    environment = {"PYTHONPATH": f"{ROOT}/.collections:{ROOT}/tests", "PATH": "/usr/bin:/bin"}
    subprocess.run(
        [sys.executable, ROOT / "demo/packages.py", "stock", tmp_path], check=True, env=environment
    )
    put(frontend, tmp_path, "/srv/stock")
    first = well(frontend.playbook("rebuild-dist", **DISTRIBUTION))
    assert "rocks is now generation" in first, first
    again = well(frontend.playbook("rebuild-dist", **DISTRIBUTION))
    assert "rocks stays generation" in again and "changed=0" in again, again


def test_a_machine_that_is_switched_on_is_entered_and_has_its_lease(
    frontend: Converged, lease: dict[str, str]
) -> None:
    assert (lease["ip"], lease["mask"], lease["dns"]) == ("10.255.255.254", "8", ADDRESS)
    assert (lease["siaddr"], lease["boot_file"]) == (ADDRESS, "x86_64/shimx64.efi")
    assert (
        frontend.sql("select name, ip from nodes order by id")
        == f"frontend-0\t{ADDRESS}\n{NODE}\t{lease['ip']}"
    )


# It takes as long as the tests that follow: tests/molecule/test_restored.py asks it then.
@pytest.mark.usefixtures("successor")
def test_known_nodes_have_their_leases_while_the_database_is_away(
    frontend: Converged, lease: dict[str, str]
) -> None:
    frontend.run("systemctl", "stop", "mariadb")
    try:
        with frontend.dhcp_client() as (_client, told):
            until(told.exists, 60, "a lease without the database")
    finally:
        frontend.run("systemctl", "start", "mariadb")
    assert told_in(told)["ip"] == lease["ip"]


def test_a_name_is_found_and_an_address_backwards(
    frontend: Converged, lease: dict[str, str]
) -> None:
    assert frontend.ask("dig", "+short", f"{NODE}.cluster", f"@{ADDRESS}") == f"{lease['ip']}\n"
    assert frontend.ask("dig", "+short", "-x", lease["ip"], f"@{ADDRESS}") == f"{NODE}.cluster.\n"
    assert frontend.ask("dig", "+short", "frontend-0.cluster", f"@{ADDRESS}") == f"{ADDRESS}\n"


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("x86_64/shimx64.efi", "/usr/lib/shim/shimx64.efi.signed"),
        ("x86_64/grubx64.efi", "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"),
        ("x86_64/ipxe.efi", "/usr/lib/ipxe/ipxe.efi"),
        ("bios/undionly.kpxe", "/usr/lib/ipxe/undionly.kpxe"),
    ],
)
def test_a_boot_file_comes_by_tftp_and_by_http(
    frontend: Converged, tmp_path: pathlib.Path, path: str, package: str
) -> None:
    expected = frontend.run("sha256sum", package).stdout.split()[0]
    for url in (f"tftp://{ADDRESS}/{path}", f"http://{ADDRESS}/boot/{path}"):
        frontend.ask(
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


def test_grub_is_led_from_tftp_to_the_service(frontend: Converged, lease: dict[str, str]) -> None:
    for folder in ("x86_64", "grub"):
        assert frontend.get(f"tftp://{ADDRESS}/{folder}/grub.cfg")[1] == (
            f"configfile (http,{ADDRESS})/boot/{folder}/grub.cfg\n"
        )
        status, script = frontend.get(f"http://{ADDRESS}/boot/{folder}/grub.cfg")
        assert status == 200 and f"{NODE}: installing rocks" in script


def test_a_node_with_an_order_gets_its_kickstart_which_the_installer_reads(
    frontend: Converged, lease: dict[str, str]
) -> None:
    status, text = frontend.get(f"http://{ADDRESS}/rocks/kickstart")
    assert status == 200 and f"url --url=http://{ADDRESS}/install/" in text.replace('"', "")
    parse_strictly(text, "rhel9")


def test_an_installer_finds_its_packages(frontend: Converged, lease: dict[str, str]) -> None:
    status, text = frontend.get(f"http://{ADDRESS}/install/rocks/x86_64/repodata/repomd.xml")
    assert status == 200 and "<repomd" in text


def test_a_machine_that_nobody_entered_gets_no_kickstart_and_the_remedy(
    frontend: Converged, lease: dict[str, str]
) -> None:
    frontend.node.ip("address", "add", f"{STRANGER}/8", "dev", "eth0")
    status, text = frontend.get(f"http://{ADDRESS}/rocks/kickstart", "--interface", STRANGER)
    assert status == 404 and "rocks_insert_ethers" in text


def test_the_page_is_for_the_frontend_and_those_who_are_named(
    frontend: Converged, lease: dict[str, str]
) -> None:
    assert NODE in frontend.run("curl", "--silent", "--fail", f"http://{ADDRESS}/").stdout
    assert frontend.get(f"http://{ADDRESS}/")[0] == 403


def test_from_the_public_side_neither_names_nor_trees_nor_boot_files(frontend: Converged) -> None:
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
    assert listening - {"127.0.0.53%lo"} == {
        "127.0.0.1",
        ADDRESS,
        "[::1]",
    }  # the former is systemd's own resolver


def test_the_firewall_trusts_the_private_side_alone(frontend: Converged) -> None:
    assert frontend.run("firewall-cmd", "--get-zone-of-interface=private0").stdout == "trusted\n"
    assert frontend.run("firewall-cmd", "--zone=public", "--list-services").stdout.split() == [
        "dhcpv6-client",
        "ssh",
    ]


def test_the_database_listens_to_the_frontend_alone(frontend: Converged) -> None:
    sockets = frontend.run("ss", "-H", "-lnt", "sport", "=", ":3306").stdout.split("\n")
    assert {line.split()[3] for line in sockets if line} <= {"127.0.0.1:3306"}


def test_what_an_installer_logs_is_kept_under_its_address(
    frontend: Converged, lease: dict[str, str]
) -> None:
    log = frontend.root / f"var/log/rocks/{lease['ip']}.log"
    frontend.ask(
        "logger", "--server", ADDRESS, "--udp", "--port", "514", "--rfc3164", "anaconda: packaging"
    )
    until(
        lambda: log.exists() and "anaconda: packaging" in log.read_text(),
        20,
        "the line of the installer",
    )
    assert (
        "considering log" in frontend.run("logrotate", "--debug", "/etc/logrotate.d/rocks").stderr
    )


def test_the_clock_is_served_to_the_private_network(frontend: Converged) -> None:
    """A container has its host's clock, so that chrony only says what it would do."""
    assert (
        "allow 10.0.0.0/8" in frontend.run("chronyd", "-p", "-f", "/etc/chrony/chrony.conf").stdout
    )


def test_home_directories_are_exported_to_the_private_network(frontend: Converged) -> None:
    """The kernel of the tests has no NFS server; the file that it would read is there."""
    assert re.search(
        r"^/export/home\s+10\.0\.0\.0/",
        (frontend.root / "etc/exports.d/rocks.exports").read_text(),
        re.MULTILINE,
    )


def test_the_frontend_knows_its_nodes_by_name_and_itself_by_its_keys(
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
    SAME["frontend_scheduler"] != "slurm", reason="the role refuses this system's Slurm"
)


@pytest.fixture(scope="module")
def working(frontend: Converged, lease: dict[str, str]) -> Iterator[None]:
    """A node that has no configuration of Slurm: it takes the controller's, once its hardware was counted."""
    frontend.sql(
        "replace into hardware (node, cpus, memory, counted) select id, 1, 500, '2026-11-22 09:14:05' from nodes"
        f" where name = '{NODE}'"
    )
    frontend.run("/usr/libexec/rocks/write-reports", "slurm")
    with frontend.slurm_node(NODE) as daemon:
        until(
            lambda: _state(frontend) == "idle",
            60,
            f"{NODE} to be idle; slurmd said {daemon.output()[-2000:]}",
        )
        yield


@slurm
def test_a_job_runs_on_the_node(frontend: Converged, working: None) -> None:
    job = ["srun", "--nodes=1", "--time=1", "--chdir=/", "hostname"]
    assert frontend.run(*job).stdout == f"{NODE}\n"


@slurm
def test_a_reboot_that_slurm_orders_is_an_order_to_reinstall(
    frontend: Converged, working: None
) -> None:
    """slurmctld runs our program as its own user, and sudo lets that pass.  No root can come to the node of these tests."""
    of_node = f"node = (select id from nodes where name = '{NODE}')"
    frontend.sql(
        f"update installs set state = 'up', live = null where {of_node}"
    )  # its first installation is over
    frontend.run("scontrol", "reboot", "nextstate=RESUME", NODE)
    until(
        lambda: int(frontend.sql(f"select count(*) from installs where {of_node}")) > 1,
        30,
        "an order",
    )
    until(lambda: "rocks_reinstall: " in _reason(frontend), 60, "what became of it")


@slurm
def test_slurm_may_become_root_for_that_program_alone(frontend: Converged) -> None:
    as_slurm = ("setpriv", "--reuid=slurm", "--regid=slurm", "--clear-groups", "sudo", "-n")
    assert frontend.run(*as_slurm, "true", ok=(1,)).status == 1
    assert "/usr/libexec/rocks/slurm-reboot" in frontend.run(*as_slurm, "--list").stdout


@pytest.mark.parametrize("name", ["rocks-maintenance", "rocks-unclean", "rocks-backup"])
def test_what_is_due_is_done(frontend: Converged, name: str) -> None:
    assert frontend.run("systemctl", "is-active", f"{name}.timer").stdout == "active\n"
    frontend.run("systemctl", "start", f"{name}.service")
    said = frontend.run(
        "systemctl", "show", "--property=Result,ExecMainStatus", f"{name}.service"
    ).stdout
    assert said.split() == ["Result=success", "ExecMainStatus=0"]


def _reason(frontend: Converged) -> str:
    return frontend.run(
        "sinfo", "--noheader", "--Node", "--format=%E", ok=range(256)
    ).stdout.strip()


def _state(frontend: Converged) -> str:
    return frontend.run(
        "sinfo", "--noheader", "--Node", "--format=%T", ok=range(256)
    ).stdout.strip()


@pytest.mark.parametrize("unit", sorted(EXPOSURE))
def test_a_service_may_do_no_more_than_it_must(frontend: Converged, unit: str) -> None:
    said = frontend.run("systemd-analyze", "security", "--no-pager", unit, ok=(0, 1)).stdout
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])  # type: ignore[index]
    assert exposure <= EXPOSURE[unit], said


def test_a_wrong_interface_is_refused_with_every_fault_before_anything_is_changed(
    frontend: Converged,
) -> None:
    output = frontend.playbook(
        "frontend", frontend_private_interface="public0", frontend_space=10**8
    )
    said = " ".join(output.split())
    for fault in (
        "frontend_private_interface: public0 has the default route",
        "frontend_private_address: public0 has not the address 10.1.1.1",
        "frontend_private_subnet: 10.0.0.0/8 overlaps 10.0.0.0/8, which is reached by private0",
        "MiB are free for /var/lib/rocks/install",
    ):
        assert fault in said, output
    assert "changed=0" in output


def test_no_unit_has_failed(frontend: Converged) -> None:
    assert frontend.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
