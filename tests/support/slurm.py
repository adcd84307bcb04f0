# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real Slurm on this host: munged, slurmctld, and a slurmd with its own /etc/rocks for each node.

The nodes get their configuration from the controller, as installed nodes do.  A folder represents
the disk of a node; its ``rocks/`` describes the installation.  A start of slurmd with ``-b`` is a
boot.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from typing import Iterator, Optional, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.slurm import report
from ansible_collections.npaci.rocks.plugins.module_utils.reports.slurm.gpus import gpu_resource

from .ansible import ROOT
from .daemons import Daemon, daemon
from .reports import site
from .waiting import until

SECONDS = 60.0
FIRST_PORT = 27100
CONFIG = """\
ClusterName=rocks
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmctldParameters=enable_configless,reboot_from_controller
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/munge.socket.2
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/spool/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0
ReturnToService=2
SlurmdParameters=config_overrides
MpiDefault=none
MailProg=/bin/true
SlurmdTimeout=60
ResumeTimeout={resume_timeout}
RebootProgram={folder}/reboot
KillWait=2
NodeFeaturesPlugins=node_features/helpers
GresTypes=gpu
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""
NODE = (
    "NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=1000"
    " Feature={offered} {gres} State=UNKNOWN"
)


@dataclass
class Slurm:
    """A running Slurm."""

    folder: pathlib.Path
    nodes: Sequence[str]
    """Names of its nodes."""
    daemons: dict[str, Daemon] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {"SLURM_CONF": f"{self.folder}/etc/slurm.conf"}

    def run(self, *argv: str) -> str:
        """Run a program of Slurm, and return its output.  Raises CommandError."""
        return process.run(argv, timeout=SECONDS, env=self.env).stdout

    def state(self, node: str) -> str:
        """Return state and reason as sinfo prints them: ``idle|none``."""
        return self.run(
            "sinfo", "--noheader", "--Node", "--format=%T|%E", f"--nodes={node}"
        ).strip()

    def wait_for(self, node: str, state: str, seconds: float = SECONDS) -> None:
        """Wait until the node has this state, without its flags."""
        try:
            until(
                lambda: self.state(node).partition("|")[0].rstrip("*~#!%$@^-") == state,
                seconds,
                f"{node} {state}",
            )
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {self.state(node)}\n{self.log()[-3000:]}") from None

    def submit(self, *words: str, script: str) -> str:
        """Submit a job, and return the path of its output."""
        output = self.folder / f"job.{len(list(self.folder.glob('job.*')))}"
        output.touch()
        self.run("sbatch", *words, f"--output={output}", "--chdir=/", f"--wrap={script}")
        return str(output)

    def log(self) -> str:
        """Return the log of the controller."""
        return self.daemons["slurmctld"].output()

    def root(self, node: str) -> pathlib.Path:
        """Return the folder that is the node's /etc/rocks."""
        return self.folder / "disks" / node / "rocks"


