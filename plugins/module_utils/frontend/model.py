# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The requested settings of a frontend, and the facts about the machine."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class FrontendSettings(NamedTuple):
    """What the administrator requests."""

    interface: str
    address: str
    subnet: str
    name: str
    zone: str
    folder: str
    """For distributions."""
    space: int
    """MiB that must be free there."""
    homes: str
    """The folder of home directories that nodes mount; empty for none."""


class Route(NamedTuple):
    """A network that is reached through an interface; the default route is ``0.0.0.0/0``."""

    network: ipaddress.IPv4Network
    interface: str


class HostFacts(NamedTuple):
    """The facts about the machine."""

    addresses: dict[str, tuple[ipaddress.IPv4Interface, ...]]
    """By interface, without the loopback; for example ``10.1.1.1/8``."""
    routes: tuple[Route, ...]
    free: int
    """Free MiB in the folder for distributions."""
    servers: tuple[str, ...]
    """The addresses of other DHCP servers that answer on the private interface."""
