# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may look: the page and what it shows are for the addresses that the site allows, and change nothing."""

from __future__ import annotations

import functools
import ipaddress
from typing import Union

from ..errors import DescriptionError
from ..settings import Settings
from .model import Denied

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def demand_viewer(settings: Settings, address: str) -> None:
    """Refuse an address that none of the site's ``viewers`` holds.  Raises Denied (403)."""
    asked = ipaddress.ip_address(address)
    if not any(asked in network for network in _networks(settings.viewers)):
        raise Denied(
            403,
            "the page is not for this address",
            address,
            "the site names who may look: viewers in rocks.yml",
        )


@functools.lru_cache(maxsize=8)
def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(part, strict=False) for part in text.replace(",", " ").split()
        )
    except ValueError as error:
        raise DescriptionError(
            f"viewers: {error}", "rocks.yml", "addresses or networks, as 10.1.0.0/16"
        ) from None
