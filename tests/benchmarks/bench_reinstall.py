"""Order and reboot 1,000 nodes with one command.

The whole of ``ansible compute -m rocks_reinstall -a wait=false`` is measured, with every process
that it starts. The nodes are stand-ins: a program that gets the node's name, as for a power outlet.
The baselines are a module for each host and an action for each host that do nothing. A real boot
method over ssh also costs the connection.

Another figure is the cost of the installer's network console on a node while a client watches.
"""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_changes import add_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.ssh_boot import SSH
from support.ansible import BIN, ROOT
from support.daemons import daemon
from support.frontend import publish
from support.measure import Cost, best, figure, program
from support.waiting import until

NODES = 1000
RACK = 32
LIMIT = 3.0  # seconds of CPU on the frontend
# Hosts on which the baselines are measured; more would take minutes.
MODULES = 12
ACTIONS = 100
SSH_PORT = 28022
CONSOLE_PORT = 28023
CONNECTIONS = 10
WATCHED = 15.0  # seconds
MODULE = """\
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={}).exit_json()
"""
ACTION = """\
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    _requires_connection = False
    def run(self, tmp=None, task_vars=None):
        return super().run(tmp, task_vars)
"""


def make(folder: pathlib.Path) -> str:
    """Create a database of 1,000 compute nodes with outlets, and publish a distribution.

    Return the URL of the database.
    """
    url = f"sqlite://{folder}/cluster.sqlite"
    attributes = {"timezone": "UTC", "reinstall_by": "outlet", "outlet_command": "/bin/true {node}"}
    with connect(url, create=True, check=False) as database:
        migrate(database)
        database.execute(
            "insert into networks (name, subnet, netmask, kind)"
            " values ('private', '10.0.0.0', '255.0.0.0', 'private')"
        )
        for attribute in attributes.items():
            database.execute(
                "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
                attribute,
            )
        macs = [f"00:16:3e:00:{number >> 8:02x}:{number & 255:02x}" for number in range(NODES)]
        add_nodes(
            database, [NewNode(rack=number // RACK, mac=mac) for number, mac in enumerate(macs)]
        )
    publish(folder / "install")
    (folder / "rocks.yml").write_text(
        f"database: {url}\ndistributions: {folder}/install\nscheduler: none\n"
    )
    (folder / "inventory_rocks.yml").write_text("plugin: npaci.rocks.rocks\n")
    for name, text in (("library", MODULE), ("action", ACTION)):
        (folder / name).mkdir()
        (folder / name / f"nothing_{name}.py").write_text(text)
    (folder / "library" / "nothing_action.py").write_text(
        MODULE
    )  # an action needs a module of its name
    return url


def ansible(folder: pathlib.Path, *words: str) -> Cost:
    """Return the cost of a command."""
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(folder),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ROCKS_CONFIG": str(folder / "rocks.yml"),
        "ANSIBLE_LIBRARY": f"{ROOT}/plugins/modules:{folder}/library",
        "ANSIBLE_ACTION_PLUGINS": f"{ROOT}/plugins/action:{folder}/action",
    }
    return program([str(BIN / "ansible"), "-i", str(folder / "inventory_rocks.yml"), *words], env)


def orders(url: str, *, delete: bool) -> int:
    """Return the number of nodes with a live order; with ``delete``, delete all orders."""
    with connect(url) as database:
        ((count,),) = database.rows("select count(*) from installs where live = 1")
        if delete:
            database.execute("delete from installs")
    return int(count)


def reinstall(folder: pathlib.Path, url: str) -> Cost:
    """Reinstall all nodes at once; each of them must have an order then."""
    cost = ansible(
        folder, "compute", "-m", "rocks_reinstall", "-a", "wait=false canary=0 serial=100%"
    )
    if orders(url, delete=True) != NODES:
        raise RuntimeError("some nodes have no order")
    return cost


def per_host(folder: pathlib.Path, name: str, hosts: int, start: Cost) -> float:
    """Return Ansible's CPU seconds for one host, without its start."""
    cost = ansible(folder, f"compute[0:{hosts - 1}]", "-m", name, "-e", "ansible_connection=local")
    return (cost.cpu - start.cpu) / hosts


def over_ssh(folder: pathlib.Path) -> float:
    """Return the CPU seconds of one ssh connection, on the client."""
    for key in ("host_key", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True
        )
    (folder / "sshd_config").write_text(
        f"Port {SSH_PORT}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        "StrictModes no\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/key.pub\n"
    )
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    hosts = [
        "-o",
        f"UserKnownHostsFile={folder}/known_hosts",
        "-i",
        str(folder / "key"),
        "-p",
        str(SSH_PORT),
    ]
    with daemon(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")], folder / "sshd.log"
    ) as server:
        server.wait_for("Server listening", 10)
        return best(CONNECTIONS, lambda: program([*SSH, *hosts, "127.0.0.1", "true"])).cpu


def console(folder: pathlib.Path) -> float:
    """Return the share of a processor of the console while packages are installed and watched."""
    socket_name = f"bench-{folder.name}"
    screen = 'for n in $(seq 2000); do echo "Installing p.x86_64 ($n/2000)"; sleep 0.05; done'
    tmux = ["tmux", "-L", socket_name, "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-s", "anaconda", screen], check=True)
    argv = [
        sys.executable,
        str(ROOT / "xml/programs/console.py"),
        "--bind",
        "127.0.0.1",
        "--port",
        str(CONSOLE_PORT),
    ]
    with daemon([*argv, "--socket", socket_name], folder / "console.log") as running:
        until(
            lambda: socket.socket().connect_ex(("127.0.0.1", CONSOLE_PORT)) == 0,
            10,
            "the console to listen",
        )
        with socket.create_connection(("127.0.0.1", CONSOLE_PORT)) as watcher:
            watcher.settimeout(WATCHED)
            before = ticks(running.pid)
            started = time.monotonic()
            while time.monotonic() - started < WATCHED:
                watcher.recv(65536)
            used = (ticks(running.pid) - before) / os.sysconf("SC_CLK_TCK")
            share = used / (time.monotonic() - started)
    subprocess.run([*tmux, "kill-server"], check=False)
    return share


