# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine file for mpirun: the compute nodes, with their cores where they were counted."""

from __future__ import annotations

from typing import Any, Mapping

from ..errors import DescriptionError
from .line_checks import line_check
from .model import Files, Report, Site, Snapshot
from .snapshot import HARDWARE

OPTIONS: Mapping[str, Any] = {"path": "/etc/rocks/machines", "flavour": "openmpi"}
# How each MPI says "four processes here".
FLAVOURS: Mapping[str, str] = {"openmpi": " slots=%d", "mpich": ":%d", "plain": ""}
TEMPLATE = """\
# Written by rocks_report from the cluster database; changes here are lost.
{% for line in lines %}
{{ line }}
{% endfor %}
"""


def render(snapshot: Snapshot, site: Site) -> Files:
    """One line for each compute node."""
    flavour = site.options["flavour"]
    if flavour not in FLAVOURS:
        raise DescriptionError(f"flavour is {flavour!r}", "", f"one of {', '.join(FLAVOURS)}")
    lines = [
        node.name + _slots(FLAVOURS[flavour], snapshot, node.name)
        for node in snapshot.compute_nodes()
    ]
    return {site.options["path"]: site.templates.render("machines", TEMPLATE, lines=lines)}


def _slots(form: str, snapshot: Snapshot, node: str) -> str:
    counted = snapshot.hardware.get(node)
    return form % (counted.sockets * counted.cores) if form and counted else ""


check = line_check(r"[A-Za-z0-9.-]+(:\d+|\s+slots=\d+)?", "such as compute-0-0 slots=4")
REPORT = Report(
    "machines", "a machine file for MPI", OPTIONS, render, check, needs=frozenset((HARDWARE,))
)
