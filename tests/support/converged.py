# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend in a container of extensions/molecule, and a node on its private side."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
from dataclasses import dataclass
from typing import Any, Iterator, NamedTuple

from ansible_collections.npaci.rocks.plugins.module_utils import process

from . import ansible
from .daemons import Daemon, daemon
from .namespaces import Namespace

HOST = "frontend-0"
CLEAN = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")
TIMEOUT_SECONDS = 60.0
PLAYBOOK_SECONDS = 600.0
PLUGINS = ansible.ROOT / "extensions/molecule/default/connection_plugins"
BACKUP = "/root/backup.tar.gz"
SUITE = os.environ.get("SUITE", "bookworm")
IMAGES = ansible.ROOT / ".cache/molecule"
CONTAINER = str(ansible.ROOT / "extensions/molecule/container")
CONTAINER_SECONDS = 120.0
INVENTORY = """\
{host} ansible_connection=nspawn nspawn_leader_file={folder}/leader
[all:vars]
ansible_python_interpreter=/usr/bin/python3
"""
FRONTEND = "10.1.1.1"
# The variables with which molecule converges the frontend.
VARIABLES = {
    "frontend_private_interface": "private0",
    "frontend_space": 100,
    "frontend_scheduler": "slurm" if SUITE != "jammy" else "none",
}
# Slurm's view of a node.  It runs the image of the frontend's operating system, which contains
# slurmd, so that both have one version.  It has its own folders, processes and name, and only the
# key of the frontend.
NODE = """\
set -eu
hostname {name}
cd {place}
mkdir root upper work
mount -t overlay node -o lowerdir={image}/root,upperdir=upper,workdir=work root
cd root
mount -t proc proc proc
for shared in dev sys; do mount --rbind /$shared $shared; done
mount -t tmpfs none run
mkdir -p run/munge var/spool/slurmd
rm -f etc/resolv.conf
echo 'nameserver {address}\nsearch cluster physics' >etc/resolv.conf
cp {place}/munge.key etc/munge/munge.key
chroot . chown munge:munge /etc/munge/munge.key /run/munge
chroot . setpriv --reuid=munge --regid=munge --clear-groups munged --force --log-file=/run/munge/log
chroot . slurmd -D --conf-server {address} -N {name}
"""
# A client's script: it sets the address and writes the lease to a file.
LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address flush dev eth0
ip address add "$ip/$mask" dev eth0
env >{file}.new && mv {file}.new {file}
"""


@dataclass(frozen=True)
class Converged:
    """The converged frontend."""

    folder: pathlib.Path
    """Molecule's folder of this run."""

    @property
    def node(self) -> Namespace:
        """The namespace of a machine whose ``eth0`` is on the private side."""
        return Namespace((self.folder / "netns").read_text().strip())

    @property
    def leader(self) -> str:
        """The process id of the container's init."""
        return (self.folder / "leader").read_text().strip()

    @property
    def root(self) -> pathlib.Path:
        """The frontend's file system."""
        return pathlib.Path(f"/proc/{self.leader}/root")

    def run(self, *argv: str, **options: Any) -> process.ProgramResult:
        """Run a program on the frontend."""
        command = ["nsenter", "--target", self.leader, "--all", "--", *CLEAN, *argv]
        return process.run(command, timeout=TIMEOUT_SECONDS, **options)

    def sql(self, statement: str) -> str:
        """Run a statement in the cluster database, and return its output."""
        return self.run(
            "mariadb", "--batch", "--skip-column-names", "cluster", "--execute", statement
        ).stdout.strip()

    def account_units(self) -> list[str]:
        """Return the states of the units of the bundle, of NIS's timer and of its server."""
        units = ("rocks-accounts.service", "rocks-nis.timer", "ypserv.service")
        return self.run("systemctl", "is-active", *units, ok=range(256)).stdout.split()

    def run_on_node(self, *argv: str, **options: Any) -> str:
        """Run a program on the node, and return its output.

        The node reaches the frontend over the network only.
        """
        return self.node.run(argv, timeout=TIMEOUT_SECONDS, **options).stdout

    def get(self, url: str, *options: str) -> tuple[int, str]:
        """Return the status and the body of a request from the node."""
        answer = self.run_on_node(
            "curl", "--silent", "--max-time", "20", "--write-out", r"\n%{http_code}", *options, url
        )
        body, _newline, status = answer.rpartition("\n")
        return int(status), body

    def module(self, module: str, /, **options: Any) -> Any:
        """Run a module on the frontend, and return its result, also after a failure."""
        output = self._ansible(
            "ansible", HOST, "-m", f"npaci.rocks.{module}", "-a", json.dumps(options)
        )
        result, _end = json.JSONDecoder().raw_decode(output.partition(" => ")[2])
        return result

    def playbook(self, name: str, *flags: str, **variables: Any) -> str:
        """Run a playbook of the collection on the frontend, and return Ansible's output."""
        arguments = json.dumps({"frontend_host": HOST, **variables})
        return self._ansible("ansible-playbook", f"playbooks/{name}.yml", "-e", arguments, *flags)

    def _ansible(self, *words: str) -> str:
        environment = {
            # For the collection's archive; another run can be active.
            "TMPDIR": str(self.folder),
            "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
            "ANSIBLE_COLLECTIONS_PATH": str(ansible.ROOT / ".collections"),
            "ANSIBLE_PIPELINING": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        result = ansible.command(
            words[0],
            "-i",
            str(self.folder / "inventory"),
            *words[1:],
            env=environment,
            seconds=PLAYBOOK_SECONDS,
        )
        return result.stdout + result.stderr

    @contextlib.contextmanager
    def dhcp_client(self, arch: str = "0007") -> Iterator[tuple[Daemon, pathlib.Path]]:
        """Run the node's DHCP client until it has a lease; yield it and the file of the lease."""
        lease = self.folder / "lease"
        script = self.folder / "lease.sh"
        lease.unlink(missing_ok=True)
        script.write_text(LEASE.format(file=lease))
        script.chmod(0o755)
        firmware = ["-x", f"0x5d:{arch}", "-V", f"PXEClient:Arch:{int(arch, 16):05}:UNDI:003016"]
        argv = [
            "busybox",
            "udhcpc",
            "-f",
            "-q",
            "-i",
            "eth0",
            "-t",
            "40",
            "-T",
            "1",
            "-s",
            str(script),
            *firmware,
        ]
        with self.node.daemon(argv, self.folder / "udhcpc.log") as running:
            yield running, lease

    @contextlib.contextmanager
    def slurm_node(self, name: str) -> Iterator[Daemon]:
        """Run munged and slurmd as an installed node does."""
        place = self.folder / "node"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        shutil.copy(self.root / "etc/munge/munge.key", place / "munge.key")
        (place / "start").write_text(
            NODE.format(place=place, image=IMAGES / SUITE, name=name, address=FRONTEND)
        )
        # Not with `ip netns exec`, which mounts another /sys without the control groups.
        inside = ["nsenter", f"--net=/run/netns/{self.node.name}"]
        own = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
        with daemon(
            [*inside, *own, "sh", str(place / "start")], self.folder / "slurmd.log"
        ) as running:
            try:
                yield running
            finally:
                running.kill()  # unshare ignores SIGTERM; with SIGKILL its child is killed, too


class Restored(NamedTuple):
    """A new machine that was restored from the backup of a frontend."""

    machine: Converged
    backup: pathlib.Path
    """Of the old frontend."""
    host_key: str
    """Of the old frontend."""
    output: str
    """Of the playbook that restored the machine."""
    new_backup: pathlib.Path
    """Of the new machine."""
    check_output: str
    """Of the role in check mode after the restoration."""


def create_backup(frontend: Converged, copy: pathlib.Path) -> pathlib.Path:
    """Run the nightly backup, and copy it to another path."""
    frontend.run("systemctl", "start", "rocks-backup.service")
    (archive,) = (frontend.root / "var/backups/rocks").iterdir()
    assert archive.stat().st_mode & 0o777 == 0o600
    return pathlib.Path(shutil.copy(archive, copy))


@contextlib.contextmanager
def new_machine(folder: pathlib.Path) -> Iterator[Converged]:
    """Run another container of the same image in its own network until the block ends."""
    environment = {"RUN": str(folder), "SUITE": SUITE}
    (folder / "inventory").write_text(INVENTORY.format(host=HOST, folder=folder))
    try:
        process.run([CONTAINER, "start"], timeout=CONTAINER_SECONDS, env=environment)
        yield Converged(folder)
    finally:
        process.run([CONTAINER, "stop"], timeout=CONTAINER_SECONDS, env=environment)


def read_lease(lease: pathlib.Path) -> dict[str, str]:
    """Return the values of a lease by busybox's names: ``ip``, ``siaddr``, ``boot_file`` …"""
    return dict(
        line.split("=", 1) for line in lease.read_text().splitlines() if re.match(r"\w+=", line)
    )


def succeeded(output: str) -> bool:
    """Return whether a playbook with this output succeeded."""
    return bool(re.search(rf"^{HOST} .*failed=0", output, re.MULTILINE))


def assert_success(output: str) -> str:
    """Return the output of a playbook; fail unless it succeeded."""
    assert succeeded(output), output
    return output


def copy_to(frontend: Converged, folder: pathlib.Path, destination: str) -> None:
    """Copy a folder to the frontend."""
    shutil.copytree(folder, frontend.root / destination.lstrip("/"), dirs_exist_ok=True)
