# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Named values: global, of an appliance, of a node.  The narrower one wins, and a reader can ask which one won.

What a node's own row says (``hostname``, ``rack`` …) can be read like an attribute, and wins over everything.
"""

from __future__ import annotations

from typing import Callable, Iterable, Mapping, Optional

from ..errors import Refused
from .database import Database, Row
from .model import Attribute, Node, RowChange
from .naming import PATTERN_ATTRIBUTE, check_pattern
from .scoped_values import GLOBAL, Scope, get_value, remove_value, set_value

SOURCES = ("global", "appliance", "node", "intrinsic")  # a later one is narrower
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

# Attributes that the room itself reads: what their values must be.
CHECKS: Mapping[str, Callable[[str], None]] = {PATTERN_ATTRIBUTE: check_pattern}

# Scope and its owner's name -> attributes.
StoredValues = Mapping[tuple[str, str], Mapping[str, str]]

STORED_VALUES = (
    "select scope, coalesce(appliances.name, nodes.name, ''), attributes.name, value from attributes"
    " left join appliances on appliances.id = attributes.appliance"
    " left join nodes on nodes.id = attributes.node"
)


def set_attribute(database: Database, name: str, value: str, scope: Scope = GLOBAL) -> RowChange:
    """Set an attribute; the value as it was (None: there was none) and as it is.

    Raises Refused for what the node's own row says, and what ``scopes.put`` raises.
    """
    if name in INTRINSIC:
        raise Refused(
            f"{name!r} is what the node's own row says", "", "change the node: rocks_node"
        )
    if name in CHECKS:
        CHECKS[name](value)
    return RowChange(set_value(database, "attributes", name, value, scope), value)


def remove_attribute(database: Database, name: str, scope: Scope = GLOBAL) -> RowChange:
    """Forget an attribute of exactly this scope; wider ones then show again."""
    return RowChange(remove_value(database, "attributes", name, scope), None)


def get_attribute(database: Database, name: str, scope: Scope = GLOBAL) -> Optional[str]:
    """The value that is set in exactly this scope, or None."""
    return get_value(database, "attributes", name, scope)


def intrinsic_values(node: Node) -> dict[str, str]:
    """What the node's own row says, by the names that node files use."""
    return {
        "hostname": node.name,
        "rack": str(node.rack),
        "rank": str(node.rank),
        "ip": node.ip,
        **({"mac": node.mac} if node.mac else {}),  # a profile has a default for a node without one
        "arch": node.arch,
        "membership": node.membership,
        "appliance": node.appliance,
        "distribution": node.distribution,
    }


def effective_attributes(database: Database, node: Node) -> dict[str, Attribute]:
    """Every attribute of a node by name, sorted: the value that wins, and where it comes from."""
    return _merged(
        _grouped(
            database.rows(
                f"{STORED_VALUES} where scope = 'global' or (scope = 'node' and owner = ?) or (scope = 'appliance' and"
                " owner = (select memberships.appliance from memberships where memberships.name = ?))",
                (node.id, node.membership),
            )
        ),
        node,
    )


def effective_values(database: Database, node: Node) -> dict[str, str]:
    """Every attribute of a node, names and values alone: what its profile is substituted with."""
    return {
        name: attribute.value for name, attribute in effective_attributes(database, node).items()
    }


def effective_for_nodes(
    database: Database, nodes: Iterable[Node]
) -> dict[str, dict[str, Attribute]]:
    """``effective`` of many nodes with one query: node name -> attributes."""
    everything = stored_values(database)
    return {node.name: _merged(everything, node) for node in nodes}


def values_by_appliance(database: Database, name: str) -> dict[str, str]:
    """One attribute by appliance; ``""`` is the global value."""
    found = database.rows(
        "select coalesce(appliances.name, ''), attributes.value from attributes"
        " left join appliances on appliances.id = attributes.appliance"
        " where attributes.name = ? and attributes.scope <> 'node'",
        (name,),
    )
    return dict(found)


def stored_values(database: Database) -> StoredValues:
    """Every attribute that is set, by scope and owner."""
    return _grouped(database.rows(STORED_VALUES))


def merge_attributes(*layers: Optional[Mapping[str, str]]) -> dict[str, str]:
    """Merge attributes of several scopes, the widest first: a narrower scope wins.  None is an empty layer."""
    merged: dict[str, str] = {}
    for layer in layers:
        merged.update(layer or {})
    return merged


def _grouped(rows: Iterable[Row]) -> StoredValues:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for scope, owner, name, value in rows:
        found.setdefault((scope, owner), {})[name] = value
    return found


def _merged(stored: StoredValues, node: Node) -> dict[str, Attribute]:
    merged: dict[str, Attribute] = {}
    layers = (
        stored.get(("global", "")),
        stored.get(("appliance", node.appliance)),
        stored.get(("node", node.name)),
    )
    for source, layer in zip(SOURCES, (*layers, intrinsic_values(node))):
        for name, value in (layer or {}).items():
            merged[name] = Attribute(name, value, source)
    return dict(sorted(merged.items()))
