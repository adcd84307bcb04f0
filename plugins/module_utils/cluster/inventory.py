# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nodes and their groups for Ansible and ClusterShell, with a few queries for any number.

The groups of a node are its membership, ``appliance_NAME``, ``rack_NUMBER``, ``arch_NAME``, and
``with_NAME`` for each attribute whose value is true.  Their conditions are separate, because they
change with time alone.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Iterable, Mapping, NamedTuple

from ..attribute_values import is_true_flag
from ..errors import DescriptionError, RocksError
from .database import Database
from .model import MAINTENANCE
from .naming import group_name
from .node_conditions import load_conditions, utc_now
from .query import DEFAULT_SECONDS, select
from .values.attributes import StoredValues, merge_attributes, stored_values

HOSTS = (
    "select nodes.name, nodes.id, coalesce(nodes.mac, ''), coalesce(nodes.ip, ''),"
    " memberships.name, appliances.name, nodes.rack, nodes.`rank`, nodes.arch from nodes"
    " join memberships on memberships.id = nodes.membership"
    " join appliances on appliances.id = memberships.appliance"
    " order by nodes.membership, nodes.rack, nodes.`rank`, nodes.id"
)
# The state of a host is that of its last order; what it runs, of the last order that succeeded.
LAST_ORDERS = (
    "select node, state from installs where id in (select max(id) from installs group by node)"
)
LAST_INSTALLED = (
    "select node, generation, changed,"
    " case when found not in ('', manifest) then 1 else 0 end from installs"
    " where id in (select max(id) from installs where state = 'up' group by node)"
)

READ_ATTEMPTS = 5


class Host(NamedTuple):
    """A node as an inventory needs it.  A NamedTuple, because there are 10,000 of them."""

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
    """Names that Ansible and ClusterShell accept."""
    attributes: Mapping[str, str]
    """One shared object for all nodes without attributes of their own."""
    state: str
    """The state of the last install order; empty if there was none."""
    generation: str
    """The generation of the last successful installation."""
    installed_at: str
    drifted: bool
    """Whether a later check reported other packages than were installed."""
    heard: str
    """When a node that is up last answered; empty for any other node."""
    behind: tuple[str, ...]
    """What a reinstallation would change."""
    conditions: tuple[str, ...]
    """Those of ``node_conditions.CONDITIONS`` that hold, and ``maintenance``."""


class Inventory(NamedTuple):
    """All hosts, and the names that each of the user's queries selected."""

    hosts: tuple[Host, ...]
    queries: Mapping[str, tuple[str, ...]]

    def to_data(self) -> dict[str, Any]:
        """Return plain data for a cache."""
        return {"hosts": [list(host) for host in self.hosts], "queries": {**self.queries}}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Inventory:
        """Return the inverse of ``to_data``, also after JSON has turned tuples into lists."""
        return cls(
            hosts=tuple(
                Host._make(tuple(value) if isinstance(value, list) else value for value in row)
                for row in data["hosts"]
            ),
            queries={name: tuple(names) for name, names in data["queries"].items()},
        )


class UnknownNode(DescriptionError):
    """A query selects a name that is not a node."""


def load_inventory(
    database: Database, queries: Mapping[str, str], *, seconds: float = DEFAULT_SECONDS
) -> Inventory:
    """Read all hosts, and run the user's queries, in one read transaction.

    database  opened read-only, because ``queries`` are a user's SQL
    queries   group name -> SQL whose first column contains node names
    seconds   the time limit of each query

    Raises what ``query.select`` raises, and DescriptionError if a query selects an unknown name, or
    if its group exists already.
    """
    for _attempt in range(READ_ATTEMPTS - 1):
        revision = database.revision()
        try:
            return _read_inventory(database, queries, seconds)
        except UnknownNode:
            # On SQLite, a query can read a node that was added after the hosts were read.
            if database.revision() == revision:
                raise
    return _read_inventory(database, queries, seconds)


def _read_inventory(database: Database, queries: Mapping[str, str], seconds: float) -> Inventory:
    with database.read_transaction():
        hosts = tuple(_hosts(database))
        names = {host.name for host in hosts}
        _check_group_names(queries, hosts, names)
        selected = {
            group: _run_group_query(database, group, sql, names, seconds=seconds)
            for group, sql in queries.items()
        }
    return Inventory(hosts, selected)


