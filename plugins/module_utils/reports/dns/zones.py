# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which zones the cluster's names and addresses make, forward and reverse; for any name server."""

from __future__ import annotations

from typing import Container, NamedTuple, Sequence

from ...cluster.addressing import subnet
from ...cluster.model import Network
from ...errors import DescriptionError
from ..addresses import Address
from ..frontend_address import frontend_address
from ..model import Site, Snapshot

ARPA = "in-addr.arpa"


class Zone(NamedTuple):
    """A zone and its records: for each name within it an address, or for a reverse zone a name.

    server  the domain name of the frontend, which serves it
    """

    name: str
    server: str
    records: tuple[tuple[str, str], ...]


def forward_zones(snapshot: Snapshot, site: Site) -> list[Zone]:
    """One zone for each name that networks have as theirs."""
    names = sorted({network.zone for network in snapshot.networks if network.zone})
    everything = snapshot.addresses
    return [_forward(name, everything, snapshot, site) for name in names]


def reverse_zones(snapshot: Snapshot, site: Site) -> list[Zone]:
    """The zones of the addresses that have a name in a forward zone; one that would be empty is left out."""
    everything = snapshot.addresses
    servers: dict[str, str] = {}
    for network in snapshot.networks:
        if network.zone:
            server = _server(network, everything, snapshot, site)[0]
            servers.update(
                (origin, f"{server}.{network.zone}")
                for origin in reverse_origins(network)
                if origin not in servers
            )
    zones: dict[str, list[tuple[str, str]]] = {}
    for one in everything:
        if one.network and one.network.zone:
            label, origin = _within(one.ip, servers)
            zones.setdefault(origin, []).append((label, one.domain_name))
    return [Zone(name, servers[name], tuple(records)) for name, records in sorted(zones.items())]


def reverse_origins(network: Network) -> list[str]:
    """10.0.0.0/8 is 10.in-addr.arpa; 10.0.4.0/22 is four zones of 256 addresses; 10.0.0.64/26 lies within one."""
    net = subnet(network)
    octets = min(3, max(1, -(-net.prefixlen // 8)))
    parts = net.subnets(new_prefix=octets * 8) if net.prefixlen < octets * 8 else [net]
    return [_name(str(part.network_address).split(".")[:octets]) for part in parts]


def _within(ip: str, origins: Container[str]) -> tuple[str, str]:
    """The label of an address, and the narrowest of the zones that hold it."""
    octets = ip.split(".")
    count = next(count for count in (3, 2, 1) if _name(octets[:count]) in origins)
    return ".".join(octets[: count - 1 : -1]), _name(octets[:count])


def _name(octets: Sequence[str]) -> str:
    return ".".join([*octets[::-1], ARPA])


def _forward(name: str, everything: Sequence[Address], snapshot: Snapshot, site: Site) -> Zone:
    network = next(network for network in snapshot.networks if network.zone == name)
    server, ip = _server(network, everything, snapshot, site)
    records = [(one.host, one.ip) for one in everything if one.network and one.network.zone == name]
    extra = () if (server, ip) in records else ((server, ip),)
    return Zone(name, f"{server}.{name}", (*extra, *records))


def _server(
    network: Network, everything: Sequence[Address], snapshot: Snapshot, site: Site
) -> tuple[str, str]:
    """The name of the frontend within the zone of ``network``, and its address."""
    ip = frontend_address(network, snapshot, site)
    if not ip:
        raise DescriptionError(
            f"no name server for the zone {network.zone!r}",
            "",
            "give the frontend an address in its network: rocks_node",
        )
    host = next((one.host for one in everything if one.ip == ip and one.network == network), "")
    return (host or "ns"), ip
