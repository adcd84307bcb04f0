# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The networks of the cluster: which addresses there are, and which of them nodes may get."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, Mapping, Sequence

from ..errors import Conflict, DescriptionError, NotFound
from .addressing import ip_address, network_of, subnet, to_number
from .database import Database
from .model import Network, RowChange

PRIVATE = "private"
KINDS = (PRIVATE, "public", "management")
MTU = range(576, 65521)  # RFC 791; InfiniBand in connected mode

SELECT = (
    "select id, name, subnet, netmask, gateway, zone, mtu, kind, first, last, pool_first, pool_last, boot"
    " from networks order by id"
)
COLUMNS = Network._fields[1:]
ADDRESSES = ("subnet", "netmask", "gateway", "first", "last", "pool_first", "pool_last")
RANGES = (("first", "last"), ("pool_first", "pool_last"))
NEW = Network(0, "", "", "", "", "", 1500, PRIVATE, "", "", "", "")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ZONE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def list_networks(database: Database) -> list[Network]:
    """All networks, by their ids."""
    kind = Network._fields.index("kind")
    rows = database.rows(SELECT)
    return [Network._make((*row[:-1], row[kind] == PRIVATE and row[-1] == "yes")) for row in rows]


def put_network(database: Database, name: str, **given: Any) -> RowChange:
    """Make the network, or give it these values of ``Network``'s fields; what is missing or None stays as it is.

    ``subnet`` may hold the netmask too, as in ``10.0.0.0/8``.

    Raises DescriptionError for what is no network, Conflict when two overlap or a node would be left outside.
    """
    with database.transaction():
        there = list_networks(database)
        before = next((one for one in there if one.name == name), None)
        changes = {
            field: _spelled(field, value)
            for field, value in _split(given).items()
            if value is not None
        }
        after = (before or NEW._replace(name=name))._replace(**changes)
        if given.get("boot") is None and not (before and before.kind == after.kind):
            after = after._replace(boot=after.kind == PRIVATE)
        if after == before:
            return RowChange(before, before)
        others = [one for one in there if one.name != name]
        _check(after)
        _check_overlap(after, others)
        _check_users(database, [*others, after])
        if before:
            assignments = ", ".join(f"{column} = ?" for column in COLUMNS)
            database.execute(
                f"update networks set {assignments} where id = ?", (*_stored(after), after.id)
            )
        else:
            marks = ", ".join("?" * len(COLUMNS))
            number = database.insert(
                f"insert into networks ({', '.join(COLUMNS)}) values ({marks})", _stored(after)
            )
            after = after._replace(id=number)
        return RowChange(before, after)


def remove_network(database: Database, name: str) -> RowChange:
    """Forget the network.  Raises Conflict while a node has an address of it."""
    with database.transaction():
        there = list_networks(database)
        before = next((one for one in there if one.name == name), None)
        if before:
            _check_users(database, [one for one in there if one.name != name])
            used = database.row(
                "select nodes.name, interfaces.name from interfaces join nodes on nodes.id = interfaces.node"
                " where interfaces.network = ? order by 1, 2",
                (before.id,),
            )
            if used:
                raise Conflict(
                    f"interface {used[1]} of {used[0]} is on network {name!r}",
                    "",
                    "remove it first",
                )
            database.execute("delete from networks where id = ?", (before.id,))
        return RowChange(before, None)


def find_network(there: Iterable[Network], name: str) -> Network:
    """The network of that name.  Raises NotFound that lists the known ones."""
    known = {one.name: one for one in there}
    if name not in known:
        raise NotFound(
            f"there is no network {name!r}",
            "",
            f"known: {', '.join(known) or 'none'}; rocks_network describes them",
        )
    return known[name]


def _split(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values with a subnet of the form ``10.0.0.0/8`` taken apart."""
    address, slash, _length = str(given.get("subnet") or "").partition("/")
    if not slash:
        return {**given}
    try:
        net = ipaddress.IPv4Network(given["subnet"])
    except ValueError as error:
        raise DescriptionError(
            f"subnet {given['subnet']!r} is none ({error})", "", "such as 10.0.0.0/8"
        ) from None
    return {**given, "subnet": address, "netmask": str(net.netmask)}


def _spelled(field: str, value: Any) -> Any:
    """A value as the database holds it."""
    return ip_address(value) if field in ADDRESSES and value else value


def _stored(network: Network) -> tuple[Any, ...]:
    """The values of COLUMNS."""
    return (*network[1:-1], "yes" if network.boot else "no")


def _check(network: Network) -> None:
    """Raise DescriptionError for the first thing that is wrong with the network alone."""
    where = f"network {network.name!r}"
    if not _NAME.fullmatch(network.name):
        raise DescriptionError(
            "no name of a network", where, "begin with a letter; a-z, 0-9, _ and -"
        )
    if not network.subnet or not network.netmask:
        raise DescriptionError(
            "a subnet and a netmask are needed", where, "such as 10.0.0.0 and 255.0.0.0"
        )
    net = subnet(network)
    if network.kind not in KINDS:
        raise DescriptionError(f"kind is {network.kind!r}", where, f"one of {', '.join(KINDS)}")
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
            f"zone {network.zone!r} is no DNS name", where, "small letters, such as cluster.local"
        )
    for field in ADDRESSES[2:]:
        ip = getattr(network, field)
        if ip and ipaddress.IPv4Address(ip) not in net:
            raise DescriptionError(
                f"{field} {ip} is outside {net}", where, "take an address of the network"
            )
    for first, last in RANGES:
        _check_range(where, first, getattr(network, first), last, getattr(network, last))


def _check_range(where: str, first: str, low: str, last: str, high: str) -> None:
    if first == "pool_first" and bool(low) != bool(high):
        raise DescriptionError(
            f"{first} and {last} belong together", where, "give both, or neither"
        )
    if low and high and to_number(low) > to_number(high):
        raise DescriptionError(f"{first} {low} is above {last} {high}", where, "turn them round")


def _check_overlap(network: Network, others: Sequence[Network]) -> None:
    net = subnet(network)
    for other in others:
        if net.overlaps(subnet(other)):
            raise Conflict(
                f"{net} overlaps network {other.name!r} ({subnet(other)})",
                f"network {network.name!r}",
                "an address belongs to one network",
            )


def _check_users(database: Database, remaining: Sequence[Network]) -> None:
    """Raise Conflict when a node's address is in none of the remaining networks."""
    outside = [
        f"{name} ({ip})"
        for name, ip in database.rows(
            "select name, ip from nodes where ip is not null"
            " union select nodes.name, interfaces.ip from interfaces join nodes on nodes.id = interfaces.node"
            " where interfaces.ip is not null order by 1, 2"
        )
        if network_of(ip, remaining) is None
    ]
    if outside:
        more = f" and {len(outside) - 5} more" if len(outside) > 5 else ""
        raise Conflict(
            f"outside every network then: {', '.join(outside[:5])}{more}",
            "",
            "give them other addresses first",
        )
