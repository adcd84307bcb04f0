# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The networks of the cluster, and which of their addresses nodes get."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, Mapping, Optional, Sequence, get_args

from ..errors import Conflict, DescriptionError, NotFound
from .addressing import ip_address, network_of, subnet, to_number
from .database import Database
from .model import Network, NetworkKind, RowChange

PRIVATE = "private"
KINDS: tuple[NetworkKind, ...] = get_args(NetworkKind)
MTU = range(576, 65521)  # RFC 791; InfiniBand in connected mode
MAX_LISTED = 5

COLUMNS = Network._fields[1:]
SELECT = f"select id, {', '.join(COLUMNS)} from networks order by id"
ADDRESSES = ("subnet", "netmask", "gateway", "first", "last", "pool_first", "pool_last")
WITHIN_SUBNET = ("gateway", "first", "last", "pool_first", "pool_last")
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

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ZONE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def list_networks(database: Database) -> list[Network]:
    """Return all networks, by id."""
    kind = Network._fields.index("kind")
    rows = database.rows(SELECT)
    return [Network._make((*row[:-1], row[kind] == PRIVATE and row[-1] == "yes")) for row in rows]


def put_network(database: Database, name: str, **values: Any) -> RowChange:
    """Add the network, or change fields of ``Network``; a missing value, or None, stays as it is.

    ``subnet`` can include the netmask, as in ``10.0.0.0/8``.

    Raises DescriptionError for values that are not valid, Conflict if two networks overlap or the
    address of a node would be outside of every network.
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
        _check(after)
        _check_overlap(after, others)
        _check_addresses_in_use(database, [*others, after])
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
    """Delete the network.  Raises Conflict if a node has an address or an interface on it."""
    with database.transaction():
        networks = list_networks(database)
        before = _by_name(networks, name)
        if before:
            others = [network for network in networks if network.name != name]
            _check_addresses_in_use(database, others)
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
    try:
        net = ipaddress.IPv4Network(values["subnet"])
    except ValueError as error:
        raise DescriptionError(
            f"{values['subnet']!r} is not a valid subnet ({error})",
            "",
            "write 10.0.0.0/8, for example",
        ) from None
    return {**values, "subnet": address, "netmask": str(net.netmask)}


def _columns(network: Network) -> tuple[Any, ...]:
    """Return the values of COLUMNS."""
    return (*network[1:-1], "yes" if network.boot else "no")


def _check(network: Network) -> None:
    """Raise DescriptionError for the first value of this network that is not valid."""
    where = f"network {network.name!r}"
    if not _NAME.fullmatch(network.name):
        hint = "begin with a letter; use a-z, 0-9, _ and -"
        raise DescriptionError("the name is not valid", where, hint)
    if not network.subnet or not network.netmask:
        hint = "set subnet=10.0.0.0/8, for example"
        raise DescriptionError("subnet or netmask is missing", where, hint)
    net = subnet(network)
    if network.kind not in KINDS:
        raise DescriptionError(f"kind is {network.kind!r}", where, f"set one of {', '.join(KINDS)}")
    if network.boot and network.kind != PRIVATE:
        raise DescriptionError(
            f"boot is true and kind is {network.kind!r}",
            where,
            "nodes boot from private networks only: leave boot out",
        )
    if network.mtu not in MTU:
        raise DescriptionError(f"mtu is {network.mtu}", where, f"{MTU.start} to {MTU.stop - 1}")
    if network.zone and not _ZONE.fullmatch(network.zone):
        raise DescriptionError(
            f"zone {network.zone!r} is not a valid DNS name",
            where,
            "use lower case, as in cluster.local",
        )
    for field in WITHIN_SUBNET:
        ip = getattr(network, field)
        if ip and ipaddress.IPv4Address(ip) not in net:
            raise DescriptionError(
                f"{field} {ip} is outside {net}", where, "use an address of the network"
            )
    if bool(network.pool_first) != bool(network.pool_last):
        raise DescriptionError(
            "pool_first and pool_last require each other", where, "set both, or neither"
        )
    for first, last in (("first", "last"), ("pool_first", "pool_last")):
        low = getattr(network, first)
        high = getattr(network, last)
        if low and high and to_number(low) > to_number(high):
            raise DescriptionError(f"{first} {low} is above {last} {high}", where, "swap them")


def _check_overlap(network: Network, others: Sequence[Network]) -> None:
    net = subnet(network)
    for other in others:
        if net.overlaps(subnet(other)):
            raise Conflict(
                f"{net} overlaps network {other.name!r} ({subnet(other)})",
                f"network {network.name!r}",
                "an address belongs to one network",
            )


def _check_addresses_in_use(database: Database, networks: Sequence[Network]) -> None:
    """Raise Conflict if the address of a node is in none of the networks."""
    outside = [
        f"{name} ({ip})"
        for name, ip in database.rows(
            "select name, ip from nodes where ip is not null"
            " union select nodes.name, interfaces.ip from interfaces"
            " join nodes on nodes.id = interfaces.node"
            " where interfaces.ip is not null order by 1, 2"
        )
        if network_of(ip, networks) is None
    ]
    if outside:
        more = len(outside) - MAX_LISTED
        listed = ", ".join(outside[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
        raise Conflict(
            f"these addresses would be outside every network: {listed}", "", "change them first"
        )
