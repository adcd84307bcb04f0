# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/console.yml: a pane for each node of a rack, on a real tmux, a real telnet and the real
console program.
"""

from __future__ import annotations

import functools
import pathlib
import subprocess
import uuid
from typing import Iterator

import pytest

from support.ansible import ROOT, command
from support.daemons import daemon
from support.oldestpython import oldest_python
from support.waiting import until

PROGRAM = ROOT / "xml" / "programs" / "console.py"
SECONDS = 30
PORTS = {
    "compute-0-0": 28000,
    "compute-0-1": 28001,
    "compute-0-2": 28002,
}  # the last node is not being installed


def tmux(socket: str, *words: str) -> str:
    argv = ["tmux", "-L", socket, "-f", "/dev/null", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def sockets() -> Iterator[list[str]]:
    """Yield the names of three tmux servers: two installers', and the administrator's."""
    names = [f"rocks-{uuid.uuid4().hex[:8]}" for _ in range(3)]
    yield names
    for name in names:
        tmux(name, "kill-server")


def test_every_node_of_a_rack_has_a_pane_with_its_installers_screen(
    sockets: list[str], tmp_path: pathlib.Path
) -> None:
    *installers, mine = sockets
    inventory = {
        name: f"{name}: {{ansible_host: 127.0.0.1, rocks_attributes: {{console_port: {port}}}}}"
        for name, port in PORTS.items()
    }
    (tmp_path / "hosts.yml").write_text(
        "rack_0: {hosts: {" + ", ".join(inventory.values()) + "}}\n"
    )
    (first, second) = (
        daemon(
            [
                oldest_python(),
                str(PROGRAM),
                "--bind",
                "127.0.0.1",
                "--port",
                str(port),
                "--socket",
                socket,
            ],
            tmp_path / f"{socket}.log",
        )
        for socket, port in zip(installers, PORTS.values())
    )
    for number, socket in enumerate(installers):
        tmux(
            socket,
            "new-session",
            "-d",
            "-s",
            "anaconda",
            "-x",
            "60",
            "-y",
            "20",
            f"echo INSTALLING-{number}; exec sh",
        )
    with first, second:
        words = ("-i", str(tmp_path / "hosts.yml"), "-e", "nodes=rack_0", "-e", f"socket={mine}")
        for _twice in range(2):  # a second run replaces the first session
            ended = command("ansible-playbook", "playbooks/console.yml", *words)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        assert f"tmux -L {mine} attach" in ended.stdout
        titles = tmux(mine, "list-panes", "-t", "rocks", "-F", "#{pane_title}").split()
        assert titles == list(PORTS)

        def shown(pane: int) -> str:
            return tmux(mine, "capture-pane", "-p", "-t", f"rocks:0.{pane}")

        def shows_its_installer(pane: int) -> bool:
            return f"INSTALLING-{pane}" in shown(pane)

        for pane in range(2):
            until(functools.partial(shows_its_installer, pane), SECONDS, f"screen {pane}")
        assert "INSTALLING" not in shown(2)
        assert "compute-0-2" in shown(2)
