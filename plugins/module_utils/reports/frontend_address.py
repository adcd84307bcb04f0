# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the address of the frontend in a network."""

from __future__ import annotations

from ..cluster.model import FRONTEND, Network
from ..cluster.networking.addressing import to_number
from .model import Site, Snapshot


def frontend_address(network: Network, snapshot: Snapshot, site: Site) -> str:
    """Return the address at which nodes of ``network`` reach the frontend.

    It is the frontend's address in that network, or else the one in the URL for all nodes;
    empty if neither exists.
    """
    frontends = sorted(
        (node for node in snapshot.nodes if node.appliance == FRONTEND), key=lambda node: node.id
    )
    names = [node.name for node in frontends]
    candidates = [node.ip for node in frontends] + [
        interface.ip for interface in snapshot.interfaces if interface.node in names
    ]
    for ip in filter(None, candidates):
        if to_number(ip) & to_number(network.netmask) == to_number(network.subnet):
            return ip
    return site.server
