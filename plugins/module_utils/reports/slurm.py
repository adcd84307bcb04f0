# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's nodes and their partition, for an ``include`` in slurm.conf.

A node has what its first installation counted; until then it is down, with that reason.  Nodes that are alike share
a line, so that 5,000 nodes are a page.

With the option ``distributions`` a job may ask for one of them (``sbatch --constraint``, paper 6.2.3): each is a feature
that nodes get by a reinstallation, and ``helpers.conf`` beside the list of nodes says so.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from ..files import replace
from .model import Files, Hardware, Report, Site, Snapshot, StagedFiles
from .services import UNIT, Daemon
from .snapshot import HARDWARE
from .validators import check_word, fold_names

CHECK_SECONDS = 60.0
MEMORY = 99  # per cent of what was counted: Slurm drains a node that has less, and another kernel may leave a little less
INSTALL_SECONDS = 3600  # after which a node that was sent into the installer for a job is given up
HELPER = "/usr/libexec/rocks/slurm-feature"  # node file slurm-client.xml
OPTIONS: Mapping[str, Any] = {
    "path": "/etc/slurm/rocks-nodes.conf",
    "partition": "compute",
    "distributions": [],
}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% if offered %}
NodeFeaturesPlugins=node_features/helpers
{% endif %}
{% for line in lines %}
NodeName={{ line }}
{% endfor %}
{% if everybody %}
PartitionName={{ partition }} Nodes={{ everybody }} Default=YES State=UP
{% endif %}
"""
HELPERS = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for feature in offered %}
Feature={{ feature }} Helper={{ helper }}
{% endfor %}
MutuallyExclusive={{ offered | join(',') }}
BootTime={{ seconds }}
"""
CHECK_CONFIG = """\
ClusterName=trial
SlurmctldHost=localhost
include {aside}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """Nodes that are alike, line by line; and what a job may ask for, if there is anything."""
    offered = [feature_name(name) for name in site.options["distributions"]]
    alike: dict[str, list[str]] = {}
    for node in snapshot.compute_nodes():
        features = [check_word(node.arch, "architecture", node.name), f"rack{node.rack}", *offered]
        line = f"{_hardware_options(snapshot.hardware.get(node.name))} Feature={','.join(features)}"
        alike.setdefault(line, []).append(node.name)
    lines = [f"{fold_names(names)} {what}" for what, names in alike.items()]
    everybody = fold_names(node.name for node in snapshot.compute_nodes())
    partition = check_word(site.options["partition"], "partition", "")
    values = {"lines": lines, "partition": partition, "everybody": everybody, "offered": offered}
    files = {site.options["path"]: site.templates.render("slurm-nodes.conf", TEMPLATE, **values)}
    if offered:
        helpers = os.path.join(os.path.dirname(site.options["path"]), "helpers.conf")
        said = {"offered": offered, "helper": HELPER, "seconds": INSTALL_SECONDS}
        files[helpers] = site.templates.render("slurm-helpers.conf", HELPERS, **said)
    return files


def feature_name(distribution: str) -> str:
    """A distribution as a feature's name, in which Slurm takes no ``-``: the program ``slurm-feature`` says the same."""
    return (
        check_word(distribution, "distribution", "distributions")
        .replace("-", "_")
        .replace("+", "_")
    )


def _hardware_options(found: Optional[Hardware]) -> str:
    if found is None:
        return 'State=DOWN Reason="its hardware was not counted yet"'
    return (
        f"CPUs={found.cpus} Sockets={found.sockets} CoresPerSocket={found.cores} ThreadsPerCore={found.threads}"
        f" RealMemory={found.memory * MEMORY // 100}"
        + (f" Gres=gpu:{found.gpus}" if found.gpus else "")
    )


def check(staged: StagedFiles, site: Site) -> None:
    """scontrol reads it as a part of a configuration, and asks no controller."""
    config = os.path.join(staged.folder, "slurm.conf")
    replace(config, CHECK_CONFIG.format(aside=staged.files[site.options["path"]]))
    staged.run(
        ["scontrol", "show", "hostnames", "node"], timeout=CHECK_SECONDS, env={"SLURM_CONF": config}
    )


# A reconfiguration does not take other nodes or other hardware before 23.11, and dies of more nodes; a restart is
# short, and jobs run on.
SLURM = Daemon(
    "slurmctld",
    ("slurmctld",),
    reload_command=("systemctl", "restart", UNIT),
    status_command=("scontrol", "ping"),
)
REPORT = Report("slurm", "Slurm's nodes", OPTIONS, render, check, SLURM, frozenset((HARDWARE,)))
