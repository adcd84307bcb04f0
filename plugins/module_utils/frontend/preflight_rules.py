# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands against a machine becoming a frontend.  Pure: a settings and a machine in, everything that is wrong out.

A frontend that answers DHCP on the wrong side does harm to others, so that in doubt it is refused.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Iterator, Optional

from ..cluster.naming import name_fault
from ..errors import Conflict, DescriptionError, NotFound, Refused, RocksError
from .model import FrontendSettings, HostFacts, Route

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


def find_faults(settings: FrontendSettings, host: HostFacts) -> list[RocksError]:
    """Everything that is wrong, in the order of the variables; nothing when the machine can be the frontend."""
    network = _network(settings.subnet)
    if isinstance(network, RocksError):
        found = [network]
    else:
        found = [*_of_address(settings, host, network), *_of_others(settings, host, network)]
    return [
        *_of_interface(settings, host),
        *found,
        *_of_names(settings),
        *_of_folders(settings, host),
    ]


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


def _of_interface(settings: FrontendSettings, host: HostFacts) -> Iterator[RocksError]:
    where = "frontend_private_interface"
    if settings.interface not in host.addresses:
        known = ", ".join(sorted(host.addresses)) or "none"
        yield NotFound(
            f"there is no interface {settings.interface!r}", where, f"the machine has: {known}"
        )
    elif any(
        route.interface == settings.interface and route.network.prefixlen == 0
        for route in host.routes
    ):
        yield Refused(
            f"{settings.interface} is the way to the outside, and DHCP must not answer there",
            where,
            "name the interface of the private side",
        )
    if host.servers:
        yield Conflict(
            f"on {settings.interface} another DHCP server answers ({', '.join(host.servers)})",
            where,
            "switch it off, name another interface, or leave DHCP to it: frontend_dhcp=none",
        )


def _of_address(
    settings: FrontendSettings, host: HostFacts, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    where = "frontend_private_address"
    try:
        address = ipaddress.IPv4Address(settings.address)
    except ValueError:
        yield DescriptionError(f"{settings.address!r} is no address", where, "such as 10.1.1.1")
        return
    if address not in network or address in (network.network_address, network.broadcast_address):
        yield DescriptionError(
            f"{address} is no host's address in {network}", where, "take one of the subnet"
        )
    elif settings.interface in host.addresses:
        yield from _of_configured(settings, host, address, network)


def _of_configured(
    settings: FrontendSettings,
    host: HostFacts,
    address: ipaddress.IPv4Address,
    network: ipaddress.IPv4Network,
) -> Iterator[RocksError]:
    """The interface must have the address already, and reach every node through it."""
    where, there = "frontend_private_address", host.addresses[settings.interface]
    own: Optional[ipaddress.IPv4Interface] = next((one for one in there if one.ip == address), None)
    if own is None:
        has = ", ".join(map(str, there)) or "none"
        yield NotFound(
            f"{settings.interface} has not the address {address} (it has: {has})",
            where,
            f"give it {address}/{network.prefixlen} first, or name the address that it has",
        )
    elif not network.subnet_of(own.network):
        yield Conflict(
            f"{settings.interface} has {own}, and {network} is wider: nodes would be looked for elsewhere",
            where,
            f"give it {address}/{network.prefixlen}, or set frontend_private_subnet={own.network}",
        )


def _of_others(
    settings: FrontendSettings, host: HostFacts, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    if settings.interface not in host.addresses:
        return
    connected = {
        Route(one.network, interface)
        for interface, there in host.addresses.items()
        for one in there
    } | set(host.routes)
    for route in sorted(connected, key=lambda route: (route.interface, route.network)):
        if (
            route.interface != settings.interface
            and route.network.prefixlen
            and route.network.overlaps(network)
        ):
            yield Conflict(
                f"{network} overlaps {route.network}, which is reached by {route.interface}",
                "frontend_private_subnet",
                "take a network that is nowhere else",
            )


def _of_names(settings: FrontendSettings) -> Iterator[RocksError]:
    fault = name_fault(settings.name, {})
    if fault:
        yield DescriptionError(fault, "frontend_name", "such as frontend-0")
    if not _ZONE.fullmatch(settings.zone):
        yield DescriptionError(
            f"{settings.zone!r} is no DNS name",
            "frontend_zone",
            "small letters, such as cluster.local",
        )


def _of_folders(settings: FrontendSettings, host: HostFacts) -> Iterator[RocksError]:
    if host.free < settings.space:
        yield Refused(
            f"{host.free} MiB are free where {settings.folder} goes, and {settings.space} are asked for (frontend_space)",
            "frontend_distributions",
            "name a folder of a larger file system, or set frontend_space",
        )
    if settings.homes and (
        not os.path.isabs(settings.homes) or os.path.normpath(settings.homes) in SYSTEM
    ):
        yield DescriptionError(
            f"nodes would mount {settings.homes!r}, which is no folder of home directories",
            "frontend_homes",
            "such as /export/home; empty for none",
        )
