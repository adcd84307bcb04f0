# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the cluster wants of its DHCP server, whichever one it is: Kea, ISC dhcpd and dnsmasq are told the same.

A machine that is not in the database gets no address, so that its first lease is its own; a network's pool changes
that.  The answer depends on the MAC alone: one machine has several DHCP clients (firmware, iPXE, installer, system)
with a client id each.

A boot file is offered only where a node may boot: on a private network that is not excluded (``boot``) and from which
the frontend can be reached; there to every machine but a BMC.  An address alone is given on every served network.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Mapping, NamedTuple

from ...cluster.addressing import subnet
from ...cluster.model import Network
from ...errors import DescriptionError
from ..addresses import ETHERNET, NODE, Address
from ..frontend_address import frontend_address
from ..model import Site, Snapshot
from ..validators import is_ip, is_mac
from .boot_files import BOOT_CLASSES, HTTP_FOLDER, LOADERS, SCRIPT

SERVED = ("private", "management")
ETHERNET_MTU = 1500
INTERFACE = re.compile(r"[A-Za-z0-9_.:@/-]+")

# The options that all three servers' reports share.
OPTIONS: Mapping[str, Any] = {
    "lease": 43200,  # seconds
    "loader": "grub",
    "nameservers": [],  # empty: the frontend
}


class Reservation(NamedTuple):
    """A known machine: this MAC gets this address and this name.

    is_node  it is the first interface of a node
    no_boot  it is offered no boot file on a network from which others boot
    """

    mac: str
    ip: str
    name: str
    is_node: bool
    no_boot: bool = False


class Subnet(NamedTuple):
    """One network that is served, directly or through a relay.

    server  the frontend as seen from there: the TFTP server (next-server)
    boots   machines are offered a boot file
    pool    the first and the last address that unknown machines get, or nothing
    """

    id: int
    network: str
    netmask: str
    server: str
    gateway: str
    nameservers: tuple[str, ...]
    zone: str
    mtu: int
    pool: tuple[str, ...]
    boots: bool
    reservations: tuple[Reservation, ...]


class Boot(NamedTuple):
    """One kind of firmware and the file that it is told to load."""

    name: str
    architectures: tuple[int, ...]
    http: bool
    file: str


class DhcpIntent(NamedTuple):
    """Everything that a DHCP server is told; ``script`` is what iPXE runs."""

    lease: int
    script: str
    boots: tuple[Boot, ...]
    subnets: tuple[Subnet, ...]


def build_intent(snapshot: Snapshot, site: Site) -> DhcpIntent:
    """What DHCP is to do.  Raises DescriptionError with every address that lies in no network."""
    options = site.options
    if options["loader"] not in LOADERS:
        raise DescriptionError(
            f"loader is {options['loader']!r}", "", f"one of {', '.join(LOADERS)}"
        )
    by_network: dict[int, list[Address]] = {}
    outside = []
    for one in snapshot.addresses:
        if one.network is None:
            outside.append(f"{one.ip} of {one.host}")
        elif is_mac(one.mac):  # an InfiniBand port is no Ethernet client
            by_network.setdefault(one.network.id, []).append(one)
    if outside:
        raise DescriptionError(
            f"outside every network: {', '.join(outside)}", "", "add the network: rocks_network"
        )
    return DhcpIntent(
        options["lease"],
        site.url + SCRIPT,
        tuple(_boot(site, row) for row in BOOT_CLASSES),
        tuple(
            _subnet(net, snapshot, site, by_network.get(net.id, []))
            for net in snapshot.networks
            if net.kind in SERVED
        ),
    )


def listen_interfaces(site: Site) -> list[str]:
    """Where the server listens.  Raises DescriptionError when nobody said: it must not be the public side."""
    names = [str(name) for name in site.options["interfaces"]]
    if not names or not all(INTERFACE.fullmatch(name) for name in names):
        raise DescriptionError(
            f"interfaces is {names}",
            "",
            "name the interfaces of the private side: interfaces: [eth1]",
        )
    return names


def _reservation(one: Address, boots: bool) -> Reservation:
    no_boot = boots and one.kind not in (NODE, ETHERNET)
    return Reservation(
        mac=one.mac, ip=one.ip, name=one.host, is_node=one.kind == NODE, no_boot=no_boot
    )


def _boot(site: Site, row: Any) -> Boot:
    file = getattr(row, site.options["loader"])
    return Boot(
        row.name,
        row.architectures,
        row.http,
        f"{site.url}{HTTP_FOLDER}{file}" if row.http else file,
    )


def _subnet(network: Network, snapshot: Snapshot, site: Site, served: list[Address]) -> Subnet:
    server = frontend_address(network, snapshot, site)
    boots = network.boot and _reaches(network, server)
    nameservers = tuple(site.options["nameservers"]) or ((server,) if server else ())
    for ip in nameservers:
        if not is_ip(ip):
            raise DescriptionError(f"the name server {ip!r} is no IPv4 address")
    return Subnet(
        network.id,
        str(subnet(network)),
        network.netmask,
        server,
        network.gateway,
        nameservers,
        network.zone,
        network.mtu if network.mtu != ETHERNET_MTU else 0,
        (network.pool_first, network.pool_last) if network.pool_first else (),
        boots,
        tuple(_reservation(one, boots) for one in served),
    )


def _reaches(network: Network, server: str) -> bool:
    """Whether a machine of the network can reach the frontend: directly, or through a gateway."""
    return bool(server) and (
        bool(network.gateway) or ipaddress.IPv4Address(server) in subnet(network)
    )
