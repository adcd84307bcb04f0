# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read who sent a request: the source of its connection, and the MACs that an installer sends."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Sequence

from flask import request

from .model import Denied, Sender

PRIVILEGED = 1024  # below, only root opens a source port (capabilities(7), CAP_NET_BIND_SERVICE)
MAC_HEADER = "X-RHN-Provisioning-MAC-{}"  # numbered from 0 (anaconda, inst.ks.sendmac)
MAX_MAC_HEADERS = 64
ETHERNET_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
INFINIBAND_BYTES = 20


def current_sender() -> Sender:
    """Return the sender of the current request.

    Raises Denied (400) when the source address or a MAC header is not valid.
    """
    port = str(request.environ.get("REMOTE_PORT", ""))
    return Sender(
        address=normalize_address(request.remote_addr or ""),
        port=int(port) if port.isascii() and port.isdigit() else 0,
        macs=parse_mac_headers(_mac_headers()),
    )


def _mac_headers() -> list[str]:
    """Return the MAC headers of the current request, up to the first missing one."""
    headers: list[str] = []
    while (header := request.headers.get(MAC_HEADER.format(len(headers)))) is not None:
        headers.append(header)
    return headers


@functools.lru_cache(maxsize=16384)
def normalize_address(text: str) -> str:
    """Return an address in the database's form; an IPv4 address in IPv6 form becomes IPv4.

    Raises Denied (400).
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Denied(400, f"the source address {text!r} is not a valid address") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def parse_mac_headers(headers: Sequence[str]) -> tuple[str, ...]:
    """Return the MAC addresses in the installer's headers, each ``<interface> <mac>``.

    InfiniBand's longer hardware addresses are skipped, because a node's MAC is an Ethernet address.
    Raises Denied (400) for anything else.
    """
    if len(headers) > MAX_MAC_HEADERS:
        raise Denied(400, f"{len(headers)} MAC headers", hint=f"the limit is {MAX_MAC_HEADERS}")
    macs = []
    for header in headers:
        mac = header.split()[-1].lower() if len(header.split()) == 2 else ""
        if ETHERNET_MAC.fullmatch(mac):
            macs.append(mac)
        elif mac.count(":") != INFINIBAND_BYTES - 1:
            raise Denied(400, f"the MAC header {header[:60]!r} is not an interface and its address")
    return tuple(macs)


def is_privileged(sender: Sender) -> bool:
    """Check whether only root of the node can have opened the source port."""
    return 0 < sender.port < PRIVILEGED


def require_privileged_port(sender: Sender, node: str) -> None:
    """Refuse a source port that any user of a node can open. Raises Denied (403)."""
    if not is_privileged(sender):
        raise Denied(
            403,
            f"source port {sender.port} is not privileged",
            node,
            "send the request as root, from a port below 1024",
        )