@contextlib.contextmanager
def slurm(
    nodes: Sequence[str],
    distributions: Sequence[str],
    resume_timeout: int = 1800,
    counted: Optional[Snapshot] = None,
) -> Iterator[Slurm]:
    """Start a controller and these nodes, and wait until they are idle.

    distributions  those that a job can require; the nodes run the first one
    counted        a cluster with these nodes, for their GPUs
    """
    # A short path, because the names of sockets are limited to 107 characters.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rocks-slurm-"))
    folder.chmod(0o755)
    cluster = Slurm(folder, nodes)
    try:
        with contextlib.ExitStack() as stack:
            _write(cluster, distributions, resume_timeout, counted or Snapshot())
            cluster.daemons["munged"] = stack.enter_context(_munged(folder / "munge"))
            controller = ["slurmctld", "-D", "-c", "-f", f"{folder}/etc/slurm.conf"]
            cluster.daemons["slurmctld"] = stack.enter_context(
                daemon(controller, folder / "slurmctld.log")
            )
            cluster.daemons["slurmctld"].wait_for("Running as primary controller", SECONDS)
            # Jobs survive their slurmd.
            stack.callback(cluster.run, "scancel", "--full", "--user=root")
            for node in nodes:
                stack.callback(process.run, [str(folder / "off"), node], timeout=SECONDS)
                process.run([str(folder / "boot"), node], timeout=SECONDS)
            for node in nodes:
                cluster.wait_for(node, "idle")
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(
    cluster: Slurm, distributions: Sequence[str], resume_timeout: int, counted: Snapshot
) -> None:
    folder = cluster.folder
    host = socket.gethostname().partition(".")[0]
    for name in ("etc", "state", "spool", "munge", "disks", "libexec"):
        (folder / name).mkdir(mode=0o755)
    controller_port = FIRST_PORT - 1
    lines = [
        NODE.format(
            node=node,
            host=host,
            port=port,
            offered=",".join(map(report.feature_name, distributions)),
            gres=f"Gres={resource}" if (resource := gpu_resource(counted, node)) else "",
        )
        for port, node in enumerate(cluster.nodes, FIRST_PORT)
    ]
    text = CONFIG.format(
        folder=folder,
        host=host,
        port=controller_port,
        nodes="\n".join(lines),
        resume_timeout=resume_timeout,
    )
    (folder / "etc" / "slurm.conf").write_text(text)
    rendered = report.render(
        counted, site("slurm", distributions=list(distributions), path="rocks-nodes.conf")
    )
    for name in ("helpers.conf", "gres.conf"):
        (folder / "etc" / name).write_text(rendered[name])
    _program(
        folder / "libexec" / "slurm-feature",
        (ROOT / "rolls/slurm/include/slurm-feature").read_text(),
    )
    for node in cluster.nodes:
        cluster.root(node).mkdir(parents=True)
        (cluster.root(node) / "distribution").write_text(distributions[0] + "\n")
        (cluster.root(node) / "generation").write_text("none\n")
        (folder / "spool" / node).mkdir()
    _program(folder / "off", OFF.format(folder=folder))
    boot = BOOT.format(folder=folder, port=controller_port)
    _program(folder / "boot", boot)
    _program(folder / "reboot", "exit 1\n")  # a test replaces it


# A slurmd with its own session and mount namespace.  /etc/rocks and the configuration from the
# controller belong to the node, the feature program has its path on nodes, and munge's socket has
# the default path, which slurmd uses before it gets the configuration.
BOOT = """\
node=$1
{folder}/off "$node"
mkdir -p /etc/rocks /usr/libexec/rocks /run/slurm /run/munge
setsid unshare -m sh -c "mount --bind {folder}/disks/$node/rocks /etc/rocks \\
    && mount -t tmpfs run /run/slurm \\
    && mount --bind {folder}/munge /run/munge && mount --bind {folder}/libexec /usr/libexec/rocks \\
    && exec slurmd -D -b -N $node --conf-server 127.0.0.1:{port}" \\
    </dev/null >>{folder}/spool/$node.log 2>&1 &
"""
OFF = """\
pid=$(cat {folder}/spool/$1.pid 2>/dev/null) || exit 0
kill "$pid" 2>/dev/null
for _try in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
rm -f {folder}/spool/$1.pid
"""


def _program(path: pathlib.Path, text: str) -> None:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@contextlib.contextmanager
def _munged(folder: pathlib.Path) -> Iterator[Daemon]:
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o600)
    files = [f"--{name}={folder}/{name}" for name in ("pid-file", "log-file", "seed-file")]
    argv = [
        "munged",
        "-F",
        "--force",
        f"--key-file={folder}/key",
        f"--socket={folder}/munge.socket.2",
        *files,
    ]
    with daemon(argv, folder / "output") as running:
        running.wait_for("Created 2 work threads", SECONDS)
        yield running
