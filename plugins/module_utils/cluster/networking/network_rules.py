# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules for a network: its own values, its neighbours, and the addresses that are in use on it.

A row that broke one of them would be rejected later, by a DHCP or name server or by an allocation.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Mapping, NamedTuple, Optional, Sequence, get_args

from ...errors import Conflict, DescriptionError
from ..database import Database
from ..frontend_protection import ADDRESS, BY_ATTRIBUTE
from ..model import FRONTEND, Network, NetworkKind
from ..naming import MAX_HOST_NAME, NETWORK_ATTRIBUTE
from ..values.scoped_values import values_by_appliance
from .addressing import address_fault, can_be_gateway, ip_address, network_of, subnet, to_number

PRIVATE = "private"
KINDS: tuple[NetworkKind, ...] = get_args(NetworkKind)
MTU = range(576, 65521)  # RFC 791; InfiniBand in connected mode
MAX_LISTED = 5

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ZONE = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MAX_ZONE = 253 - 1 - MAX_HOST_NAME  # a host name with its zone has at most 253 (RFC 1035, 2.3.4)
# Reverse zones, and names that resolvers answer themselves (RFC 6761).
_SPECIAL_ZONE = re.compile(r"(.*\.)?(arpa|localhost|invalid)")
_UNICAST = range(1, 224)  # first octets (RFC 1112, 4)
# Every machine has it.  Other parts of 127.0.0.0/8 are a network of one machine, as in the demo.
_LOCALHOST = ipaddress.IPv4Address("127.0.0.1")
_SHORTEST_PREFIX = 8
_SHORTEST_WITHOUT_BROADCAST = 31  # RFC 3021

IN_USE = (
    "select nodes.name, nodes.ip, appliances.name, appliances.root from nodes"
    " join memberships on memberships.id = nodes.membership"
    " join appliances on appliances.id = memberships.appliance where nodes.ip is not null"
    " union all select nodes.name || '/' || interfaces.name, interfaces.ip, appliances.name,"
    " appliances.root from interfaces join nodes on nodes.id = interfaces.node"
    " join memberships on memberships.id = nodes.membership"
    " join appliances on appliances.id = memberships.appliance where interfaces.ip is not null"
    " order by 1, 2"
)


class _AddressInUse(NamedTuple):
    owner: str
    """A node, or an interface as ``node/interface``."""
    ip: str
    appliance: str
    root: str
    """The root of the appliance."""


def check_network(network: Network) -> None:
    """Raise DescriptionError for the first value of this network that is not valid."""
    where = f"network {network.name!r}"
    if not _NAME.fullmatch(network.name):
        hint = "begin with a letter; use a-z, 0-9, _ and -"
        raise DescriptionError("the name is not valid", where, hint)
    if not network.subnet or not network.netmask:
        hint = "set subnet=10.0.0.0/8, for example"
        raise DescriptionError("subnet or netmask is missing", where, hint)
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
    check_zone(network)
    check_subnet(network)
    check_gateway(network)
    check_range(network)
    check_pool(network)


def check_zone(network: Network) -> None:
    """Raise DescriptionError if a name server could not serve the zone."""
    where = f"network {network.name!r}"
    zone = network.zone
    if not zone:
        return
    if not _ZONE.fullmatch(zone) or len(zone) > _MAX_ZONE:
        raise DescriptionError(
            f"zone {zone!r} is not a valid DNS name",
            where,
            f"use lower case and at most {_MAX_ZONE} characters, as in cluster.local",
        )
    if _SPECIAL_ZONE.fullmatch(zone):
        raise DescriptionError(
            f"zone {zone!r} has a special meaning in DNS (RFC 6761)",
            where,
            "use another name, such as cluster.local; reverse zones are made from the subnet",
        )


def check_subnet(network: Network) -> None:
    """Raise DescriptionError unless the subnet consists of unicast addresses."""
    where = f"network {network.name!r}"
    net = subnet(network)
    if network.netmask != str(net.netmask):  # the standard library also accepts its complement
        raise DescriptionError(
            f"netmask {network.netmask} is not valid", where, f"write {net.netmask}"
        )
    first_octet = int(net.network_address) >> 24
    if net.prefixlen < _SHORTEST_PREFIX or first_octet not in _UNICAST or _LOCALHOST in net:
        raise DescriptionError(
            f"{net} is not a subnet of unicast addresses",
            where,
            "use a subnet of 1.0.0.0 to 223.255.255.255 without 127.0.0.1, with a prefix of at"
            f" least {_SHORTEST_PREFIX} bits",
        )


def check_gateway(network: Network) -> None:
    """Raise DescriptionError if the gateway is not the address of a host of the network."""
    if network.gateway:
        _check_field(network, "gateway", for_hosts=True)


def check_range(network: Network) -> None:
    """Raise DescriptionError unless ``first`` and ``last`` are a range of the network."""
    for field in ("first", "last"):
        if getattr(network, field):
            _check_field(network, field)
    _check_order(network, "first", "last")