def ticks(pid: int) -> int:
    """Return the CPU ticks of a process and its children, such as the console's tmux clients."""
    rows = [
        path.read_text().rpartition(")")[2].split()
        for path in pathlib.Path("/proc").glob("[0-9]*/stat")
    ]
    children = [row for row in rows if row[1] == str(pid)]
    parent = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for row in (parent, *children) for value in row[11:13])


def main() -> int:
    print(f"reinstall: {NODES:,} nodes ordered and rebooted, CPU seconds")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        url = make(folder)
        start = best(2, lambda: ansible(folder, "compute", "--list-hosts"))
        ours = best(3, lambda: reinstall(folder, url))
        modules = NODES * per_host(folder, "nothing_library", MODULES, start) + start.cpu
        actions = NODES * per_host(folder, "nothing_action", ACTIONS, start) + start.cpu
        baseline = (
            f"a module for each host: {modules:.0f} s (of {MODULES}); "
            f"an action for each host: {actions:.0f} s (of {ACTIONS})"
        )
        within_limit = figure(
            "ansible compute -m rocks_reinstall -a wait=false",
            ours.cpu,
            "s",
            limit=LIMIT,
            baseline=baseline,
        )
        figure("  of it Ansible's start and the inventory", start.cpu, "s")
        figure("  wall time", ours.wall, "s")
        figure(
            "one ssh connection, for a boot method over ssh",
            1000 * over_ssh(folder),
            "ms",
            baseline="the best of several",
        )
        share = 100 * console(folder)
        within_limit = (
            figure("the console and its client, at 20 lines per second", share, "%", limit=1.0)
            and within_limit
        )
    return 0 if within_limit else 1


if __name__ == "__main__":
    sys.exit(main())
