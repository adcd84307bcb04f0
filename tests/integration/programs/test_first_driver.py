# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A driver at a node's first boot (paper, 3.1), under a real systemd.

The node is a container with this machine's programs, compiler and kernel headers, and runs the
scripts of the node file. A container cannot load a module: a stand-in for modprobe checks that the
module exists for this kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
from dataclasses import dataclass
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support import scratch
from support.ansible import ROOT
from support.daemons import Daemon, daemon
from support.drivers import MODULE, pack
from support.profiles import SITES, fetched_programs, kickstart, scripts
from support.waiting import until

ON_NODES = ("python", "progress", "progress.py")
CONTAINER = ROOT / "extensions/molecule/container"
SECONDS = 60.0
MODPROBE = """\
#!/bin/sh
[ ! -e /etc/refused ] && modinfo -k "$(uname -r)" "$1" >/dev/null && echo "$1" >>/run/loaded
"""
SLURMD = "[Service]\nExecStart=/bin/sh -c 'grep -q myri /run/loaded && exec sleep infinity'\n"
REPORT = "[Service]\nType=oneshot\nExecStart=/bin/touch /run/reported\n"
FRONTEND = """
import http.server
class Frontend(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *words):
        pass
http.server.HTTPServer(("127.0.0.1", 80), Frontend).serve_forever()
"""


@dataclass(frozen=True)
class Node:
    """A booted node; ``frontend`` prints the node's reports."""

    leader: str
    frontend: Daemon

    def run(self, script: str) -> str:
        """Return the output of a script. Raises CommandError."""
        return process.run(
            _inside(self.leader, "bash", "-s"), stdin=f"set -e\n{script}", timeout=SECONDS
        ).stdout

    def start(self) -> str:
        """Start the units of a boot, and return the states of driver, slurmd and report."""
        self.run("systemctl start --no-block slurmd rocks-up; systemctl start rocks-driver || true")
        self.run(
            "while systemctl list-jobs --no-legend | grep -q 'slurmd\\|rocks-'; do sleep 0.1; done"
        )
        return (
            self.run("systemctl is-active rocks-driver slurmd rocks-up || true")
            .replace("\n", " ")
            .strip()
        )

    def stop(self) -> None:
        """Stop the units, as at a shutdown."""
        self.run(
            "systemctl stop slurmd rocks-up rocks-driver; systemctl reset-failed;"
            " rm -f /run/loaded /run/reported"
        )


def _inside(leader: str, *argv: str) -> list[str]:
    return [
        "nsenter",
        "--target",
        leader,
        "--all",
        "--",
        "env",
        "-i",
        "PATH=/usr/local/sbin:/usr/sbin:/usr/bin",
        *argv,
    ]


@pytest.fixture(scope="module")
def folder() -> Iterator[pathlib.Path]:
    """Yield a short path without symbolic links."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="rocks-driver-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def booted_node(folder: pathlib.Path) -> Iterator[Node]:
    """Yield a node on which the node file's scripts have run."""
    root = scratch.make(folder / "image/root")
    shutil.copy("/etc/os-release", root / "etc/os-release")
    (root / "etc/machine-id").write_text("0" * 31 + "1\n")
    environment = {"RUN": str(folder / "run"), "IMAGE": str(folder / "image")}
    (folder / "run").mkdir()
    try:
        process.run(
            [str(CONTAINER), "start", "--overlay=/usr::/usr"], timeout=SECONDS, env=environment
        )
        leader = (folder / "run/leader").read_text().strip()
        with daemon(
            _inside(leader, "python3", "-c", FRONTEND), folder / "frontend.log"
        ) as frontend:
            node = Node(leader, frontend)
            _install(node)
            yield node
    finally:
        process.run([str(CONTAINER), "stop"], timeout=SECONDS, env=environment)


def _install(node: Node) -> None:
    """Install what packages, other node files and this node file install."""
    _write(node, "/usr/local/sbin/modprobe", MODPROBE)
    _write(node, "/etc/systemd/system/slurmd.service", SLURMD)
    _write(node, "/etc/systemd/system/rocks-up.service", REPORT)
    _write(node, "/etc/rocks/frontend", "http://127.0.0.1\n")
    _write(node, "/etc/rocks/order", "an-order\n")
    headers = max(pathlib.Path("/lib/modules").glob("*-cloud-amd64/build")).resolve()
    node.run(f"mkdir -p /lib/modules/$(uname -r); ln -s {headers} /lib/modules/$(uname -r)/build")
    _give(node, MODULE)
    text = kickstart(
        "compute",
        "rhel9",
        **{**SITES["driver of its own"], "driver_source": "file:///etc/myri.tar"},
    )
    for name, content in fetched_programs(text).items():
        _write(node, f"/run/rocks/bin/{name}", content)
        if name in ON_NODES:
            _write(node, f"/usr/libexec/rocks/{name}", content)
    for script in scripts(text, "rhel9"):
        if script.node.startswith("driver"):
            node.run(script.text)
    node.run("systemctl daemon-reload")


def _write(node: Node, path: str, text: str) -> None:
    place = pathlib.Path(f"/proc/{node.leader}/root{path}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o755 if text.startswith("#!") else 0o644)


def _give(node: Node, text: str) -> None:
    """Write the driver's sources to their URL, and to their path on the node."""
    for path in ("etc/myri.tar", "usr/src/rocks/driver.tar"):
        pack(pathlib.Path(f"/proc/{node.leader}/root", path), "myri", text)


@pytest.fixture
def node(booted_node: Node) -> Iterator[Node]:
    """Yield the node before its boot."""
    booted_node.stop()
    booted_node.run("rm -rf /lib/modules/$(uname -r)/extra /etc/refused; depmod $(uname -r)")
    _give(booted_node, MODULE)
    booted_node.frontend.log.write_text("")
    yield booted_node


def test_the_driver_is_built_and_loaded_before_slurmd_and_the_report(node: Node) -> None:
    assert node.start() == "active active inactive"
    assert node.run("cat /run/loaded; ls /lib/modules/$(uname -r)/extra/myri /run/reported") == (
        "myri\n/run/reported\n\n" + f"/lib/modules/{os.uname().release}/extra/myri:\nmyri.ko\n"
    )
    assert node.frontend.output() == ""


def test_the_next_boot_loads_the_driver_without_a_build(node: Node) -> None:
    node.start()
    built = node.run("stat -c %y /lib/modules/$(uname -r)/extra/myri/myri.ko")
    node.stop()
    assert node.start() == "active active inactive"
    assert node.run("stat -c %y /lib/modules/$(uname -r)/extra/myri/myri.ko") == built


def test_a_failed_build_is_reported_with_its_reason_and_the_node_gets_no_jobs(node: Node) -> None:
    _give(node, MODULE + "no C at all\n")
    assert node.start() == "failed inactive inactive"
    until(lambda: node.frontend.output().count("\n") == 1, SECONDS, "the report")
    report = json.loads(node.frontend.output())
    assert (report["phase"], report["order"]) == ("failed", "an-order")
    assert report["message"].startswith("cannot build driver myri 1 for kernel ")
    assert "myri.c" in report["log"] and "error" in report["log"]
    with contextlib.suppress(FileNotFoundError):
        assert not pathlib.Path(f"/proc/{node.leader}/root/run/reported").stat()


def test_a_driver_that_the_kernel_rejects_stops_slurmd_at_every_boot(node: Node) -> None:
    node.run("touch /etc/refused")
    assert node.start() == "failed inactive inactive"
    node.stop()
    assert node.start() == "failed inactive inactive"
    assert node.frontend.output().count('"failed"') == 2
