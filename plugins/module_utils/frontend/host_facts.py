# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read facts about this machine: interfaces and routes from iproute2, and free space."""

from __future__ import annotations

import ipaddress
import json
import os

from .. import process
from ..errors import DescriptionError
from .model import Route

TIMEOUT_SECONDS = 20.0
LOOPBACK = "lo"
DEFAULT = ipaddress.IPv4Network("0.0.0.0/0")
MIB = 1 << 20


def interface_addresses(
    run: process.Run = process.run,
) -> dict[str, tuple[ipaddress.IPv4Interface, ...]]:
    """Return the IPv4 addresses of each interface except the loopback.  Raises CommandError."""
    result = run(["ip", "-json", "address", "show"], timeout=TIMEOUT_SECONDS)
    return {
        link["ifname"]: tuple(
            ipaddress.IPv4Interface(f"{address['local']}/{address['prefixlen']}")
            for address in link.get("addr_info", ())
            if address["family"] == "inet"
        )
        for link in json.loads(result.stdout)
        if link.get("ifname", LOOPBACK) != LOOPBACK
    }


def routes(run: process.Run = process.run) -> tuple[Route, ...]:
    """Return the main routing table; a route with several next hops is several rows.

    Raises CommandError.
    """
    result = run(["ip", "-json", "-4", "route", "show"], timeout=TIMEOUT_SECONDS)
    table = []
    for route in json.loads(result.stdout or "[]"):
        network = DEFAULT if route["dst"] == "default" else ipaddress.IPv4Network(route["dst"])
        hops = [route, *route.get("nexthops", ())]
        table += [Route(network, hop["dev"]) for hop in hops if "dev" in hop]
    return tuple(table)


def mac_address(interface: str) -> str:
    """Return the interface's MAC address; empty if it has none or does not exist."""
    try:
        with open(f"/sys/class/net/{interface}/address", encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return ""
    return "" if text == "00:00:00:00:00:00" else text


def free_mib(folder: str) -> int:
    """Return the free MiB of the file system where the folder is or will be created.

    Raises DescriptionError for a relative path.
    """
    if not os.path.isabs(folder):
        what = f"{folder!r} is not an absolute path"
        raise DescriptionError(what, "frontend_distributions", "use a path that begins with /")
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize // MIB
