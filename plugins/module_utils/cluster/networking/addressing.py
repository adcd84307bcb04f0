# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MACs and IPv4 addresses: their form in the database, the network of an address, free addresses.

Addresses are allocated from the top of a network downwards, beginning with the 10.255.255.254 of
the paper, so that the low ones remain for devices that people number by hand.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from typing import Collection, Iterable, Iterator, Optional

from ...errors import Conflict, DescriptionError
from ..model import FRONTEND, Network

_MAC = re.compile(
    r"[0-9a-f]{2}([:.-]?)[0-9a-f]{2}(\1[0-9a-f]{2}){4}"
    r"|[0-9a-f]{4}([:.-])[0-9a-f]{4}\3[0-9a-f]{4}|[0-9a-f]{6}[:.-][0-9a-f]{6}"
)
_NUMBER = re.compile(r"[0-9]+([.,][0-9]*)?(e\+?[0-9]+)?|inf")
_GUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}((:[0-9a-f]{2}){12})?")


def mac_address(text: str) -> str:
    """Return a MAC in the form of the database: ``00:50:8b:e0:3a:a7``.

    Capital letters and the forms that switches print are accepted, such as ``0050.8be0.3aa7``,
    ``00508b-e03aa7`` and ``00508be03aa7``.  Raises DescriptionError, also for a MAC that no machine
    has: all zeros, or a group address (IEEE 802: the lowest bit of the first octet is 1).
    """
    text = text.strip()
    if is_infiniband(text):
        raise DescriptionError(
            f"{text!r} is the address of an InfiniBand port",
            "",
            "use the MAC of an Ethernet NIC; the port is a further interface:"
            " rocks_interface with kind=infiniband",
        )
    if not _MAC.fullmatch(text.lower()):
        hint = "write 00:50:8b:e0:3a:a7, for example"
        if _NUMBER.fullmatch(text.lower()):
            hint += "; put it in quotes in YAML, and format the column as text in a spreadsheet"
        raise DescriptionError(f"{text!r} is not a valid MAC", "", hint)
    digits = re.sub("[:.-]", "", text.lower())
    mac = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    if int(digits, 16) == 0:
        raise DescriptionError(
            f"the MAC {mac} is all zeros", "", "use the one that `ip link` prints"
        )
    if int(digits[:2], 16) & 1:
        raise DescriptionError(
            f"the MAC {mac} is a multicast address", "", "use the one that `ip link` prints"
        )
    return mac


def is_infiniband(text: str) -> bool:
    """Whether this is the address of an InfiniBand port: 8 or 20 octets separated by colons."""
    return _GUID.fullmatch(text.strip().lower()) is not None


def infiniband_address(text: str) -> str:
    """Return an InfiniBand address in the form of the database.  Raises DescriptionError."""
    if not is_infiniband(text):
        raise DescriptionError(
            f"{text!r} is not a valid InfiniBand address",
            "",
            "write 8 or 20 octets, separated by colons",
        )
    return text.strip().lower()


def ip_address(text: str) -> str:
    """Return an IPv4 address in the form of the database.  Raises DescriptionError."""
    try:
        return str(ipaddress.IPv4Address(text.strip()))
    except ValueError:
        raise DescriptionError(
            f"{text!r} is not a valid IPv4 address", "", "write 10.1.1.1, for example"
        ) from None


def to_number(ip: str) -> int:
    """Return ``10.1.1.1`` as a number."""
    first, second, third, fourth = ip.split(".")
    return int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)


def to_ip(number: int) -> str:
    """Return the number as ``10.1.1.1``."""
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def subnet(network: Network) -> ipaddress.IPv4Network:
    """Return the subnet of a network.  Raises DescriptionError if the netmask does not fit."""
    try:
        return ipaddress.IPv4Network(f"{network.subnet}/{network.netmask}")
    except ValueError as error:
        raise DescriptionError(
            f"network {network.name!r}: {error}",
            "",
            "use a matching pair, such as 10.0.0.0 and 255.0.0.0",
        ) from None


def parse_subnet(text: str) -> ipaddress.IPv4Network:
    """Return the subnet of a text such as ``10.0.0.0/8``.  Raises DescriptionError."""
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as error:
        raise DescriptionError(
            f"{text!r} is not a valid subnet ({error})", "", "write 10.0.0.0/8, for example"
        ) from None


def network_of(ip: str, networks: Iterable[Network]) -> Optional[Network]:
    """Return the network that contains the address, or None."""
    number = to_number(ip)
    return next(
        (net for net in networks if number & to_number(net.netmask) == to_number(net.subnet)), None
    )


def can_be_gateway(appliance: str, root: str) -> bool:
    """Whether the nodes of an appliance can have the address of a network's gateway.

    A frontend can route for its nodes, and an appliance that is never installed can be a router.
    """
    return appliance == FRONTEND or not root


def address_fault(
    ip: str, networks: Iterable[Network], *, may_be_gateway: bool = False
) -> Optional[str]:
    """Return the reason why no node can have this address, whether or not it is in use; or None.

    may_be_gateway  of the node; see ``can_be_gateway``
    """
    network = network_of(ip, networks)
    if network is None:
        return f"{ip} is outside every network"
    net = subnet(network)
    number = to_number(ip)
    if net.prefixlen < 31:
        if number == int(net.network_address):
            return f"{ip} is the network address of network {network.name!r}"
        if number == int(net.broadcast_address):
            return f"{ip} is the broadcast address of network {network.name!r}"
    if ip == network.gateway and not may_be_gateway:
        return f"{ip} is the gateway of network {network.name!r}"
    if number in _pool(network):
        return f"{ip} is in the DHCP pool of network {network.name!r}, for unknown machines"
    return None


def free_addresses(network: Network, in_use: Collection[str]) -> Iterator[str]:
    """Yield the free addresses from the top: without the gateway and the pool."""
    low, high = _host_range(network)
    pool = _pool(network)
    full_blocks = _full_blocks(in_use)
    number = high
    while number >= low:
        if number in pool:
            number = pool.start - 1
            continue
        if number & 255 == 255 and to_ip(number).rpartition(".")[0] in full_blocks:
            number -= 256
            continue
        ip = to_ip(number)
        if ip not in in_use and ip != network.gateway:
            yield ip
        number -= 1


def next_address(network: Network, in_use: Collection[str]) -> str:
    """Return the highest free address.  Raises Conflict if the network is full."""
    for ip in free_addresses(network, in_use):
        return ip
    low, high = _host_range(network)
    raise Conflict(
        f"network {network.name!r} is full ({to_ip(low)} to {to_ip(high)})",
        "",
        "extend its range (first, last), shrink its pool, or remove nodes",
    )


def _host_range(network: Network) -> tuple[int, int]:
    """Return the lowest and the highest address that nodes get."""
    net = subnet(network)
    low = int(net[1] if net.prefixlen < 31 else net[0])
    high = int(net[-2] if net.prefixlen < 31 else net[-1])
    return (
        max(low, to_number(network.first)) if network.first else low,
        min(high, to_number(network.last)) if network.last else high,
    )


def _full_blocks(in_use: Iterable[str]) -> set[str]:
    """Return the first three octets of each 256 addresses that are all in use."""
    counts = Counter([ip.rpartition(".")[0] for ip in in_use])
    return {block for block, count in counts.items() if count == 256}


def _pool(network: Network) -> range:
    if not network.pool_first:
        return range(0)
    return range(to_number(network.pool_first), to_number(network.pool_last) + 1)
