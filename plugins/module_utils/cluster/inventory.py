# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is in the cluster and in which groups: what an inventory asks for, with a handful of queries for any number of nodes.

Groups of a node: its membership, ``appliance_NAME``, ``rack_NUMBER``, ``arch_NAME``, and ``with_NAME`` for each
attribute of its that says yes.  Everybody who speaks of groups takes them from here, so that they mean the same.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from ..attribute_values import is_true_flag
from ..errors import DescriptionError
from .attributes import StoredValues, merge_attributes, stored_values
from .database import Database
from .naming import group_name
from .query import DEFAULT_SECONDS, select

HOSTS = (
    "select nodes.name, nodes.id, coalesce(nodes.mac, ''), coalesce(nodes.ip, ''), memberships.name, appliances.name,"
    " nodes.rack, nodes.`rank`, nodes.arch from nodes"
    " join memberships on memberships.id = nodes.membership join appliances on appliances.id = memberships.appliance"
    " order by nodes.membership, nodes.rack, nodes.`rank`, nodes.id"
)
# The last order tells the state; the last one that ended well tells what runs.
LAST_ORDERS = (
    "select node, state from installs where id in (select max(id) from installs group by node)"
)
LAST_INSTALLED = (
    "select node, generation, changed, case when found not in ('', manifest) then 1 else 0 end from installs"
    " where id in (select max(id) from installs where state = 'up' group by node)"
)


class Host(NamedTuple):
    """A node as its groups and its variables need it.

    groups      names that Ansible and ClusterShell accept
    attributes  name -> value; one object is shared by all nodes that have none of their own
    state       of the last install order; empty when there was none
    generation, installed_at   of the last installation that came up
    drifted     whether a later look found other packages than were installed
    """

    name: str
    id: int
    mac: str
    ip: str
    membership: str
    appliance: str
    rack: int
    rank: int
    arch: str
    groups: tuple[str, ...]
    attributes: Mapping[str, str]
    state: str
    generation: str
    installed_at: str
    drifted: bool


class Inventory(NamedTuple):
    """Every node, and the names that each user's query selected."""

    hosts: tuple[Host, ...]
    queries: Mapping[str, tuple[str, ...]]

    def to_data(self) -> dict[str, Any]:
        """As plain data, for a cache."""
        return {"hosts": [list(host) for host in self.hosts], "queries": {**self.queries}}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Inventory:
        """The inverse of ``to_data``, also after JSON made lists of the tuples."""
        return cls(
            tuple(Host._make((*row[:9], tuple(row[9]), *row[10:])) for row in data["hosts"]),
            {name: tuple(names) for name, names in data["queries"].items()},
        )


def load_inventory(
    database: Database, queries: Mapping[str, str], *, seconds: float = DEFAULT_SECONDS
) -> Inventory:
    """Everybody, at one moment.

    database  opened read-only, since ``queries`` are a user's own SQL
    queries   group name -> SQL whose first column are names of nodes

    Raises what ``query.select`` raises, and DescriptionError for a query that names what is no node.
    """
    with database.read_transaction():
        members = tuple(_hosts(database))
        known = {member.name for member in members}
        selected = {
            name: _selected(database, name, sql, known, seconds) for name, sql in queries.items()
        }
    return Inventory(members, selected)


def _hosts(database: Database) -> Iterable[Host]:
    attributes = HostAttributes(stored_values(database))
    states: dict[int, str] = dict(database.rows(LAST_ORDERS))
    installed = {
        node: (generation, at, bool(drifted))
        for node, generation, at, drifted in database.rows(LAST_INSTALLED)
    }
    fixed: dict[tuple[str, str, int, str], tuple[str, ...]] = {}
    for name, node, mac, ip, membership, appliance, rack, rank, arch in database.rows(HOSTS):
        key = (membership, appliance, rack, arch)
        if key not in fixed:
            fixed[key] = _place_groups(*key)
        values, yes = attributes.get(appliance, name)
        groups = fixed[key] + yes if yes else fixed[key]
        last = installed.get(node, ("", "", False))
        yield Host(
            name,
            node,
            mac,
            ip,
            membership,
            appliance,
            rack,
            rank,
            arch,
            groups,
            values,
            states.get(node, ""),
            *last,
        )


def _place_groups(membership: str, appliance: str, rack: int, arch: str) -> tuple[str, ...]:
    return (
        group_name(membership),
        f"appliance_{group_name(appliance)}",
        f"rack_{rack}",
        f"arch_{group_name(arch)}",
    )


class HostAttributes:
    """Merged attributes; nodes without one of their own share their appliance's."""

    def __init__(self, values: StoredValues) -> None:
        self._values = values
        self._shared: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {}

    def get(self, appliance: str, node: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """The attributes of a node, and the groups of those that say yes."""
        if appliance not in self._shared:
            merged = merge_attributes(
                self._values.get(("global", "")), self._values.get(("appliance", appliance))
            )
            self._shared[appliance] = (merged, _true_groups(merged))
        own = self._values.get(("node", node))
        if not own:
            return self._shared[appliance]
        merged = merge_attributes(self._shared[appliance][0], own)
        return merged, _true_groups(merged)


def _true_groups(values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"with_{group_name(name)}" for name in sorted(values) if is_true_flag(values[name])
    )


def _selected(
    database: Database, name: str, sql: str, known: set[str], seconds: float
) -> tuple[str, ...]:
    found = dict.fromkeys(str(row[0]) for row in select(database, sql, seconds=seconds).rows)
    strange = sorted(set(found) - known)
    if strange:
        raise DescriptionError(
            f"the query selects {strange[0]!r}, which is no node",
            f"group {name!r}",
            "its first column must be nodes.name",
        )
    return tuple(found)
