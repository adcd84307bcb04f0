# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restrict pages and metrics to the addresses that the site allows (``viewers`` in rocks.yml)."""

from __future__ import annotations

import functools
import ipaddress
from typing import Union

from ..errors import DescriptionError
from .model import Denied
from .request_context import Context

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def require_viewer(context: Context) -> None:
    """Refuse a request from an address outside the site's ``viewers``.

    Raises Denied (403), or DescriptionError when ``viewers`` cannot be parsed.
    """
    address = context.sender.address
    client = ipaddress.ip_address(address)
    if not any(client in network for network in _parse_networks(context.settings.viewers)):
        raise Denied(
            403,
            "this page is not available to this address",
            address,
            "allow the address or its network: viewers in rocks.yml",
        )


@functools.lru_cache(maxsize=8)
def _parse_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(part, strict=False) for part in text.replace(",", " ").split()
        )
    except ValueError as error:
        raise DescriptionError(
            f"viewers: {error}", "rocks.yml", "use addresses or networks, such as 10.1.0.0/16"
        ) from None
