# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restore a dump, and name the rows that the modules would not have written.

A dump of an earlier version, or an edited one, can contain them.  They are restored all the same,
since nothing else has them, and each is named with what is wrong.
"""

from __future__ import annotations

from typing import Any, Iterator

from ..cluster.database import Database, connect
from ..cluster.database_admin import restore_from
from ..cluster.networking.network_rules import address_faults
from ..cluster.networking.networks import list_networks
from ..cluster.values.attribute_rules import check_attribute
from ..cluster.values.scoped_values import Scope
from ..errors import RocksError
from ..reports.snapshot import read_snapshot

ATTRIBUTES = (
    "select attributes.name, attributes.value, coalesce(appliances.name, ''),"
    " coalesce(nodes.name, '') from attributes"
    " left join appliances on appliances.id = attributes.appliance"
    " left join nodes on nodes.id = attributes.node order by attributes.id"
)


def restore_dump(url: str, path: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Restore a dump as ``restore_from``; the result has in addition ``warnings``, one for each
    faulty row.
    """
    result = restore_from(url, path, dry_run=dry_run)
    if dry_run:
        return {**result, "warnings": []}
    with connect(url) as database:
        return {**result, "warnings": list(row_faults(database))}


def row_faults(database: Database) -> Iterator[str]:
    """Yield what is wrong with rows of networks, nodes, interfaces and attributes."""
    faults = read_snapshot(database).faults
    yield from map(str, faults)
    if not faults:  # otherwise an address can be outside of a network that is left out
        for owner, fault in address_faults(database, list_networks(database)).items():
            yield f"{owner}: {fault}"
    for name, value, appliance, node in database.rows(ATTRIBUTES):
        scope = Scope(appliance=appliance, node=node)
        try:
            check_attribute(database, name, value, scope)
        except RocksError as error:
            yield f"attribute {name} ({scope}): {error}"
