# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the stored conditions of nodes current: what the maintenance timer does every minute.

The work of one minute is bounded: a fifth of the nodes is probed, and all nodes are compared once
in as many minutes as there are thousands of them.
"""

from __future__ import annotations

from typing import Callable, Iterable, Sequence

from ..cluster.database import Database
from ..cluster.node_conditions import (
    PROBE_SECONDS,
    add_missing_rows,
    store_behind,
    store_heard,
)
from ..cluster.nodes import list_nodes
from ..install import timestamps
from ..install.orders import load_candidates
from ..install.probe import probe
from ..install.states import UP
from ..settings import Settings
from .compare_nodes import compare_nodes
from .install_targets import find_pins

MINUTE = 60
NODES_PER_MINUTE = 1000
"""So many nodes are compared for each minute between two comparisons."""
UP_NODES = (
    "select n.id, n.name, coalesce(n.ip, '') from nodes n join installs i on i.node = n.id"
    " where i.id in (select max(id) from installs group by node) and i.state = ? order by n.id"
)
Probe = Callable[[Iterable[str]], set[str]]
"""Returns those of the addresses that answer."""
BEHIND = "select s.node, n.name, s.behind from node_states s join nodes n on n.id = s.node"


def update_node_states(
    database: Database,
    settings: Settings,
    now: str,
    probe_addresses: Probe = probe,
) -> None:
    """Probe and compare the nodes that are due in the minute of ``now``."""
    nodes = database.rows(UP_NODES, (UP,))
    minute = timestamps.to_seconds(now) // MINUTE
    add_missing_rows(database)
    rounds = PROBE_SECONDS // MINUTE
    due = {ip: node for node, _name, ip in nodes if ip and node % rounds == minute % rounds}
    if due:
        store_heard(database, [due[ip] for ip in sorted(probe_addresses(due))], now)
    if minute % (1 + len(nodes) // NODES_PER_MINUTE) == 0:
        _update_behind(database, settings, now)


def _update_behind(database: Database, settings: Settings, now: str) -> None:
    names = [name for _id, name, _ip in database.rows(UP_NODES, (UP,))]
    current = find_differences(database, settings, names)
    for node, name, behind in database.rows(BEHIND):
        lines = current.get(name, ())
        if "\n".join(lines) != behind:
            store_behind(database, node, lines, now)


def find_differences(
    database: Database, settings: Settings, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return what a reinstallation would change in these nodes, by name.

    Nodes that would get the same, and those that cannot be installed now, are left out.
    """
    candidates = {node.name: node for node in load_candidates(database, names)}
    pins, _errors = find_pins(database, list_nodes(database, names), settings.distributions)
    differences: dict[str, tuple[str, ...]] = {}
    for name, comparison in compare_nodes(database, pins, settings).items():
        node = candidates[name]
        lines = comparison.differences
        if lines is None and node.last and node.last.pin != pins[name]:
            lines = (f"generation {node.last.pin.generation} -> {pins[name].generation}",)
        if lines:
            differences[name] = lines
    return differences
