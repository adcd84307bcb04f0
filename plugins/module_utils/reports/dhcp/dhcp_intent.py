# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The intended behaviour of the DHCP server, which Kea, ISC dhcpd and dnsmasq implement equally.

A machine that is not in the database gets no address, so that its first lease is its own, unless
its network has a pool.  The answer depends on the MAC address alone: one machine has several DHCP
clients (firmware, iPXE, installer, system), each with its own client identifier.

A boot file is offered only on networks from which nodes can boot: private ones with ``boot`` from
which the frontend can be reached.  There it is offered to every machine except BMCs.  Addresses are
given on every served network.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Mapping, NamedTuple

from ...cluster.model import Network
from ...cluster.networking.addressing import subnet
from ...errors import DescriptionError, RocksError
from ..addresses import ETHERNET, NODE, Address
from ..frontend_address import frontend_address
from ..model import Site, Snapshot
from ..validators import is_ip, is_mac
from .boot_files import BOOT_CLASSES, HTTP_FOLDER, LOADERS, SCRIPT, BootClass

SERVED = ("private", "management")
ETHERNET_MTU = 1500
INTERFACE = re.compile(r"[A-Za-z0-9_.:@/-]+")

# The options of the reports for all three servers.
OPTIONS: Mapping[str, Any] = {
    "lease": 43200,  # seconds
    "loader": "grub",
    "nameservers": [],  # empty: the frontend
}


class Reservation(NamedTuple):
    """The address and the name of a known machine."""

    mac: str
    ip: str
    name: str
    is_node: bool
    """It is the first interface of a node."""
    no_boot: bool = False
    """It gets no boot file on a network from which others boot."""


class Subnet(NamedTuple):
    """A network that is served, directly or through a relay."""

    id: int
    network: str
    """In CIDR notation."""
    netmask: str
    server: str
    """The frontend's address in this network: the TFTP server (next-server)."""
    gateway: str
    nameservers: tuple[str, ...]
    zone: str
    mtu: int
    """0 if it is the default of Ethernet."""
    pool: tuple[str, ...]
    """The first and the last address for unknown machines, or empty."""
    boots: bool
    """Machines are offered a boot file."""
    reservations: tuple[Reservation, ...]


class Boot(NamedTuple):
    """A kind of firmware and its boot file."""

    name: str
    architectures: tuple[int, ...]
    http: bool
    file: str


class DhcpIntent(NamedTuple):
    """The complete behaviour of a DHCP server."""

    lease: int
    """Seconds."""
    script: str
    """The URL of the script that iPXE runs."""
    boots: tuple[Boot, ...]
    subnets: tuple[Subnet, ...]


def build_intent(snapshot: Snapshot, site: Site) -> DhcpIntent:
    """Return the intended behaviour.

    Addresses outside all networks are left out.  Raises DescriptionError for faulty options.
    """
    options = site.options
    if options["loader"] not in LOADERS:
        hint = f"use one of {', '.join(LOADERS)}"
        raise DescriptionError(f"loader: {options['loader']!r} is not valid", "", hint)
    by_network: dict[int, list[Address]] = {}
    for address in snapshot.addresses:
        if address.network and is_mac(address.mac):  # not an InfiniBand port
            by_network.setdefault(address.network.id, []).append(address)
    return DhcpIntent(
        lease=options["lease"],
        script=site.url + SCRIPT,
        boots=tuple(_boot(site, boot_class) for boot_class in BOOT_CLASSES),
        subnets=tuple(
            _subnet(network, snapshot, site, by_network.get(network.id, []))
            for network in snapshot.networks
            if network.kind in SERVED
        ),
    )


def left_out(snapshot: Snapshot, _site: Site) -> list[RocksError]:
    """Return an error for each address that is outside of all networks."""
    return [
        DescriptionError(
            f"{address.ip} is outside every network, and DHCP does not serve it",
            address.host,
            "add the network with rocks_network, or change the address",
        )
        for address in snapshot.addresses
        if address.network is None
    ]


def listen_interfaces(site: Site) -> list[str]:
    """Return the interfaces on which the server listens.

    Raises DescriptionError if none is set, since it must not listen on the public side.
    """
    names = [str(name) for name in site.options["interfaces"]]
    if not names or not all(INTERFACE.fullmatch(name) for name in names):
        raise DescriptionError(
            f"interfaces: {names} is not valid",
            "",
            "name the interfaces of the private side, for example interfaces: [eth1]",
        )
    return names


def _reservation(address: Address, boots: bool) -> Reservation:
    return Reservation(
        mac=address.mac,
        ip=address.ip,
        name=address.host,
        is_node=address.kind == NODE,
        no_boot=boots and address.kind not in (NODE, ETHERNET),
    )


def _boot(site: Site, boot_class: BootClass) -> Boot:
    file = boot_class.ipxe if site.options["loader"] == "ipxe" else boot_class.grub
    return Boot(
        name=boot_class.name,
        architectures=boot_class.architectures,
        http=boot_class.http,
        file=f"{site.url}{HTTP_FOLDER}{file}" if boot_class.http else file,
    )


def _subnet(network: Network, snapshot: Snapshot, site: Site, addresses: list[Address]) -> Subnet:
    server = frontend_address(network, snapshot, site)
    boots = network.boot and _reaches(network, server)
    nameservers = tuple(site.options["nameservers"]) or ((server,) if server else ())
    for ip in nameservers:
        if not is_ip(ip):
            raise DescriptionError(f"nameservers: {ip!r} is not a valid IPv4 address")
    return Subnet(
        id=network.id,
        network=str(subnet(network)),
        netmask=network.netmask,
        server=server,
        gateway=network.gateway,
        nameservers=nameservers,
        zone=network.zone,
        mtu=network.mtu if network.mtu != ETHERNET_MTU else 0,
        pool=(network.pool_first, network.pool_last) if network.pool_first else (),
        boots=boots,
        reservations=tuple(_reservation(address, boots) for address in addresses),
    )


def _reaches(network: Network, server: str) -> bool:
    """Return whether machines of the network can reach the frontend, directly or by a gateway."""
    return bool(server) and (
        bool(network.gateway) or ipaddress.IPv4Address(server) in subnet(network)
    )
