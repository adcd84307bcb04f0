# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ansible compute -m rocks_verify``: a node with a real sshd and a real rpm database."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.drift import manifest_digest
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support.ansible import BIN, ROOT
from support.cluster import Urls
from support.namespaces import Namespace, Network, network
from support.rpms import Rpm, write

NODE = "compute-0-0"
ADDRESS = "10.255.255.245"
SECONDS = 60.0
PIN = Pin("rocks", "x86_64", "4c19e0b2aa17", "ab" * 32)
NOW = "2026-11-22 09:14:05"
SSHD = """\
HostKey {disk}/host_key
AuthorizedKeysFile {disk}/authorized_keys
StrictModes no
PidFile none
"""
# Folders of the node that replace those of this host.
NODE_FOLDERS = {"rpm": "$(rpm --eval %_dbpath)", "rocks": "/etc/rocks", "opt": "/opt"}
TOOL = Rpm("tool", "1.0", files={"/opt/tool": "one\n"})


class Node:
    """A node whose disk is a folder."""

    def __init__(self, disk: pathlib.Path, namespace: Namespace) -> None:
        self.disk = disk
        self.namespace = namespace

    def inside(self, *argv: str) -> list[str]:
        """Return a command that runs with the node's disk."""
        mounts = " && ".join(
            f"mkdir -p {path} && mount --bind {self.disk / name} {path}"
            for name, path in NODE_FOLDERS.items()
        )
        return ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh", *argv]

    def rpm(self, *words: str) -> str:
        return process.run(self.inside("rpm", *words), timeout=SECONDS).stdout

    def install(self, rpm: Rpm, action: str = "--install") -> None:
        self.rpm(action, "--nodeps", str(write(rpm, self.disk)))

    def packages(self) -> list[str]:
        return sorted(self.rpm("-qa", "--queryformat", "%{NAME}-%{EVR}.%{ARCH}\\n").split())


@pytest.fixture
def net() -> Iterator[Network]:
    with network("10.1.1.1/8") as created:
        yield created


@pytest.fixture
def node(net: Network, table_ii: Database, tmp_path: pathlib.Path) -> Iterator[Node]:
    """A node that came up with two packages, and accepts the ssh key of the frontend's root."""
    disk = tmp_path / "disk"
    for name in (*NODE_FOLDERS, "ssh"):
        (disk / name).mkdir(parents=True)
    for key in ("host_key", "ssh/id_ed25519"):
        process.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(disk / key)], timeout=SECONDS
        )
    (disk / "authorized_keys").write_text((disk / "ssh/id_ed25519.pub").read_text())
    (disk / "sshd_config").write_text(SSHD.format(disk=disk))
    namespace = net.client("node", "00:50:8b:e0:3a:a7")
    namespace.ip("address", "add", f"{ADDRESS}/8", "dev", "eth0")
    created = Node(disk, namespace)
    for rpm in (TOOL, Rpm("library", "2.0")):
        created.install(rpm)
    (disk / "rocks/generation").write_text(PIN.generation + "\n")
    (disk / "rocks/profile").write_text(PIN.profile + "\n")
    (disk / "rocks/manifest").write_text("".join(f"{line}\n" for line in created.packages()))
    (verdict,) = orders.create_orders(table_ii, {NODE: PIN}, by="root", now=NOW)
    order = verdict.order
    assert order is not None
    for state in ("booted", "installing", "installed", "up"):
        manifest = manifest_digest(created.packages()) if state == "up" else ""
        order = orders.advance(
            table_ii, order, state, now=NOW, audit=Audit("node", "event", "200"), manifest=manifest
        )
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    argv = created.inside("/usr/sbin/sshd", "-D", "-e", "-f", str(disk / "sshd_config"))
    with namespace.daemon(argv, tmp_path / "sshd.log") as server:
        server.wait_for("Server listening", SECONDS)
        yield created


