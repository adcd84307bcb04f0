# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's network topology: a leaf switch for each rack, and one switch above them.

A leaf has the name of the first Ethernet switch in the rack, or else ``rackN``.
"""

from __future__ import annotations

from ..model import Snapshot
from ..validators import fold_names

TOP = "top"
SWITCHES = "Ethernet Switches"
"""The membership of switches (paper, Table III)."""


def topology_lines(snapshot: Snapshot) -> list[str]:
    """Return the lines of topology.conf(5)."""
    racks: dict[int, list[str]] = {}
    for node in snapshot.compute_nodes():
        racks.setdefault(node.rack, []).append(node.name)
    names = {rack: f"rack{rack}" for rack in racks}
    for node in reversed(snapshot.nodes):
        if node.rack in racks and node.membership == SWITCHES:
            names[node.rack] = node.name
    lines = [f"SwitchName={names[rack]} Nodes={fold_names(racks[rack])}" for rack in sorted(racks)]
    if len(racks) > 1:
        lines.append(f"SwitchName={TOP} Switches={','.join(names[rack] for rack in sorted(racks))}")
    return lines