def check_pool(network: Network) -> None:
    """Raise DescriptionError unless the pool is a range of hosts without the gateway."""
    where = f"network {network.name!r}"
    if bool(network.pool_first) != bool(network.pool_last):
        raise DescriptionError(
            "pool_first and pool_last require each other", where, "set both, or neither"
        )
    if not network.pool_first:
        return
    _check_field(network, "pool_first", for_hosts=True)
    _check_field(network, "pool_last", for_hosts=True)
    _check_order(network, "pool_first", "pool_last")
    if network.gateway and address_fault(network.gateway, [network], may_be_gateway=True):
        raise DescriptionError(
            f"gateway {network.gateway} is in the DHCP pool"
            f" ({network.pool_first} to {network.pool_last})",
            where,
            "set pool_first and pool_last to a range without the gateway",
        )


def _check_field(network: Network, field: str, *, for_hosts: bool = False) -> None:
    """Raise DescriptionError unless this address is in the network.

    for_hosts  it must not be the network or broadcast address either
    """
    where = f"network {network.name!r}"
    net = subnet(network)
    ip = ip_address(getattr(network, field))
    if ipaddress.IPv4Address(ip) not in net:
        raise DescriptionError(
            f"{field} {ip} is outside {net}", where, "use an address of the network"
        )
    own = {str(net.network_address): "network", str(net.broadcast_address): "broadcast"}
    if for_hosts and ip in own and net.prefixlen < _SHORTEST_WITHOUT_BROADCAST:
        what = f"{field} {ip} is the {own[ip]} address of {net}"
        raise DescriptionError(what, where, f"use {net[1]} to {net[-2]}")


def _check_order(network: Network, first: str, last: str) -> None:
    low = getattr(network, first)
    high = getattr(network, last)
    if low and high and to_number(low) > to_number(high):
        what = f"{first} {low} is above {last} {high}"
        raise DescriptionError(what, f"network {network.name!r}", "swap them")


def check_overlap(network: Network, others: Sequence[Network]) -> None:
    """Raise Conflict if the network has addresses of another one."""
    net = subnet(network)
    for other in others:
        if net.overlaps(subnet(other)):
            raise Conflict(
                f"{net} overlaps network {other.name!r} ({subnet(other)})",
                f"network {network.name!r}",
                "an address belongs to one network",
            )


def check_addresses_in_use(
    database: Database, before: Sequence[Network], after: Sequence[Network]
) -> None:
    """Raise Conflict for the addresses in use that ``after`` excludes and ``before`` did not.

    An address is excluded that is outside of every network, is in a DHCP pool, or is a network, a
    broadcast or a gateway's address.
    """
    _raise_for(address_faults(database, after), address_faults(database, before))


def check_addresses_of_appliances(
    database: Database, before: Mapping[str, str], networks: Sequence[Network]
) -> None:
    """Raise Conflict for addresses that are not valid since an appliance or membership changed.

    before  the faults before the change; see ``address_faults``
    """
    _raise_for(address_faults(database, networks), before)


def address_faults(database: Database, networks: Sequence[Network]) -> dict[str, str]:
    """Return the faults of addresses in use, by node or ``node/interface``."""
    faults = {row.owner: _fault(row, networks) for row in _addresses_in_use(database)}
    return {owner: fault for owner, fault in faults.items() if fault}


def _raise_for(faults: Mapping[str, str], before: Mapping[str, str]) -> None:
    excluded = [f"{owner} ({fault})" for owner, fault in faults.items() if owner not in before]
    if excluded:
        more = len(excluded) - MAX_LISTED
        listed = ", ".join(excluded[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
        raise Conflict(
            f"these nodes would have no valid address: {listed}",
            "",
            "use another value, or give them other addresses first",
        )


def check_not_allocated_from(database: Database, name: str) -> None:
    """Raise Conflict if an attribute names this network: nodes get their addresses from it."""
    for appliance, value in values_by_appliance(database, NETWORK_ATTRIBUTE).items():
        if value == name:
            scope = f"of appliance {appliance!r} " if appliance else ""
            raise Conflict(
                f"the attribute {NETWORK_ATTRIBUTE!r} {scope}names network {name!r}",
                "",
                "set it to another network first, with rocks_attribute",
            )


def _addresses_in_use(database: Database) -> list[_AddressInUse]:
    """Return the addresses of nodes and interfaces, and that of a frontend without a row."""
    rows = [_AddressInUse(*row) for row in database.rows(IN_USE)]
    with_row = {row.ip for row in rows}
    return rows + [
        _AddressInUse(BY_ATTRIBUTE, ip, FRONTEND, FRONTEND)
        for ip in dict.fromkeys(values_by_appliance(database, ADDRESS).values())
        if ip not in with_row
    ]


def _fault(row: _AddressInUse, networks: Sequence[Network]) -> Optional[str]:
    # The attribute of a frontend that moves to another network still has its old address.
    if row.owner == BY_ATTRIBUTE and not network_of(row.ip, networks):
        return None
    router = can_be_gateway(row.appliance, row.root)
    return address_fault(row.ip, networks, may_be_gateway=router)
