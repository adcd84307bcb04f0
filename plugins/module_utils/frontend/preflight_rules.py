# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules that a machine must satisfy to become a frontend.  Pure: facts in, faults out.

A frontend that answers DHCP on the wrong side disturbs other networks, so that doubtful settings
are refused.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Iterator, Optional, Union

from ..cluster.naming import name_fault
from ..errors import Conflict, DescriptionError, NotFound, Refused, RocksError
from .model import FrontendSettings, HostFacts, Route

_ZONE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
# Nodes mount the folder of home directories, which must not be one of the operating system.
SYSTEM_FOLDERS = re.compile(r"/|/(bin|boot|dev|etc|lib|lib64|proc|root|run|sbin|sys|tmp|usr|var)")
MAX_PREFIX_LENGTH = 30  # network, frontend, one node, broadcast


def find_faults(settings: FrontendSettings, host: HostFacts) -> list[RocksError]:
    """Return all faults in the order of the role's variables; empty if there is none."""
    network = _parse_network(settings.subnet)
    if isinstance(network, RocksError):
        faults: list[RocksError] = [network]
    else:
        faults = [
            *_address_faults(settings, host, network),
            *_overlap_faults(settings, host, network),
        ]
    return [
        *_interface_faults(settings, host),
        *faults,
        *_name_faults(settings),
        *_folder_faults(settings, host),
    ]


def _parse_network(subnet: str) -> Union[ipaddress.IPv4Network, RocksError]:
    where = "frontend_private_subnet"
    hint = "use a network such as 10.0.0.0/8"
    try:
        network = ipaddress.IPv4Network(subnet)
    except ValueError as error:
        return DescriptionError(f"{subnet!r} is not a valid network ({error})", where, hint)
    if (
        network.prefixlen > MAX_PREFIX_LENGTH
        or network.prefixlen == 0
        or network.is_multicast
        or network.is_loopback
    ):
        return DescriptionError(f"{network} cannot be the network of a cluster", where, hint)
    return network


def _interface_faults(settings: FrontendSettings, host: HostFacts) -> Iterator[RocksError]:
    where = "frontend_private_interface"
    if settings.interface not in host.addresses:
        hint = f"use one of: {', '.join(sorted(host.addresses)) or 'none'}"
        yield NotFound(f"unknown interface {settings.interface!r}", where, hint)
    elif any(
        route.interface == settings.interface and route.network.prefixlen == 0
        for route in host.routes
    ):
        yield Refused(
            f"{settings.interface} has the default route; DHCP must not answer there",
            where,
            "use the interface of the private side",
        )
    if host.servers:
        yield Conflict(
            f"another DHCP server answers on {settings.interface} ({', '.join(host.servers)})",
            where,
            "stop it, use another interface, or set frontend_dhcp=none to keep it",
        )


def _address_faults(
    settings: FrontendSettings, host: HostFacts, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    where = "frontend_private_address"
    try:
        address = ipaddress.IPv4Address(settings.address)
    except ValueError:
        what = f"{settings.address!r} is not a valid address"
        yield DescriptionError(what, where, "use the form 10.1.1.1")
        return
    if address not in network or address in (network.network_address, network.broadcast_address):
        what = f"{address} is not a host address in {network}"
        yield DescriptionError(what, where, "use an address of the subnet")
    elif settings.interface in host.addresses:
        yield from _configuration_faults(settings, host, address, network)


def _configuration_faults(
    settings: FrontendSettings,
    host: HostFacts,
    address: ipaddress.IPv4Address,
    network: ipaddress.IPv4Network,
) -> Iterator[RocksError]:
    """Check that the interface has the address, and that all nodes are in its network."""
    where = "frontend_private_address"
    configured = host.addresses[settings.interface]
    assigned: Optional[ipaddress.IPv4Interface] = next(
        (candidate for candidate in configured if candidate.ip == address), None
    )
    if assigned is None:
        present = ", ".join(map(str, configured)) or "none"
        yield NotFound(
            f"{settings.interface} does not have the address {address} (it has: {present})",
            where,
            f"configure {address}/{network.prefixlen} first, or use an address that it has",
        )
    elif not network.subnet_of(assigned.network):
        yield Conflict(
            f"{settings.interface} has {assigned}, and {network} is wider:"
            " some nodes would not be reached through it",
            where,
            f"configure {address}/{network.prefixlen},"
            f" or set frontend_private_subnet={assigned.network}",
        )


def _overlap_faults(
    settings: FrontendSettings, host: HostFacts, network: ipaddress.IPv4Network
) -> Iterator[RocksError]:
    if settings.interface not in host.addresses:
        return
    connected = {
        Route(address.network, interface)
        for interface, addresses in host.addresses.items()
        for address in addresses
    } | set(host.routes)
    for route in sorted(connected, key=lambda route: (route.interface, route.network)):
        if (
            route.interface != settings.interface
            and route.network.prefixlen
            and route.network.overlaps(network)
        ):
            yield Conflict(
                f"{network} overlaps {route.network}, which is reached through {route.interface}",
                "frontend_private_subnet",
                "use a network that does not exist elsewhere",
            )


def _name_faults(settings: FrontendSettings) -> Iterator[RocksError]:
    fault = name_fault(settings.name, {})
    if fault:
        yield DescriptionError(fault, "frontend_name", "use a name such as frontend-0")
    if not _ZONE.fullmatch(settings.zone):
        what = f"{settings.zone!r} is not a valid DNS name"
        hint = "use lower-case letters, for example cluster.local"
        yield DescriptionError(what, "frontend_zone", hint)


def _folder_faults(settings: FrontendSettings, host: HostFacts) -> Iterator[RocksError]:
    if host.free < settings.space:
        yield Refused(
            f"only {host.free} MiB are free for {settings.folder};"
            f" frontend_space requires {settings.space} MiB",
            "frontend_distributions",
            "use a folder of a larger file system, or set frontend_space",
        )
    homes = settings.homes
    if homes and (not os.path.isabs(homes) or SYSTEM_FOLDERS.fullmatch(os.path.normpath(homes))):
        what = f"{homes!r} is not a folder for home directories"
        hint = "use a folder such as /export/home, or an empty text for none"
        yield DescriptionError(what, "frontend_homes", hint)
