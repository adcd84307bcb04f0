# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Notify nodes of a new bundle with broadcast datagrams.

A notification may be lost or forged, so it is only a hint: a node that receives it fetches the
bundle, as it does once a minute anyway, and verifies it.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Callable, Iterable, Sequence

from ..errors import DescriptionError, Unavailable

PORT = 8411
REPEATS = 3
PAUSE_SECONDS = 0.2


def broadcast_addresses(networks: Iterable[str]) -> list[str]:
    """Return the broadcast address of each network (10.0.0.0/8) or single address.

    Raises DescriptionError for a network that is not valid.
    """
    return [_broadcast_address(network) for network in networks]


def notify_nodes(
    addresses: Sequence[str],
    version: int,
    *,
    port: int = PORT,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send the version of the new bundle to these addresses, REPEATS times.

    Raises Unavailable when a datagram cannot be sent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for repeat in range(REPEATS if addresses else 0):
            if repeat:
                sleep(PAUSE_SECONDS)
            for address in addresses:
                try:
                    sender.sendto(b"rocks-accounts %d\n" % version, (address, port))
                except OSError as error:
                    raise Unavailable(
                        f"cannot notify nodes of the new bundle ({error.strerror})",
                        address,
                        "they will fetch it within a minute",
                    ) from error


def _broadcast_address(network: str) -> str:
    try:
        return str(ipaddress.IPv4Network(network, strict=False).broadcast_address)
    except ValueError:
        raise DescriptionError(
            f"{network!r} is not a valid network", "hint", "use a network such as 10.0.0.0/8"
        ) from None