def _check_group_names(
    groups: Iterable[str], hosts: Iterable[Host], names: AbstractSet[str]
) -> None:
    """Raise DescriptionError if a query's group is that of a membership or rack, or a node.

    Otherwise, a command for the group would include unexpected nodes.
    """
    taken = dict.fromkeys(names, "the name of a node")
    for row in {host.groups for host in hosts}:
        taken.update(dict.fromkeys(row, "a group that the inventory makes itself"))
    for group in groups:
        if group in taken:
            raise DescriptionError(
                f"this is {taken[group]}", f"group {group!r}", "choose another name"
            )


def _hosts(database: Database) -> Iterable[Host]:
    attributes = HostAttributes(stored_values(database))
    states: dict[int, str] = dict(database.rows(LAST_ORDERS))
    installed = {
        node: (generation, at, bool(drifted))
        for node, generation, at, drifted in database.rows(LAST_INSTALLED)
    }
    conditions = load_conditions(database, utc_now())
    position_groups: dict[tuple[str, str, int, str], tuple[str, ...]] = {}
    for name, node, mac, ip, membership, appliance, rack, rank, arch in database.rows(HOSTS):
        key = (membership, appliance, rack, arch)
        if key not in position_groups:
            position_groups[key] = _position_groups(*key)
        values, true_groups = attributes.get(appliance, name)
        generation, installed_at, drifted = installed.get(node, ("", "", False))
        condition = conditions.get(node)
        yield Host(
            name=name,
            id=node,
            mac=mac,
            ip=ip,
            membership=membership,
            appliance=appliance,
            rack=rack,
            rank=rank,
            arch=arch,
            groups=position_groups[key] + true_groups if true_groups else position_groups[key],
            attributes=values,
            state=states.get(node, ""),
            generation=generation,
            installed_at=installed_at,
            drifted=drifted,
            heard=condition.heard if condition else "",
            behind=condition.behind if condition else (),
            conditions=(*(condition.names if condition else ()), *_maintenance(values)),
        )


def _maintenance(attributes: Mapping[str, str]) -> tuple[str, ...]:
    return (MAINTENANCE,) if attributes.get(MAINTENANCE) else ()


def _position_groups(membership: str, appliance: str, rack: int, arch: str) -> tuple[str, ...]:
    return (
        group_name(membership),
        f"appliance_{group_name(appliance)}",
        f"rack_{rack}",
        f"arch_{group_name(arch)}",
    )


class HostAttributes:
    """Merged attributes; nodes without attributes of their own share those of their appliance."""

    def __init__(self, values: StoredValues) -> None:
        self._values = values
        self._by_appliance: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {}

    def get(self, appliance: str, node: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """Return the attributes of a node, and the groups of those that are true."""
        if appliance not in self._by_appliance:
            merged = merge_attributes(
                self._values.get(("global", "")), self._values.get(("appliance", appliance))
            )
            self._by_appliance[appliance] = (merged, _true_groups(merged))
        node_values = self._values.get(("node", node))
        if not node_values:
            return self._by_appliance[appliance]
        merged = merge_attributes(self._by_appliance[appliance][0], node_values)
        return merged, _true_groups(merged)


def _true_groups(values: Mapping[str, str]) -> tuple[str, ...]:
    names = (name for name in sorted(values) if is_true_flag(values[name]))
    return tuple(f"with_{group_name(name)}" for name in names)


def _run_group_query(
    database: Database, group: str, sql: str, names: set[str], *, seconds: float
) -> tuple[str, ...]:
    try:
        result = select(database, sql, seconds=seconds)
    except RocksError as error:
        where = ": ".join(filter(None, (f"group {group!r}", error.where)))
        raise type(error)(error.what, where, error.hint) from error
    selected = dict.fromkeys(str(row[0]) for row in result.rows)
    unknown = sorted(set(selected) - names)
    if unknown:
        raise UnknownNode(
            f"the query selects {unknown[0]!r}, which is not a node",
            f"group {group!r}",
            "select nodes.name as the first column",
        )
    return tuple(selected)
