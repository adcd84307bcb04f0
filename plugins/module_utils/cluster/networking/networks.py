# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The networks of the cluster, and which of their addresses nodes get."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from ...errors import Conflict, NotFound
from ..database import Database
from ..model import Network, RowChange
from .addressing import ip_address, parse_subnet
from .network_rules import (
    PRIVATE,
    check_addresses_in_use,
    check_network,
    check_not_allocated_from,
    check_overlap,
)

COLUMNS = Network._fields[1:]
SELECT = f"select id, {', '.join(COLUMNS)} from networks order by id"
ADDRESSES = ("subnet", "netmask", "gateway", "first", "last", "pool_first", "pool_last")
NEW_NETWORK = Network(
    id=0,
    name="",
    subnet="",
    netmask="",
    gateway="",
    zone="",
    mtu=1500,
    kind=PRIVATE,
    first="",
    last="",
    pool_first="",
    pool_last="",
)


def list_networks(database: Database) -> list[Network]:
    """Return all networks, by id."""
    kind = Network._fields.index("kind")
    rows = database.rows(SELECT)
    return [Network._make((*row[:-1], row[kind] == PRIVATE and row[-1] == "yes")) for row in rows]


def put_network(database: Database, name: str, **values: Any) -> RowChange:
    """Add the network, or change fields of ``Network``; a missing value, or None, stays as it is.

    ``subnet`` can include the netmask, as in ``10.0.0.0/8``.

    Raises DescriptionError for values that are not valid, Conflict if two networks overlap, or if
    the address of a node would be outside of every network, in a pool, or that of a gateway.
    """
    with database.transaction():
        networks = list_networks(database)
        before = _by_name(networks, name)
        changes: dict[str, Any] = {
            field: ip_address(value) if field in ADDRESSES and value else value
            for field, value in _split_subnet(values).items()
            if value is not None
        }
        after = (before or NEW_NETWORK._replace(name=name))._replace(**changes)
        if values.get("boot") is None and not (before and before.kind == after.kind):
            after = after._replace(boot=after.kind == PRIVATE)
        if after == before:
            return RowChange(before, before)
        others = [network for network in networks if network.name != name]
        check_network(after)
        check_overlap(after, others)
        check_addresses_in_use(database, networks, [*others, after])
        if before:
            assignments = ", ".join(f"{column} = ?" for column in COLUMNS)
            database.execute(
                f"update networks set {assignments} where id = ?", (*_columns(after), after.id)
            )
        else:
            placeholders = ", ".join("?" * len(COLUMNS))
            new_id = database.insert(
                f"insert into networks ({', '.join(COLUMNS)}) values ({placeholders})",
                _columns(after),
            )
            after = after._replace(id=new_id)
        return RowChange(before, after)


def remove_network(database: Database, name: str) -> RowChange:
    """Delete the network.

    Raises Conflict if a node has an address or an interface on it, or gets its address from it.
    """
    with database.transaction():
        networks = list_networks(database)
        before = _by_name(networks, name)
        if before:
            others = [network for network in networks if network.name != name]
            check_addresses_in_use(database, networks, others)
            check_not_allocated_from(database, name)
            interface = database.row(
                "select nodes.name, interfaces.name from interfaces"
                " join nodes on nodes.id = interfaces.node"
                " where interfaces.network = ? order by 1, 2",
                (before.id,),
            )
            if interface:
                raise Conflict(
                    f"interface {interface[1]} of {interface[0]} is on network {name!r}",
                    "",
                    "remove it first",
                )
            database.execute("delete from networks where id = ?", (before.id,))
        return RowChange(before, None)


def find_network(networks: Iterable[Network], name: str) -> Network:
    """Return the network with this name.  Raises NotFound that lists the names."""
    by_name = {network.name: network for network in networks}
    if name not in by_name:
        names = ", ".join(by_name)
        raise NotFound(
            f"there is no network {name!r}",
            "",
            f"known: {names}" if names else "add it with rocks_network",
        )
    return by_name[name]


def _by_name(networks: Iterable[Network], name: str) -> Optional[Network]:
    return next((network for network in networks if network.name == name), None)


def _split_subnet(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with a subnet of the form ``10.0.0.0/8`` split into subnet and netmask."""
    address, slash, _length = str(values.get("subnet") or "").partition("/")
    if not slash:
        return {**values}
    net = parse_subnet(values["subnet"])
    return {**values, "subnet": address, "netmask": str(net.netmask)}


def _columns(network: Network) -> tuple[Any, ...]:
    """Return the values of COLUMNS."""
    return (*network[1:-1], "yes" if network.boot else "no")
