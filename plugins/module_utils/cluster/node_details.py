# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that the database contains about nodes, except secrets, for troubleshooting."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Optional, Sequence

from .database import Database
from .model import to_dict
from .networking.interfaces import list_interfaces
from .nodes import list_nodes
from .values.attributes import effective_for_nodes

HARDWARE_COLUMNS = (
    *("cpus", "sockets", "cores", "threads", "memory", "disk", "gpus"),
    *("vendor", "product", "serial", "firmware", "counted"),
)
ORDER_COLUMNS = (
    *("state", "distribution", "generation", "profile", "ordered_by", "ordered", "expires"),
    *("changed", "phase", "message", "reason"),
)
LAST_ORDERS = " where installs.id in (select max(id) from installs group by node)"


def describe_nodes(
    database: Database, names: Optional[Iterable[str]] = None, *, attributes: bool = False
) -> list[dict[str, Any]]:
    """Return nodes with their interfaces, hardware and last install order.

    names       None: all nodes
    attributes  add every attribute with its value and its source

    Raises NotFound for unknown names.
    """
    with database.read_transaction():
        nodes = list_nodes(database, names)
        details: dict[str, dict[str, Any]] = {
            node.name: {**to_dict(node), "interfaces": [], "hardware": {}, "install": {}}
            for node in nodes
        }
        for interface in list_interfaces(database):
            if interface.node in details:
                fields = to_dict(interface)
                del fields["node"]
                details[interface.node]["interfaces"].append(fields)
        for name, hardware in _rows_by_node(database, "hardware", HARDWARE_COLUMNS):
            if name in details:
                details[name]["hardware"] = hardware
        for name, order in _rows_by_node(database, "installs", ORDER_COLUMNS, LAST_ORDERS):
            if name in details:
                details[name]["install"] = order
        if attributes:
            for name, values in effective_for_nodes(database, nodes).items():
                details[name]["attributes"] = {
                    attribute.name: {"value": attribute.value, "source": attribute.source}
                    for attribute in values.values()
                }
    return list(details.values())


def _rows_by_node(
    database: Database, table: str, columns: Sequence[str], condition: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of a node with each row of a table."""
    selected = ", ".join(f"{table}.{column}" for column in columns)
    sql = f"select nodes.name, {selected} from {table} join nodes on nodes.id = {table}.node"
    for name, *values in database.rows(sql + condition):
        yield name, dict(zip(columns, values))
