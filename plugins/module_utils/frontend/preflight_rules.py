# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands against a machine becoming a frontend.  Pure: a wish and a machine in, everything that is wrong out.

A frontend that answers DHCP on the wrong side does harm to others, so that in doubt it is refused.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Iterator, Optional

from ..cluster.naming import name_fault
from ..errors import Conflict, DescriptionError, NotFound, Refused, RocksError
from .model import Machine, Route, Wish

_ZONE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
# Nodes mount what they are given: never a folder of the operating system.
SYSTEM = frozenset(
    (
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib64",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
        "/tmp",
        "/usr",
    )
) | {"/var"}
LONGEST_PREFIX = 30  # network, frontend, one node, broadcast


def faults(wish: Wish, machine: Machine) -> list[RocksError]:
    """Everything that is wrong, in the order of the variables; nothing when the machine can be the frontend."""
    network = _network(wish.subnet)
    if isinstance(network, RocksError):
        found = [network]
    else:
        found = [*_of_address(wish, machine, network), *_of_others(wish, machine, network)]
    return [*_of_interface(wish, machine), *found, *_of_names(wish), *_of_folders(wish, machine)]


def _network(subnet: str) -> ipaddress.IPv4Network | RocksError:
    where, hint = "frontend_private_subnet", "such as 10.0.0.0/8"
    try:
        network = ipaddress.IPv4Network(subnet)
    except ValueError as error:
        return DescriptionError(f"{subnet!r} is no network ({error})", where, hint)
    if (
        network.prefixlen > LONGEST_PREFIX
        or network.prefixlen == 0
        or network.is_multicast
        or network.is_loopback
    ):
        return DescriptionError(f"{network} cannot hold a cluster", where, hint)
    return network


def _of_interface(wish: Wish, machine: Machine) -> Iterator[RocksError]:
    where = "frontend_private_interface"
    if wish.interface not in machine.addresses:
        known = ", ".join(sorted(machine.addresses)) or "none"
        yield NotFound(
            f"there is no interface {wish.interface!r}", where, f"the machine has: {known}"
        )
    elif any(
        route.interface == wish.interface and route.network.prefixlen == 0
        for route in machine.routes
    ):
        yield Refused(
            f"{wish.interface} is the way to the outside, and DHCP must not answer there",
            where,
            "name the interface of the private side",
        )
    if machine.servers:
        yield Conflict(
            f"on {wish.interface} another DHCP server answers ({', '.join(machine.servers)})",
            where,
            "switch it off, name another interface, or leave DHCP to it: frontend_dhcp=none",
        )


def _of_address(
    wish: Wish, machine: Machine, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    where = "frontend_private_address"
    try:
        address = ipaddress.IPv4Address(wish.address)
    except ValueError:
        yield DescriptionError(f"{wish.address!r} is no address", where, "such as 10.1.1.1")
        return
    if address not in network or address in (network.network_address, network.broadcast_address):
        yield DescriptionError(
            f"{address} is no host's address in {network}", where, "take one of the subnet"
        )
    elif wish.interface in machine.addresses:
        yield from _of_configured(wish, machine, address, network)


def _of_configured(
    wish: Wish, machine: Machine, address: ipaddress.IPv4Address, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    """The interface must have the address already, and reach every node through it."""
    where, there = "frontend_private_address", machine.addresses[wish.interface]
    own: Optional[ipaddress.IPv4Interface] = next((one for one in there if one.ip == address), None)
    if own is None:
        has = ", ".join(map(str, there)) or "none"
        yield NotFound(
            f"{wish.interface} has not the address {address} (it has: {has})",
            where,
            f"give it {address}/{network.prefixlen} first, or name the address that it has",
        )
    elif not network.subnet_of(own.network):
        yield Conflict(
            f"{wish.interface} has {own}, and {network} is wider: nodes would be looked for elsewhere",
            where,
            f"give it {address}/{network.prefixlen}, or set frontend_private_subnet={own.network}",
        )


def _of_others(
    wish: Wish, machine: Machine, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    if wish.interface not in machine.addresses:
        return
    connected = {
        Route(one.network, interface)
        for interface, there in machine.addresses.items()
        for one in there
    } | set(machine.routes)
    for route in sorted(connected, key=lambda route: (route.interface, route.network)):
        if (
            route.interface != wish.interface
            and route.network.prefixlen
            and route.network.overlaps(network)
        ):
            yield Conflict(
                f"{network} overlaps {route.network}, which is reached by {route.interface}",
                "frontend_private_subnet",
                "take a network that is nowhere else",
            )


def _of_names(wish: Wish) -> Iterator[RocksError]:
    fault = name_fault(wish.name, {})
    if fault:
        yield DescriptionError(fault, "frontend_name", "such as frontend-0")
    if not _ZONE.fullmatch(wish.zone):
        yield DescriptionError(
            f"{wish.zone!r} is no DNS name", "frontend_zone", "small letters, such as cluster.local"
        )


def _of_folders(wish: Wish, machine: Machine) -> Iterator[RocksError]:
    if machine.free < wish.space:
        yield Refused(
            f"{machine.free} MiB are free where {wish.folder} goes, and {wish.space} are asked for (frontend_space)",
            "frontend_distributions",
            "name a folder of a larger file system, or set frontend_space",
        )
    if wish.homes and (not os.path.isabs(wish.homes) or os.path.normpath(wish.homes) in SYSTEM):
        yield DescriptionError(
            f"nodes would mount {wish.homes!r}, which is no folder of home directories",
            "frontend_homes",
            "such as /export/home; empty for none",
        )
