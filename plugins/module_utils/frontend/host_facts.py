# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this machine has: interfaces and routes as iproute2 tells them, and free space."""

from __future__ import annotations

import ipaddress
import json
import os

from .. import process
from ..errors import DescriptionError
from .model import Route

ASK_SECONDS = 20.0
LOOPBACK = "lo"
DEFAULT = ipaddress.IPv4Network("0.0.0.0/0")
MIB = 1 << 20


def interface_addresses(
    run: process.Run = process.run,
) -> dict[str, tuple[ipaddress.IPv4Interface, ...]]:
    """The interfaces but the loopback, each with its IPv4 addresses."""
    answer = run(["ip", "-json", "address", "show"], timeout=ASK_SECONDS)
    return {
        link["ifname"]: tuple(
            ipaddress.IPv4Interface(f"{one['local']}/{one['prefixlen']}")
            for one in link.get("addr_info", ())
            if one["family"] == "inet"
        )
        for link in json.loads(answer.stdout)
        if link.get("ifname", LOOPBACK) != LOOPBACK
    }


def routes(run: process.Run = process.run) -> tuple[Route, ...]:
    """The networks of the main routing table; one that several ways lead to stands there for each."""
    answer = run(["ip", "-json", "-4", "route", "show"], timeout=ASK_SECONDS)
    found = []
    for one in json.loads(answer.stdout or "[]"):
        network = DEFAULT if one["dst"] == "default" else ipaddress.IPv4Network(one["dst"])
        ways = [one, *one.get("nexthops", ())]
        found += [Route(network, way["dev"]) for way in ways if "dev" in way]
    return tuple(found)


def mac_address(interface: str) -> str:
    """The interface's MAC; empty when it has none."""
    try:
        with open(f"/sys/class/net/{interface}/address", encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return ""
    return "" if text == "00:00:00:00:00:00" else text


def free_mib(folder: str) -> int:
    """MiB that are free where the folder is, or will be.  Raises DescriptionError for a relative one."""
    if not os.path.isabs(folder):
        raise DescriptionError(
            f"{folder!r} does not begin with /", "frontend_distributions", "give the whole path"
        )
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize // MIB
