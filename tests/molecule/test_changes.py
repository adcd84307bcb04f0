# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend with another name and network, and one that died: what a new machine is made of."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import tarfile

from ansible_collections.npaci.rocks.plugins.module_utils import command
from support.ansible import ROOT
from support.converged import HOST, Converged, told_in
from support.waiting import until

ADDRESS = "10.1.1.1"
NODE = "compute-0-0"
SAME = {"frontend_private_interface": "private0", "frontend_space": 100}
OTHER = {"frontend_name": "head", "frontend_zone": "physics", "frontend_private_subnet": "10.1.0.0/16"}
BACKUP = "/root/backup.tar.gz"
CONTAINER_SECONDS = 120.0


def well(output: str) -> str:
    assert re.search(rf"^{HOST} .*failed=0", output, re.MULTILINE), output
    return output


def container(frontend: Converged, what: str) -> None:
    environment = {"RUN": str(frontend.folder), "SUITE": os.environ.get("SUITE", "bookworm")}
    command.run([str(ROOT / "extensions/molecule/container"), what], timeout=CONTAINER_SECONDS, env=environment)


def backup(frontend: Converged, folder: pathlib.Path) -> pathlib.Path:
    """Tonight's backup, copied to another place."""
    frontend.run("systemctl", "start", "rocks-backup.service")
    (made,) = (frontend.root / "var/backups/rocks").iterdir()
    assert made.stat().st_mode & 0o777 == 0o600
    return pathlib.Path(shutil.copy(made, folder / "backup.tar.gz"))


def content(archive: pathlib.Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read()


def started_again(frontend: Converged) -> None:
    """The node asks for its lease, and has its address in the other network; the frontend has its name there."""
    with frontend.dhcp_client() as (_client, told):
        until(told.exists, 60, "a lease in the other network")
    assert told_in(told)["ip"] == "10.1.255.254"
    assert frontend.ask("dig", "+short", "head.physics", f"@{ADDRESS}") == f"{ADDRESS}\n"


def test_another_network_is_refused_while_a_node_would_be_outside(frontend: Converged) -> None:
    output = frontend.playbook("frontend", **SAME, **OTHER)
    assert "with frontend_readdress=true they get the next free addresses" in " ".join(output.split()), output
    assert frontend.sql("select name, ip from nodes where id = 1") == f"frontend-0\t{ADDRESS}"


def test_another_name_zone_and_network_converge(frontend: Converged) -> None:
    well(frontend.playbook("frontend", **SAME, **OTHER, frontend_readdress=True))
    assert frontend.sql("select name, ip from nodes order by id") == f"head\t{ADDRESS}\n{NODE}\t10.1.255.254"
    assert frontend.sql("select name, subnet, netmask, zone from networks") == "private\t10.1.0.0\t255.255.0.0\tphysics"
    started_again(frontend)
    assert frontend.ask("dig", "+short", f"{NODE}.physics", f"@{ADDRESS}") == "10.1.255.254\n"
    assert frontend.ask("dig", "+short", "frontend-0.cluster", f"@{ADDRESS}", "+norecurse") == ""


def test_a_new_machine_becomes_the_frontend_that_died(frontend: Converged, tmp_path: pathlib.Path) -> None:
    saved = backup(frontend, tmp_path)
    host_key = (frontend.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
    container(frontend, "stop")
    container(frontend, "start")
    shutil.copy(saved, frontend.root / BACKUP.lstrip("/"))
    well(frontend.playbook("restore", frontend_backup=BACKUP))
    again = tmp_path / "again"
    again.mkdir()
    restored = backup(frontend, again)
    assert content(restored, "cluster.dump") == content(saved, "cluster.dump")
    for name in ("etc/rocks/munge.key", "root/.ssh/id_ed25519", "etc/rocks/frontend.yml"):
        assert content(restored, name) == content(saved, name), name
    assert (frontend.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text() == host_key
    started_again(frontend)


def test_a_machine_that_is_a_frontend_is_not_overwritten(frontend: Converged) -> None:
    before = frontend.sql("select count(*) from audit")
    output = frontend.playbook("restore", frontend_backup=BACKUP)
    assert "This machine is a frontend already" in " ".join(output.split()) and "changed=0" in output, output
    assert frontend.sql("select count(*) from audit") == before
