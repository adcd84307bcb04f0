# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether this machine can be the frontend that is wanted: ask it, judge, and tell every fault at once."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import combine
from . import dhcp_probe, host_facts
from .model import Machine, Wish
from .preflight_rules import faults


class Checked(NamedTuple):
    """What is worth knowing of a machine that can be the frontend; ``free`` is in MiB."""

    mac: str
    free: int


def check(wish: Wish, *, ask_dhcp: bool) -> Checked:
    """Raise what stands against it; nothing on the machine was changed then.

    ask_dhcp  whether another DHCP server on the private side would be a fault
    """
    addresses = host_facts.addresses()
    mac = host_facts.mac(wish.interface)
    servers: tuple[str, ...] = ()
    if ask_dhcp and mac and wish.interface in addresses:
        own = {str(one.ip) for there in addresses.values() for one in there}
        servers = tuple(
            server for server in dhcp_probe.servers(wish.interface, mac) if server not in own
        )
    there = Machine(addresses, host_facts.routes(), host_facts.free(wish.folder), servers)
    found = faults(wish, there)
    if found:
        raise combine(found)
    return Checked(mac, there.free)
