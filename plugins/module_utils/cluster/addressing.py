# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MACs and addresses: one spelling of each, which network an address lies in, and the next free one.

Addresses are given from the top of a network downwards, the paper's 10.255.255.254 first, so that the low ones stay
for what people number by hand.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from typing import Collection, Iterable, Iterator, Optional

from ..errors import Conflict, DescriptionError
from .model import Network

_MAC = re.compile(r"[0-9a-f]{2}([:-]?)[0-9a-f]{2}(\1[0-9a-f]{2}){4}")
_GUID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}((:[0-9a-f]{2}){12})?")


def mac_address(text: str) -> str:
    """A MAC as the database holds it: ``00:50:8b:e0:3a:a7``.

    Hyphens and capital letters are read too.  Raises DescriptionError, also for a MAC that no machine can have: all
    zeros, or one of a group (IEEE 802: the lowest bit of the first octet).
    """
    text = text.strip()
    if is_infiniband(text):
        raise DescriptionError(
            f"{text!r} is the address of an InfiniBand port",
            "",
            "a node is known by an Ethernet NIC; the port is a further interface: rocks_interface with kind=infiniband",
        )
    if not _MAC.fullmatch(text.lower()):
        raise DescriptionError(f"{text!r} is no MAC", "", "a MAC looks like 00:50:8b:e0:3a:a7")
    digits = re.sub("[:-]", "", text.lower())
    mac = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    if int(digits, 16) == 0:
        raise DescriptionError(f"the MAC {mac} is all zeros", "", "no machine has it")
    if int(digits[:2], 16) & 1:
        raise DescriptionError(f"the MAC {mac} is a multicast address", "", "no machine has it")
    return mac


def is_infiniband(text: str) -> bool:
    """Whether this is the address of an InfiniBand port: 8 or 20 octets with colons between them."""
    return _GUID.fullmatch(text.strip().lower()) is not None


def infiniband_address(text: str) -> str:
    """The 8 or 20 octets of an InfiniBand port as the database holds them.  Raises DescriptionError."""
    lowered = text.strip().lower()
    if not is_infiniband(text):
        raise DescriptionError(
            f"{text!r} is no InfiniBand address", "", "8 or 20 octets, with colons between them"
        )
    return lowered


def ip_address(text: str) -> str:
    """An IPv4 address as the database holds it.  Raises DescriptionError."""
    try:
        return str(ipaddress.IPv4Address(text.strip()))
    except ValueError:
        raise DescriptionError(
            f"{text!r} is no IPv4 address", "", "four numbers of 0 to 255, such as 10.1.1.1"
        ) from None


def to_number(ip: str) -> int:
    """``10.1.1.1`` as a number."""
    first, second, third, fourth = ip.split(".")
    return int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)


def to_ip(number: int) -> str:
    """The number as ``10.1.1.1``."""
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def subnet(network: Network) -> ipaddress.IPv4Network:
    """The network as the standard library's type.  Raises DescriptionError when the netmask does not fit."""
    try:
        return ipaddress.IPv4Network(f"{network.subnet}/{network.netmask}")
    except ValueError as error:
        raise DescriptionError(
            f"network {network.name!r}: {error}", "", "subnet 10.0.0.0 has netmask 255.0.0.0"
        ) from None


def network_of(ip: str, networks: Iterable[Network]) -> Optional[Network]:
    """The network that the address lies in, or None."""
    number = to_number(ip)
    return next(
        (net for net in networks if number & to_number(net.netmask) == to_number(net.subnet)), None
    )


def address_fault(ip: str, networks: Iterable[Network]) -> Optional[str]:
    """Why no node can have this address, whoever has it now; or None."""
    network = network_of(ip, networks)
    if network is None:
        return f"{ip} is outside every network"
    net, number = subnet(network), to_number(ip)
    if net.prefixlen < 31 and number in (int(net.network_address), int(net.broadcast_address)):
        which = "own" if number == int(net.network_address) else "broadcast"
        return f"{ip} is the {which} address of network {network.name!r}"
    if ip == network.gateway:
        return f"{ip} is the gateway of network {network.name!r}"
    if number in _pool(network):
        return f"{ip} is lent to unknown machines (pool of network {network.name!r})"
    return None


def free_addresses(network: Network, taken: Collection[str]) -> Iterator[str]:
    """The free addresses of a network, from the top downwards: neither taken, gateway nor lent by DHCP."""
    net = subnet(network)
    low, high = (int(net[1]), int(net[-2])) if net.prefixlen < 31 else (int(net[0]), int(net[-1]))
    low = max(low, to_number(network.first) if network.first else low)
    high = min(high, to_number(network.last) if network.last else high)
    pool, full = _pool(network), _full_blocks(taken)
    number = high
    while number >= low:
        if number in pool:
            number = pool.start - 1
            continue
        if number & 255 == 255 and to_ip(number).rpartition(".")[0] in full:
            number -= 256
            continue
        ip = to_ip(number)
        if ip not in taken and ip != network.gateway:
            yield ip
        number -= 1


def next_address(network: Network, taken: Collection[str]) -> str:
    """The highest free address.  Raises Conflict when the network is full."""
    for ip in free_addresses(network, taken):
        return ip
    raise Conflict(
        f"network {network.name!r} is full ({network.first or network.subnet} to {network.last or 'its end'})",
        "",
        "widen its limits, shrink its pool, or remove nodes that are gone",
    )


def _full_blocks(taken: Iterable[str]) -> set[str]:
    """The first three numbers of every 256 addresses that are all taken: a big network is walked past them."""
    counted = Counter([ip.rpartition(".")[0] for ip in taken])
    return {block for block, times in counted.items() if times == 256}


def _pool(network: Network) -> range:
    if not network.pool_first:
        return range(0)
    return range(to_number(network.pool_first), to_number(network.pool_last) + 1)
