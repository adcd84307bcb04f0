# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build the forward and reverse zones of the cluster, for any name server."""

from __future__ import annotations

from typing import Container, NamedTuple, Sequence

from ...cluster.model import Network
from ...cluster.networking.addressing import subnet
from ...errors import DescriptionError, RocksError
from ..frontend_address import frontend_address
from ..model import Site, Snapshot

ARPA = "in-addr.arpa"


class Zone(NamedTuple):
    """A zone with its records."""

    name: str
    server: str
    """The domain name of the frontend, which serves the zone; empty if it has no address."""
    records: tuple[tuple[str, str], ...]
    """Pairs of a label and an address, or a domain name in a reverse zone."""


def forward_zones(snapshot: Snapshot, site: Site) -> list[Zone]:
    """Return one zone for each zone name of the networks."""
    names = sorted({network.zone for network in snapshot.networks if network.zone})
    return [_forward(name, snapshot, site) for name in names]


def reverse_zones(snapshot: Snapshot, site: Site) -> list[Zone]:
    """Return the reverse zones of the addresses with a name in a forward zone; no empty ones."""
    servers: dict[str, str] = {}
    for network in snapshot.networks:
        if network.zone:
            server = _server(network, snapshot, site).name
            server = f"{server}.{network.zone}" if server else ""
            for origin in reverse_origins(network):
                servers[origin] = servers.get(origin) or server
    zones: dict[str, list[tuple[str, str]]] = {}
    for address in snapshot.addresses:
        if address.network and address.network.zone:
            label, origin = _split_address(address.ip, servers)
            zones.setdefault(origin, []).append((label, address.domain_name))
    return [Zone(name, servers[name], tuple(records)) for name, records in sorted(zones.items())]


def without_server(snapshot: Snapshot, site: Site) -> list[RocksError]:
    """Return an error for each zone that has no name server with an address."""
    return [
        DescriptionError(
            f"no name server for the zone {zone.name!r}",
            "",
            "give the frontend an address in a network of the zone with rocks_node, or set `url` in"
            " rocks.yml to its address",
        )
        for zone in forward_zones(snapshot, site)
        if not zone.server
    ]


def reverse_origins(network: Network) -> list[str]:
    """Return the reverse zones of a network.

    10.0.0.0/8 is 10.in-addr.arpa; 10.0.4.0/22 is four zones of 256 addresses; 10.0.0.64/26 is a
    part of one zone.
    """
    cidr = subnet(network)
    octets = min(3, max(1, -(-cidr.prefixlen // 8)))
    parts = cidr.subnets(new_prefix=octets * 8) if cidr.prefixlen < octets * 8 else [cidr]
    return [_origin(str(part.network_address).split(".")[:octets]) for part in parts]


def _split_address(ip: str, origins: Container[str]) -> tuple[str, str]:
    """Return the label of an address in the narrowest zone that contains it, and that zone."""
    octets = ip.split(".")
    count = next(count for count in (3, 2, 1) if _origin(octets[:count]) in origins)
    return ".".join(octets[: count - 1 : -1]), _origin(octets[:count])


def _origin(octets: Sequence[str]) -> str:
    return ".".join([*octets[::-1], ARPA])


def _forward(name: str, snapshot: Snapshot, site: Site) -> Zone:
    servers = [
        _server(network, snapshot, site) for network in snapshot.networks if network.zone == name
    ]
    server, ip = next((row for row in servers if row.ip), servers[0])
    records = [
        (address.host, address.ip)
        for address in snapshot.addresses
        if address.network and address.network.zone == name
    ]
    extra = () if not ip or (server, ip) in records else ((server, ip),)
    return Zone(name, f"{server}.{name}" if ip else "", (*extra, *records))


class _Server(NamedTuple):
    name: str
    ip: str


def _server(network: Network, snapshot: Snapshot, site: Site) -> _Server:
    """Return the frontend's name within the zone of ``network`` and its address there, or empty."""
    ip = frontend_address(network, snapshot, site)
    if not ip:
        return _Server("", "")
    hosts = (
        address.host
        for address in snapshot.addresses
        if address.ip == ip and address.network == network
    )
    return _Server(next(hosts, "ns"), ip)
