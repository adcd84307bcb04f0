# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every address of the cluster with the name that it goes by: one list for hosts, DHCP, DNS, ssh and nginx."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..cluster.addressing import to_number
from ..cluster.model import Interface, Network, Node

NODE, ETHERNET, BMC = "node", "ethernet", "bmc"


class Address(NamedTuple):
    """An address and whose it is.

    host         the node's name, or ``compute-0-0-bmc`` for a further interface of compute-0-0
    domain_name  the host name with the zone of the network, where that has one
    kind         of the interface, or ``node`` for the first one
    network      the network that it lies in; None for an address of the outside
    """

    ip: str
    mac: str
    host: str
    domain_name: str
    kind: str
    node: Node
    network: Optional[Network]


def list_addresses(
    nodes: Iterable[Node],
    interfaces: Mapping[str, Sequence[Interface]],
    networks: Sequence[Network],
) -> Iterator[Address]:
    """All addresses, node by node; ``interfaces`` are by node.  What has no address yet is not among them."""
    ranges = [
        (to_number(network.netmask), to_number(network.subnet), network) for network in networks
    ]

    def address(ip: str, mac: str, host: str, kind: str, node: Node) -> Address:
        number = to_number(ip)
        network = next(
            (network for mask, subnet, network in ranges if number & mask == subnet), None
        )
        return Address(
            ip,
            mac,
            host,
            f"{host}.{network.zone}" if network and network.zone else host,
            kind,
            node,
            network,
        )

    for node in nodes:
        if node.ip:
            yield address(node.ip, node.mac, node.name, NODE, node)
        for one in interfaces.get(node.name, ()):
            if one.ip:
                yield address(one.ip, one.mac, interface_host(node.name, one.name), one.kind, node)


def interface_host(node: str, interface: str) -> str:
    """The host name of a further interface: a kernel's name may hold dots and colons, which a host name may not."""
    return f"{node}-{re.sub('[^a-z0-9]+', '-', interface.lower()).strip('-')}"
