# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of a machine that is to be a frontend, and what the machine has."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class FrontendSettings(NamedTuple):
    """What the administrator says; ``folder`` is where distributions go, ``space`` how many MiB must be free there.

    homes  the directory that nodes mount; empty for none
    """

    interface: str
    address: str
    subnet: str
    name: str
    zone: str
    folder: str
    space: int
    homes: str


class Route(NamedTuple):
    """A network that is reached through an interface; the default route is ``0.0.0.0/0``."""

    network: ipaddress.IPv4Network
    interface: str


class HostFacts(NamedTuple):
    """What the machine has.

    addresses  of each interface but the loopback, as ``10.1.1.1/8``
    free       MiB where distributions go
    servers    addresses of other DHCP servers that answer on the wanted interface
    """

    addresses: dict[str, tuple[ipaddress.IPv4Interface, ...]]
    routes: tuple[Route, ...]
    free: int
    servers: tuple[str, ...]
