# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that the database knows about nodes, except secrets: what a person asks for when something is odd."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from .attributes import effective_for_nodes
from .database import Database
from .interfaces import list_interfaces
from .model import to_dict
from .nodes import list_nodes

HARDWARE_COLUMNS = (
    *("cpus", "sockets", "cores", "threads", "memory", "disk", "gpus"),
    *("vendor", "product", "serial", "firmware", "counted"),
)
ORDER_COLUMNS = (
    *(
        "state",
        "distribution",
        "generation",
        "profile",
        "ordered_by",
        "ordered",
        "expires",
        "changed",
    ),
    *("phase", "message", "reason"),
)
LAST_ORDERS = " where installs.id in (select max(id) from installs group by node)"


def describe_nodes(
    database: Database, names: Optional[Iterable[str]] = None, *, attributes: bool = False
) -> list[dict[str, Any]]:
    """The nodes of ``names``, or all, each with its interfaces, counted hardware and last install order.

    attributes  also every attribute: its value, and the scope that it comes from

    Raises NotFound for unknown names.
    """
    with database.read_transaction():
        chosen = list_nodes(database, names)
        found = {node.name: to_dict(node) for node in chosen}
        for one in found.values():
            one.update(interfaces=[], hardware={}, install={})
        for interface in list_interfaces(database):
            if interface.node in found:
                shown = {
                    field: value for field, value in to_dict(interface).items() if field != "node"
                }
                found[interface.node]["interfaces"].append(shown)
        for key, table, columns, where in (
            ("hardware", "hardware", HARDWARE_COLUMNS, ""),
            ("install", "installs", ORDER_COLUMNS, LAST_ORDERS),
        ):
            for name, *values in database.rows(
                f"select nodes.name, {', '.join(f'{table}.{column}' for column in columns)} from {table}"
                f" join nodes on nodes.id = {table}.node{where}"
            ):
                if name in found:
                    found[name][key] = dict(zip(columns, values))
        if attributes:
            for name, merged in effective_for_nodes(database, chosen).items():
                found[name]["attributes"] = {
                    one.name: {"value": one.value, "source": one.source} for one in merged.values()
                }
    return list(found.values())
