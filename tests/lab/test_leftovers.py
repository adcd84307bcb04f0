# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The next run removes everything that a killed run has left."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys

from lab import cache, evidence
from support import namespaces
from support.waiting import until

RUN = """
import time
from lab import evidence
from lab.light.node import light_node
from lab.machine.hardware import Hardware
from lab.machine.machine import machine
from lab.story.frontend import container
from support.namespaces import network

folder = evidence.scratch()
hardware = Hardware("52:54:00:00:00:01", memory=256, disk=1)
with network() as net, machine(net, folder / "node", hardware) as node:
    node.power_on()
    light = light_node(net, folder / "light", "52:54:00:00:00:02")
    with container(net, folder / "frontend") as fe, light.power_on():
        pid = (node.folder / "pid").read_text().strip()
        print(folder, pid, net.server.name, fe.leader, flush=True)
        time.sleep(600)  # killed here
"""


def control_groups(init: str) -> list[pathlib.Path]:
    """Return the control groups of a container."""
    name = re.findall(r"/(rocks-[^/]+)/payload", pathlib.Path("/proc", init, "cgroup").read_text())[
        0
    ]
    return list(pathlib.Path("/sys/fs/cgroup").rglob(name))


def test_the_next_run_removes_machines_nodes_frontends_networks_and_folders_of_a_killed_run() -> (
    None
):
    paths = os.pathsep.join(str(cache.ROOT / name) for name in (".collections", "tests"))
    environment = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        folder, qemu, name, init = run.stdout.readline().split()
        run.send_signal(signal.SIGKILL)
    until(lambda: not namespaces.is_alive(name.split("-")[1]), 10, "the killed run to be gone")
    assert (
        pathlib.Path("/proc", qemu).exists()
        and pathlib.Path("/proc", init).exists()
        and pathlib.Path(folder).is_dir()
    )
    groups = control_groups(init)
    assert groups and all(path.is_dir() for path in groups)

    namespaces.remove_leftovers()
    evidence.scratch().rmdir()

    until(lambda: not pathlib.Path("/proc", qemu).exists(), 10, "its machine to be off")
    assert not pathlib.Path("/proc", init).exists() and not any(path.exists() for path in groups)
    assert not pathlib.Path(folder).exists()
    assert not list(namespaces.FOLDER.glob(f"{name.rsplit('-', 2)[0]}-*"))
    assert folder not in pathlib.Path("/proc/self/mounts").read_text()
