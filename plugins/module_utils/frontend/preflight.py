# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether this machine can be the frontend that is wanted: ask it, judge, and tell every fault at once."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import combine
from . import dhcp_probe, host_facts
from .model import FrontendSettings, HostFacts
from .preflight_rules import find_faults


class PreflightResult(NamedTuple):
    """What is worth knowing of a machine that can be the frontend; ``free`` is in MiB."""

    mac: str
    free: int


def check_host(settings: FrontendSettings, *, probe_dhcp: bool) -> PreflightResult:
    """Raise what stands against it; nothing on the machine was changed then.

    probe_dhcp  whether another DHCP server on the private side would be a fault
    """
    addresses = host_facts.interface_addresses()
    mac = host_facts.mac_address(settings.interface)
    servers: tuple[str, ...] = ()
    if probe_dhcp and mac and settings.interface in addresses:
        own = {str(one.ip) for there in addresses.values() for one in there}
        servers = tuple(
            server
            for server in dhcp_probe.find_servers(settings.interface, mac)
            if server not in own
        )
    there = HostFacts(addresses, host_facts.routes(), host_facts.free_mib(settings.folder), servers)
    found = find_faults(settings, there)
    if found:
        raise combine(found)
    return PreflightResult(mac, there.free)
