# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network of other tests is closed, removed after use, and limited."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support import namespaces
from support.namespaces import Network, network
from support.waiting import until

ROOT = pathlib.Path(__file__).parents[3]


def test_nothing_leaves_the_network() -> None:
    with network() as net, pytest.raises(OSError, match="unreachable"):
        net.server.call(socket.create_connection, ("192.0.2.1", 80), 1)


def test_a_client_reaches_a_server_over_the_bridge() -> None:
    with network() as net, net.server.call(socket.create_server, ("10.1.1.1", 80)) as listening:
        client = net.client()
        client.ip("address", "add", "10.1.0.9/16", "dev", "eth0")
        with client.call(socket.create_connection, ("10.1.1.1", 80)) as connection:
            accepted, peer = listening.accept()
            accepted.close()
            assert peer == connection.getsockname()


def test_a_server_and_its_children_end_with_the_block(tmp_path: pathlib.Path) -> None:
    with (
        network() as net,
        net.server.daemon(["sh", "-c", "echo ready; sleep 99 & wait"], tmp_path / "log") as server,
    ):
        server.wait_for("ready", 5)
        # The shell prints before it starts its child, and a killed process is listed for a moment.
        until(lambda: len(_processes(net)) == 2, 60, "both processes to run")
        server.stop()
        until(lambda: _processes(net) == [], 60, "both processes to end")


def test_a_shaped_network_sends_no_faster_than_its_rate() -> None:
    with network() as net:
        net.limit("8mbit")
        output = net.server.run(["tc", "qdisc", "show", "dev", "br0"], timeout=10).stdout
    assert "tbf" in output and "8Mbit" in output


def test_the_next_run_removes_the_networks_of_a_killed_run() -> None:
    program = (
        "import subprocess, time\n"
        "from support.namespaces import network\n"
        "with network() as net:\n"
        "    net.client()\n"
        "    subprocess.Popen(net.server.argv(['sleep', '99']))\n"
        "    print(net.server.name, flush=True)\n"
        "    time.sleep(99)\n"  # killed here
    )
    paths = os.pathsep.join(str(ROOT / name) for name in (".collections", "tests"))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as run:
        assert run.stdout is not None
        name = run.stdout.readline().strip()
        run.send_signal(signal.SIGKILL)
    owner = name.rsplit("-", 2)[0]
    assert len(list(namespaces.FOLDER.glob(f"{owner}-*"))) == 2
    until(lambda: not pathlib.Path(f"/proc/{run.pid}").exists(), 5, "the killed run to be gone")
    namespaces.remove_leftovers()
    assert list(namespaces.FOLDER.glob(f"{owner}-*")) == []


def _processes(net: Network) -> list[str]:
    return process.run(["ip", "netns", "pids", net.server.name], timeout=10).stdout.split()
