# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read one state of the database for all reports."""

from __future__ import annotations

from typing import Any, Collection

from ..cluster.database import Database
from ..cluster.hardware import Hardware
from ..cluster.inventory import load_inventory
from ..cluster.memberships import list_memberships
from ..cluster.model import Interface
from ..cluster.networking.networks import list_networks
from ..cluster.nodes import list_nodes
from .model import Snapshot
from .row_checks import leave_out_faults
from .validators import natural_key

# The optional parts of a snapshot; groups include the attributes.
HARDWARE = "hardware"
GROUPS = "groups"

INTERFACES = (
    "select interfaces.id, nodes.name, interfaces.name, interfaces.kind,"
    " coalesce(networks.name, ''), coalesce(interfaces.mac, ''), coalesce(interfaces.ip, '')"
    " from interfaces join nodes on nodes.id = interfaces.node"
    " left join networks on networks.id = interfaces.network order by interfaces.id"
)
REPORTED_HARDWARE = (
    "select nodes.name, cpus, sockets, cores, threads, memory, gpus"
    " from hardware join nodes on nodes.id = hardware.node"
)


def read_snapshot(database: Database, needs: Collection[str] = frozenset()) -> Snapshot:
    """Read one state of the database, with the optional parts in ``needs``.

    Faulty values are left out; see ``row_checks``.
    """
    with database.read_transaction():
        nodes = sorted(list_nodes(database), key=lambda node: natural_key(node.name))
        memberships = {row.name for row in list_memberships(database) if row.compute}
        hardware = database.rows(REPORTED_HARDWARE) if HARDWARE in needs else ()
        snapshot = Snapshot(
            nodes=tuple(nodes),
            networks=tuple(list_networks(database)),
            interfaces=tuple(Interface(*row) for row in database.rows(INTERFACES)),
            compute=frozenset(node.name for node in nodes if node.membership in memberships),
            hardware={row[0]: Hardware(*row[1:]) for row in hardware},
            revision=database.revision(),
            **(_read_groups(database) if GROUPS in needs else {}),
        )
    return leave_out_faults(snapshot)


def _read_groups(database: Database) -> dict[str, Any]:
    hosts = sorted(load_inventory(database, {}).hosts, key=lambda host: natural_key(host.name))
    groups: dict[str, list[str]] = {}
    for host in hosts:
        for group in host.groups:
            groups.setdefault(group, []).append(host.name)
    return {
        "groups": {group: tuple(names) for group, names in sorted(groups.items())},
        "attributes": {host.name: host.attributes for host in hosts},
    }
