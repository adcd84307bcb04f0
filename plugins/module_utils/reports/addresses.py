# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every address of the cluster with the name that it goes by: one list for hosts, DHCP, DNS, ssh and nginx."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from ..cluster.addressing import network_of, to_number
from ..cluster.model import Network, Node
from .model import Site, Snapshot

FRONTEND = "frontend"
NODE, BMC = "node", "bmc"


class Address(NamedTuple):
    """An address and whose it is.

    host     the node's name, or ``compute-0-0-bmc`` for a further interface of compute-0-0
    kind     of the interface, or ``node`` for the first one
    network  the network that it lies in; None for an address of the outside
    """

    ip: str
    mac: str
    host: str
    kind: str
    node: Node
    network: Optional[Network]

    @property
    def domain_name(self) -> str:
        """With the zone of its network, where that has one."""
        return f"{self.host}.{self.network.zone}" if self.network and self.network.zone else self.host


def addresses(snapshot: Snapshot) -> list[Address]:
    """All addresses, node by node; what has no address yet is not among them."""
    further = snapshot.interfaces_of()
    found = []
    for node in snapshot.nodes:
        if node.ip:
            found.append(Address(node.ip, node.mac, node.name, NODE, node, network_of(node.ip, snapshot.networks)))
        for one in further.get(node.name, ()):
            if one.ip:
                host, network = interface_host(node.name, one.name), network_of(one.ip, snapshot.networks)
                found.append(Address(one.ip, one.mac, host, one.kind, node, network))
    return found


def interface_host(node: str, interface: str) -> str:
    """The host name of a further interface: a kernel's name may hold dots and colons, which a host name may not."""
    return f"{node}-{re.sub('[^a-z0-9]+', '-', interface.lower()).strip('-')}"


def server_address(network: Network, snapshot: Snapshot, site: Site) -> str:
    """Where nodes of ``network`` reach the frontend: its address there, else the one that all nodes are given."""
    frontends = sorted((node for node in snapshot.nodes if node.appliance == FRONTEND), key=lambda node: node.id)
    names = [node.name for node in frontends]
    candidates = [node.ip for node in frontends] + [one.ip for one in snapshot.interfaces if one.node in names]
    for ip in filter(None, candidates):
        if to_number(ip) & to_number(network.netmask) == to_number(network.subnet):
            return ip
    return site.server
