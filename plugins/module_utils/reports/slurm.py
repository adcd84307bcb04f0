# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's nodes and their partition, for an ``include`` in slurm.conf.

A node has what its first installation counted; until then it is down, with that reason.  Nodes that are alike share
a line, so that 5,000 nodes are a page.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from ..files import replace
from .model import Files, Hardware, Report, Site, Snapshot, Trial
from .services import UNIT, Daemon
from .snapshot import HARDWARE
from .words import fold, word

CHECK_SECONDS = 60.0
MEMORY = (
    99  # per cent of what was counted: Slurm drains a node that has less, and another kernel may leave a little less
)
OPTIONS: Mapping[str, Any] = {"path": "/etc/slurm/rocks-nodes.conf", "partition": "compute"}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for line in lines %}
NodeName={{ line }}
{% endfor %}
{% if everybody %}
PartitionName={{ partition }} Nodes={{ everybody }} Default=YES State=UP
{% endif %}
"""
TRIAL = """\
ClusterName=trial
SlurmctldHost=localhost
include {aside}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """Nodes that are alike, line by line."""
    alike: dict[str, list[str]] = {}
    for node in snapshot.compute_nodes():
        features = ",".join(filter(None, (word(node.arch, "architecture", node.name), f"rack{node.rack}")))
        alike.setdefault(f"{_counted(snapshot.hardware.get(node.name))} Feature={features}", []).append(node.name)
    lines = [f"{fold(names)} {what}" for what, names in alike.items()]
    everybody = fold(node.name for node in snapshot.compute_nodes())
    partition = word(site.options["partition"], "partition", "")
    text = site.layout("slurm-nodes.conf", TEMPLATE, lines=lines, partition=partition, everybody=everybody)
    return {site.options["path"]: text}


def _counted(found: Optional[Hardware]) -> str:
    if found is None:
        return 'State=DOWN Reason="its hardware was not counted yet"'
    return (
        f"CPUs={found.cpus} Sockets={found.sockets} CoresPerSocket={found.cores} ThreadsPerCore={found.threads}"
        f" RealMemory={found.memory * MEMORY // 100}" + (f" Gres=gpu:{found.gpus}" if found.gpus else "")
    )


def check(trial: Trial, site: Site) -> None:
    """scontrol reads it as a part of a configuration, and asks no controller."""
    config = os.path.join(trial.folder, "slurm.conf")
    replace(config, TRIAL.format(aside=trial.files[site.options["path"]]))
    trial.run(["scontrol", "show", "hostnames", "node"], timeout=CHECK_SECONDS, env={"SLURM_CONF": config})


# A reconfiguration does not take other nodes or other hardware before 23.11, and dies of more nodes; a restart is
# short, and jobs run on.
SLURM = Daemon("slurmctld", ("slurmctld",), reload_by=("systemctl", "restart", UNIT), alive_by=("scontrol", "ping"))
REPORT = Report("slurm", "Slurm's nodes", OPTIONS, render, check, SLURM, frozenset((HARDWARE,)))
