# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check whether this machine can become the requested frontend, and report all faults at once."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import combine
from . import dhcp_probe, host_facts
from .model import FrontendSettings, HostFacts
from .preflight_rules import find_faults


class PreflightResult(NamedTuple):
    """Facts about a machine that passed the checks."""

    mac: str
    """Of the private interface."""
    free: int
    """Free MiB in the folder for distributions."""


def check_host(settings: FrontendSettings, *, probe_dhcp: bool) -> PreflightResult:
    """Check this machine, and raise one error that combines all faults.  Nothing is changed.

    With ``probe_dhcp``, another DHCP server on the private side is a fault.
    """
    addresses = host_facts.interface_addresses()
    mac = host_facts.mac_address(settings.interface)
    servers: tuple[str, ...] = ()
    if probe_dhcp and mac and settings.interface in addresses:
        own_addresses = {str(address.ip) for group in addresses.values() for address in group}
        servers = tuple(
            server
            for server in dhcp_probe.find_servers(settings.interface, mac)
            if server not in own_addresses
        )
    facts = HostFacts(
        addresses=addresses,
        routes=host_facts.routes(),
        free=host_facts.free_mib(settings.folder),
        servers=servers,
    )
    faults = find_faults(settings, facts)
    if faults:
        raise combine(faults)
    return PreflightResult(mac, facts.free)
