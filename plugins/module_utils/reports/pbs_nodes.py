# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nodes file of PBS's server (paper, 6.4): name, processors, and properties to ask for."""

from __future__ import annotations

from typing import Any, Mapping

from ..cluster.model import Node
from .line_checks import line_check
from .model import Files, Report, Site, Snapshot
from .services import UNIT, Daemon
from .snapshot import HARDWARE

OPTIONS: Mapping[str, Any] = {"path": "/var/spool/pbs/server_priv/nodes"}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for line in lines %}
{{ line }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """One line for each compute node."""
    lines = [_line(node, snapshot) for node in snapshot.compute_nodes()]
    return {site.options["path"]: site.templates.render("pbs-nodes", TEMPLATE, lines=lines)}


def _line(node: Node, snapshot: Snapshot) -> str:
    counted = snapshot.hardware.get(node.name)
    return f"{node.name} np={counted.cpus if counted else 1} {node.arch} rack{node.rack}"


# The server reads the file at its start only, and running jobs outlive that.
PBS = Daemon("pbs", ("pbs", "pbs_server"), reload_command=("systemctl", "restart", UNIT))
check = line_check(r"[A-Za-z0-9.-]+ np=\d+( [A-Za-z0-9_]+)*", "such as compute-0-0 np=4 x86_64")
REPORT = Report("pbs", "PBS nodes", OPTIONS, render, check, PBS, frozenset((HARDWARE,)))
