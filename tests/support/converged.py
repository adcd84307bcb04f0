# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend in its container, as extensions/molecule/container starts it, and a node on its private side."""

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
SECONDS = 60.0
PLAYBOOK_SECONDS = 600.0
PLUGINS = ansible.ROOT / "extensions/molecule/default/connection_plugins"
BACKUP = "/root/backup.tar.gz"
SUITE = os.environ.get("SUITE", "bookworm")
IMAGES = ansible.ROOT / ".cache/molecule"
CONTAINER = str(ansible.ROOT / "extensions/molecule/container")
CONTAINER_SECONDS = 120.0
INVENTORY = """\
{host} ansible_connection=nspawn ansible_python_interpreter=/usr/bin/python3 nspawn_leader_file={folder}/leader
"""
FRONTEND = "10.1.1.1"
# What molecule converges it with.
SAME = {
    "frontend_private_interface": "private0",
    "frontend_space": 100,
    "frontend_scheduler": "slurm" if SUITE != "jammy" else "none",
}
# A node, as far as Slurm sees it: of the frontend's operating system, whose image has slurmd as well, so that both are of
# one version. It has folders, processes and a name of its own, and of the frontend nothing but the key.
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
# What a client does with its lease: takes the address, and writes down what it was told.
LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address flush dev eth0
ip address add "$ip/$mask" dev eth0
env >{file}.new && mv {file}.new {file}
"""


@dataclass(frozen=True)
class Converged:
    """``folder`` is molecule's of this run."""

    folder: pathlib.Path

    @property
    def node(self) -> Namespace:
        """A machine whose ``eth0`` is on the private side."""
        return Namespace((self.folder / "netns").read_text().strip())

    @property
    def leader(self) -> str:
        return (self.folder / "leader").read_text().strip()

    @property
    def root(self) -> pathlib.Path:
        """The frontend's file system."""
        return pathlib.Path(f"/proc/{self.leader}/root")

    def run(self, *argv: str, **options: Any) -> process.ProgramResult:
        """A program on the frontend."""
        entered = ["nsenter", "--target", self.leader, "--all", "--", *CLEAN, *argv]
        return process.run(entered, timeout=SECONDS, **options)

    def sql(self, statement: str) -> str:
        """What the cluster database answers."""
        return self.run(
            "mariadb", "--batch", "--skip-column-names", "cluster", "--execute", statement
        ).stdout.strip()

    def publishing(self) -> list[str]:
        """Whether the bundle of accounts is published, and whether NIS makes its maps and serves them."""
        units = ("rocks-accounts.service", "rocks-nis.timer", "ypserv.service")
        return self.run("systemctl", "is-active", *units, ok=range(256)).stdout.split()

    def ask(self, *argv: str, **options: Any) -> str:
        """What a program on the node prints: it reaches the frontend over the network, and no other way."""
        return self.node.run(argv, timeout=SECONDS, **options).stdout

    def get(self, url: str, *options: str) -> tuple[int, str]:
        """The status and the body that the node gets."""
        answer = self.ask(
            "curl", "--silent", "--max-time", "20", "--write-out", r"\n%{http_code}", *options, url
        )
        body, _newline, status = answer.rpartition("\n")
        return int(status), body

    def module(self, module: str, /, **options: Any) -> Any:
        """What a module answers on the frontend, also when it fails."""
        ended = self._ansible(
            "ansible", HOST, "-m", f"npaci.rocks.{module}", "-a", json.dumps(options)
        )
        answer, _end = json.JSONDecoder().raw_decode(ended.partition(" => ")[2])
        return answer

    def playbook(self, name: str, *flags: str, **variables: Any) -> str:
        """Run a playbook of the collection on the frontend; what Ansible printed, whether or not it was well."""
        given = json.dumps({"frontend_host": HOST, **variables})
        return self._ansible("ansible-playbook", f"playbooks/{name}.yml", "-e", given, *flags)

    def _ansible(self, *words: str) -> str:
        environment = {
            "TMPDIR": str(
                self.folder
            ),  # the collection's archive is packed there, and another run may go on
            "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
            "ANSIBLE_COLLECTIONS_PATH": str(ansible.ROOT / ".collections"),
            "ANSIBLE_PIPELINING": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ended = ansible.command(
            words[0],
            "-i",
            str(self.folder / "inventory"),
            *words[1:],
            env=environment,
            seconds=PLAYBOOK_SECONDS,
        )
        return ended.stdout + ended.stderr

    @contextlib.contextmanager
    def dhcp_client(self, arch: str = "0007") -> Iterator[tuple[Daemon, pathlib.Path]]:
        """The node's firmware asks for a lease until it has one; the file is then what it was told."""
        told, script = self.folder / "lease", self.folder / "lease.sh"
        told.unlink(missing_ok=True)
        script.write_text(LEASE.format(file=told))
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
            yield running, told

    @contextlib.contextmanager
    def slurm_node(self, name: str) -> Iterator[Daemon]:
        """munged and slurmd as an installed node has them."""
        place = self.folder / "node"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        shutil.copy(self.root / "etc/munge/munge.key", place / "munge.key")
        (place / "start").write_text(
            NODE.format(place=place, image=IMAGES / SUITE, name=name, address=FRONTEND)
        )
        # Not by `ip netns exec`, which takes the control groups away with the old /sys.
        inside = ["nsenter", f"--net=/run/netns/{self.node.name}"]
        own = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
        with daemon(
            [*inside, *own, "sh", str(place / "start")], self.folder / "slurmd.log"
        ) as running:
            try:
                yield running
            finally:
                running.kill()  # unshare waits for its child whatever it is told, and takes it along


class Restored(NamedTuple):
    """A machine that became a frontend from the backup ``saved`` of one whose host key was ``host_key``.

    said, foretold  what the playbook printed that restored it, and the role's in check mode after that
    again           a backup of the new machine
    """

    machine: Converged
    saved: pathlib.Path
    host_key: str
    said: str
    again: pathlib.Path
    foretold: str


def backup(frontend: Converged, copy: pathlib.Path) -> pathlib.Path:
    """Tonight's backup, copied to another place."""
    frontend.run("systemctl", "start", "rocks-backup.service")
    (made,) = (frontend.root / "var/backups/rocks").iterdir()
    assert made.stat().st_mode & 0o777 == 0o600
    return pathlib.Path(shutil.copy(made, copy))


@contextlib.contextmanager
def new_machine(folder: pathlib.Path) -> Iterator[Converged]:
    """Another container of the same image, on a network of its own, until the block ends."""
    environment = {"RUN": str(folder), "SUITE": SUITE}
    (folder / "inventory").write_text(INVENTORY.format(host=HOST, folder=folder))
    try:
        process.run([CONTAINER, "start"], timeout=CONTAINER_SECONDS, env=environment)
        yield Converged(folder)
    finally:
        process.run([CONTAINER, "stop"], timeout=CONTAINER_SECONDS, env=environment)


def told_in(lease: pathlib.Path) -> dict[str, str]:
    """What the client was told, by busybox's names: ``ip``, ``siaddr``, ``boot_file`` …"""
    return dict(
        line.split("=", 1) for line in lease.read_text().splitlines() if re.match(r"\w+=", line)
    )


def ended_well(output: str) -> bool:
    """Whether a playbook did, that printed this."""
    return bool(re.search(rf"^{HOST} .*failed=0", output, re.MULTILINE))


def well(output: str) -> str:
    """What a playbook printed that ended well."""
    assert ended_well(output), output
    return output


def put(frontend: Converged, folder: pathlib.Path, place: str) -> None:
    """Copy a folder to the frontend."""
    shutil.copytree(folder, frontend.root / place.lstrip("/"), dirs_exist_ok=True)
