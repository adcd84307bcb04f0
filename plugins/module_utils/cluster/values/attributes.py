# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attributes: named values, global, of an appliance or of a node.  The narrower scope wins.

Fields of the node's own row (``hostname``, ``rack`` …) are read like attributes and win over all.
"""

from __future__ import annotations

from typing import Iterable, Mapping, Optional

from ...errors import Refused
from ..database import Database, Row
from ..model import Attribute, AttributeSource, Node, RowChange
from .attribute_rules import check_attribute
from .scoped_values import GLOBAL, Scope, get_value, remove_value, set_value

INTRINSIC = (
    "hostname",
    "rack",
    "rank",
    "ip",
    "mac",
    "arch",
    "membership",
    "appliance",
    "distribution",
)

StoredValues = Mapping[tuple[str, str], Mapping[str, str]]
"""Scope and name of its owner -> attributes."""

STORED_VALUES = (
    "select scope, coalesce(appliances.name, nodes.name, ''), attributes.name, value"
    " from attributes left join appliances on appliances.id = attributes.appliance"
    " left join nodes on nodes.id = attributes.node"
)
VALUES_FOR_NODE = (
    f"{STORED_VALUES} where scope = 'global' or (scope = 'node' and owner = ?)"
    " or (scope = 'appliance' and owner ="
    " (select memberships.appliance from memberships where memberships.name = ?))"
)


def set_attribute(database: Database, name: str, value: str, scope: Scope = GLOBAL) -> RowChange:
    """Set an attribute, and return its value before (None: it was not set) and after.

    Raises Refused for a field of the node's row, and what ``check_attribute`` and ``set_value``
    raise.
    """
    if name in INTRINSIC:
        raise Refused(
            f"{name!r} is a field of the node, not an attribute", "", "change it with rocks_node"
        )
    check_attribute(database, name, value, scope)
    return RowChange(set_value(database, "attributes", name, value, scope=scope), value)


def remove_attribute(database: Database, name: str, scope: Scope = GLOBAL) -> RowChange:
    """Delete an attribute of exactly this scope; a wider scope becomes effective again."""
    return RowChange(remove_value(database, "attributes", name, scope), None)


def get_attribute(database: Database, name: str, scope: Scope = GLOBAL) -> Optional[str]:
    """Return the value that is set in exactly this scope, or None."""
    return get_value(database, "attributes", name, scope)


def intrinsic_values(node: Node) -> dict[str, str]:
    """Return the fields of the node's row under the names that node files use."""
    values = {
        "hostname": node.name,
        "rack": str(node.rack),
        "rank": str(node.rank),
        "ip": node.ip,
        "mac": node.mac,
        "arch": node.arch,
        "membership": node.membership,
        "appliance": node.appliance,
        "distribution": node.distribution,
    }
    if not node.mac:
        del values["mac"]  # so that a profile can have a default
    return values


def effective_attributes(database: Database, node: Node) -> dict[str, Attribute]:
    """Return each attribute of a node with its source, by name."""
    rows = database.rows(VALUES_FOR_NODE, (node.id, node.membership))
    return _merge_for_node(_group_by_scope(rows), node)


def effective_values(database: Database, node: Node) -> dict[str, str]:
    """Return the attributes of a node that are substituted in its profile: names and values."""
    attributes = effective_attributes(database, node)
    return {name: attribute.value for name, attribute in attributes.items()}


def effective_for_nodes(
    database: Database, nodes: Iterable[Node]
) -> dict[str, dict[str, Attribute]]:
    """Return ``effective_attributes`` of many nodes, by node name, with one query."""
    values = stored_values(database)
    return {node.name: _merge_for_node(values, node) for node in nodes}


def effective_values_for_nodes(
    database: Database, nodes: Iterable[Node]
) -> dict[str, dict[str, str]]:
    """Return ``effective_values`` of many nodes, by node name, with one query."""
    values = stored_values(database)
    return {
        node.name: merge_attributes(
            values.get(("global", "")),
            values.get(("appliance", node.appliance)),
            values.get(("node", node.name)),
            intrinsic_values(node),
        )
        for node in nodes
    }


def stored_values(database: Database) -> StoredValues:
    """Return every attribute that is set, by scope and owner."""
    return _group_by_scope(database.rows(STORED_VALUES))


def merge_attributes(*layers: Optional[Mapping[str, str]]) -> dict[str, str]:
    """Merge the attributes of several scopes, the widest first.  None is an empty layer."""
    merged: dict[str, str] = {}
    for layer in layers:
        merged.update(layer or {})
    return merged


def _group_by_scope(rows: Iterable[Row]) -> StoredValues:
    values: dict[tuple[str, str], dict[str, str]] = {}
    for scope, owner, name, value in rows:
        values.setdefault((scope, owner), {})[name] = value
    return values


def _merge_for_node(values: StoredValues, node: Node) -> dict[str, Attribute]:
    layers: tuple[tuple[AttributeSource, Optional[Mapping[str, str]]], ...] = (
        ("global", values.get(("global", ""))),
        ("appliance", values.get(("appliance", node.appliance))),
        ("node", values.get(("node", node.name))),
        ("intrinsic", intrinsic_values(node)),
    )
    merged: dict[str, Attribute] = {}
    for source, layer in layers:
        for name, value in (layer or {}).items():
            merged[name] = Attribute(name, value, source)
    return dict(sorted(merged.items()))
