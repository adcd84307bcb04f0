# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List every address of the cluster with its names, for hosts, DHCP, DNS, ssh and nginx."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..cluster.model import Interface, Network, Node
from ..cluster.naming import interface_host
from ..cluster.networking.addressing import to_number

NODE = "node"
ETHERNET = "ethernet"
BMC = "bmc"


class Address(NamedTuple):
    """An IP address, its interface and its names."""

    ip: str
    mac: str
    host: str
    """The node's name, or ``compute-0-0-bmc`` for a further interface of compute-0-0."""
    domain_name: str
    """The host name with the zone of the network, if it has one."""
    kind: str
    """The interface's kind, or ``node`` for a node's first interface."""
    node: Node
    network: Optional[Network]
    """The network that contains the address, or None."""


def list_addresses(
    nodes: Iterable[Node],
    interfaces: Mapping[str, Sequence[Interface]],
    networks: Sequence[Network],
) -> Iterator[Address]:
    """Yield all addresses, node by node; ``interfaces`` are by node name.

    Interfaces without an IP address are left out.
    """
    ranges = [
        (to_number(network.netmask), to_number(network.subnet), network) for network in networks
    ]

    def find_network(ip: str) -> Optional[Network]:
        number = to_number(ip)
        return next((network for mask, subnet, network in ranges if number & mask == subnet), None)

    def domain_name(host: str, network: Optional[Network]) -> str:
        return f"{host}.{network.zone}" if network and network.zone else host

    for node in nodes:
        if node.ip:
            network = find_network(node.ip)
            yield Address(
                ip=node.ip,
                mac=node.mac,
                host=node.name,
                domain_name=domain_name(node.name, network),
                kind=NODE,
                node=node,
                network=network,
            )
        for interface in interfaces.get(node.name, ()):
            if interface.ip:
                network = find_network(interface.ip)
                host = interface_host(node.name, interface.name)
                yield Address(
                    ip=interface.ip,
                    mac=interface.mac,
                    host=host,
                    domain_name=domain_name(host, network),
                    kind=interface.kind,
                    node=node,
                    network=network,
                )
