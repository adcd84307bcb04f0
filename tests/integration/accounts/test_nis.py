"""NIS: a server as the role configures it, and a node's ypbind as its kickstart configures it."""

from __future__ import annotations

import contextlib
import pathlib
import re
from typing import Iterator, NamedTuple

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.accounts import ALICE, FRONTEND, HASH, write
from support.daemons import Daemon
from support.namespaces import Namespace, network
from support.profiles import LAYERS, NODE, ORDER
from support.site import ROOT
from support.waiting import until

# Start a machine with its own host name, processes and NIS folders. The files of $1 replace those
# in /etc.
ENTER = """
set -e
mount --make-rprivate /
mount -t tmpfs none /run
mkdir /run/yp && cp -a /var/yp/. /run/yp/ && mount --bind /run/yp /var/yp
for file in "$1"/*; do mount --bind "$file" "/etc/$(basename "$file")"; done
domainname cluster; hostname "$2"
rpcbind -w
mkfifo /run/wait
"""
INSIDE = (
    "unshare",
    "--mount",
    "--uts",
    "--pid",
    "--ipc",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "bash",
    "-c",
)


class Machine(NamedTuple):
    """A running machine, and its network namespace."""

    namespace: Namespace
    running: Daemon

    def run(self, *argv: str) -> str:
        """Return the output of a program on the machine, whatever its status."""
        (leader,) = (
            pathlib.Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
            .read_text()
            .split()
        )
        inside = ["nsenter", "--target", leader, "--all", *argv]
        return self.namespace.run(inside, timeout=30, ok=range(256)).stdout.strip()


@contextlib.contextmanager
def machine(
    namespace: Namespace, folder: pathlib.Path, name: str, script: str
) -> Iterator[Machine]:
    """Start a machine with the files of a folder in /etc, and run a script on it."""
    argv = [
        *INSIDE,
        f"{ENTER}\n{script}\necho ready; read -r _ <>/run/wait",
        "enter",
        str(folder),
        name,
    ]
    with namespace.daemon(argv, folder.parent / f"{name}.log") as running:
        running.wait_for("ready", 20)
        try:
            yield Machine(namespace, running)
        finally:
            running.kill()  # its process 1 ignores other signals


def hosts() -> str:
    return "127.0.0.1 localhost\n10.1.1.1 frontend-0\n10.255.0.1 compute-0-0\n"


def maps() -> str:
    """Return the command of the role's unit."""
    text = (ROOT / "roles/frontend/templates/rocks-nis.service.j2").read_text(encoding="utf-8")
    match = re.search("^ExecStart=(.*)$", text, re.MULTILINE)
    assert match
    return match.group(1)


def yp_conf() -> str:
    """Return the /etc/yp.conf that the kickstart of EL 8 writes."""
    values = {**NODE, **ORDER, "accounts": "nis", "nis_domain": "cluster"}
    text = render(compile_profile(LAYERS, "compute", values, "rhel8"), values)
    command = re.search(
        r"^printf '(domain [^']*)' \"([^\"]*)\" \"([^\"]*)\" >/etc/yp.conf$", text, re.MULTILINE
    )
    assert command
    return command.group(1).replace("\\n", "\n") % (command.group(2), command.group(3))


@pytest.fixture
def server_and_node(tmp_path: pathlib.Path) -> Iterator[tuple[Machine, Machine]]:
    """A NIS server with ALICE, and a node that is bound to it."""
    server = tmp_path / "server" / "etc"
    client = tmp_path / "client" / "etc"
    write(server, FRONTEND, [ALICE], passwd="_rpc:x:119:65534::/run/rpcbind:/usr/sbin/nologin\n")
    client.mkdir(parents=True)
    for folder in (server, client):
        (folder / "hosts").write_text(hosts())
    (server / "ypserv.securenets").write_text("255.0.0.0 127.0.0.0\n255.0.0.0 10.0.0.0\n")
    (client / "yp.conf").write_text(yp_conf())
    with network("10.1.1.1/8") as net, contextlib.ExitStack() as inside:
        node = net.client("node")
        node.ip("address", "add", "10.255.0.1/8", "dev", "eth0")
        frontend = inside.enter_context(
            machine(net.server, server, "frontend-0", f"ypserv; {maps()}")
        )
        bound = inside.enter_context(machine(node, client, "compute-0-0", "ypbind"))
        until(lambda: bound.run("ypwhich") == "10.1.1.1", 30, "ypbind to find its server")
        yield frontend, bound


def test_a_node_gets_the_frontends_users_by_nis(server_and_node: tuple[Machine, Machine]) -> None:
    _server, node = server_and_node
    assert node.run("getent", "-s", "passwd:nis", "passwd", "alice") == ALICE.passwd
    assert node.run("getent", "-s", "group:nis", "group", "1000") == ALICE.group
    assert "root" not in node.run("ypcat", "passwd")


def test_only_root_gets_the_passwords(server_and_node: tuple[Machine, Machine]) -> None:
    _server, node = server_and_node
    query = ("getent", "-s", "shadow:nis", "shadow", "alice")
    assert node.run(*query) == ALICE.shadow
    assert node.run("setpriv", "--reuid=1000", "--clear-groups", *query) == ""
    assert HASH not in node.run("setpriv", "--reuid=1000", "--clear-groups", "ypcat", "passwd")
