# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's generic resources: the GPUs that the nodes counted (gres.conf(5)).

slurmd drops GPUs without a device, and slurmctld then drains the node for having fewer than
configured.  So a GPU is offered only if the attribute ``gpu_device`` names its device files or the
library that finds them.
"""

from __future__ import annotations

from ...errors import DescriptionError
from ..model import Snapshot
from ..validators import fold_names
from .node_settings import node_settings


def gpu_resource(snapshot: Snapshot, node: str) -> str:
    """Return a node's ``gpu:TYPE:NUMBER``; empty if it has none that can be requested."""
    hardware = snapshot.hardware.get(node)
    settings = node_settings(snapshot, node)
    if hardware is None or not hardware.gpus or not settings.gpu_device:
        return ""
    return ":".join(filter(None, ("gpu", settings.gpu_type, str(hardware.gpus))))


def gres_lines(snapshot: Snapshot) -> list[str]:
    """Return the lines of gres.conf."""
    nodes: dict[str, list[str]] = {}
    for node in snapshot.compute_nodes():
        resource = gpu_resource(snapshot, node.name)
        if resource:
            line = _entry(resource, node_settings(snapshot, node.name).gpu_device)
            nodes.setdefault(line, []).append(node.name)
    return [f"NodeName={fold_names(names)} {line}" for line, names in nodes.items()]


def unusable_gpus(snapshot: Snapshot) -> list[DescriptionError]:
    """Return one error for all nodes whose GPUs jobs cannot request."""
    nodes = [
        node.name
        for node in snapshot.compute_nodes()
        if node.name in snapshot.hardware
        and snapshot.hardware[node.name].gpus
        and not node_settings(snapshot, node.name).gpu_device
    ]
    if not nodes:
        return []
    return [
        DescriptionError(
            "has GPUs that jobs cannot request",
            fold_names(nodes),
            "set the attribute gpu_device, for example to /dev/nvidia",
        )
    ]


def _entry(resource: str, device: str) -> str:
    """Return what follows the nodes in a line of gres.conf."""
    if not device.startswith("/"):
        return f"AutoDetect={device}"
    name, *kind, count = resource.split(":")
    last = int(count) - 1
    files = f"{device}[0-{last}]" if last else f"{device}0"
    return " ".join([f"Name={name}", *(f"Type={word}" for word in kind), f"File={files}"])