@pytest.fixture
def frontend(
    net: Network, node: Node, urls: Urls, tmp_path: pathlib.Path
) -> Iterator[dict[str, str]]:
    """The environment of an administrator."""
    (tmp_path / "rocks.yml").write_text(f"database: {urls.administrator}\n")
    (tmp_path / "inventory_rocks.yml").write_text("plugin: npaci.rocks.rocks\n")
    yield {
        "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY": str(tmp_path / "inventory_rocks.yml"),
        "ROCKS_CONFIG": str(tmp_path / "rocks.yml"),
    }


def run_on_frontend(net: Network, node: Node, env: dict[str, str], *words: str) -> ProgramResult:
    """Run the command on the frontend, whose root has the ssh key."""
    home = 'mkdir -p ~root/.ssh && mount --bind {ssh} ~root/.ssh && cd {root} && exec "$@"'
    shell = ["unshare", "-m", "sh", "-c", home.format(ssh=node.disk / "ssh", root=ROOT), "sh"]
    return net.server.run([*shell, *(words or COMMAND)], timeout=SECONDS, env=env, ok=range(256))


COMMAND = (str(BIN / "ansible"), NODE, "-m", "rocks_verify")


def test_a_node_has_drifted_after_its_packages_change(
    net: Network, node: Node, frontend: dict[str, str], table_ii: Database
) -> None:
    same = run_on_frontend(net, node, frontend)
    assert (same.status, f"{NODE} same\n" in same.stdout) == (0, True), same.stdout + same.stderr
    node.install(Rpm("tool", "1.1", files={"/opt/tool": "one\n"}), "--upgrade")
    node.install(Rpm("by-hand"))
    drifted = run_on_frontend(net, node, frontend)
    assert drifted.status == 2
    for line in (
        " drifted: 1 added; 1 changed",
        "   + by-hand-1.0-1.noarch",
        "   ! tool: 1.0-1.noarch -> 1.1-1.noarch",
    ):
        assert f"{NODE}{line}\n" in drifted.stdout
    (row,) = table_ii.rows("select manifest, found from installs")
    assert row[0] != row[1] == manifest_digest(node.packages())
    inventory = run_on_frontend(net, node, frontend, str(BIN / "ansible-inventory"), "--host", NODE)
    assert json.loads(inventory.stdout)["rocks_drifted"] is True


def test_the_content_of_files_is_checked_on_request(
    net: Network, node: Node, frontend: dict[str, str]
) -> None:
    (node.disk / "opt/tool").write_text("two\n")
    assert run_on_frontend(net, node, frontend).status == 0
    playbook = (
        *(str(BIN / "ansible-playbook"), "playbooks/verify.yml"),
        *("-e", f"nodes={NODE}", "-e", "files=true"),
    )
    result = run_on_frontend(net, node, frontend, *playbook)
    assert result.status == 2
    assert f"{NODE}   # ..5......    /opt/tool\n" in result.stdout, result.stdout


def test_a_node_that_does_not_answer_is_unreachable_and_nothing_is_stored(
    net: Network, node: Node, frontend: dict[str, str], table_ii: Database
) -> None:
    os.truncate(node.disk / "authorized_keys", 0)
    result = run_on_frontend(net, node, frontend)
    assert result.status == 2
    assert f"{NODE} unreachable: ended with status 255: " in result.stdout
    assert table_ii.rows("select checked, found from installs") == [("", "")]


def test_nodes_with_an_old_package_are_listed(
    net: Network, node: Node, frontend: dict[str, str]
) -> None:
    command = (str(BIN / "ansible"), NODE, "-m", "rocks_package_info", "-a")
    older = run_on_frontend(net, node, frontend, *command, "name=tool older_than=1.1")
    assert older.status == 0 and f"{NODE} older: tool-1.0-1.noarch\n" in older.stdout
    newer = run_on_frontend(net, node, frontend, *command, "name=lib* older_than=2.0")
    assert newer.status == 0 and f"{NODE} installed: library-2.0-1.noarch\n" in newer.stdout
