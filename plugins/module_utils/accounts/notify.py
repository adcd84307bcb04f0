# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell nodes that there is a new bundle: one datagram to everybody on a network, three times, since it may be lost.

It is a hint and no order: a node that hears it takes the bundle as it does once a minute anyway, and verifies it.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Callable, Iterable, Sequence

from ..errors import DescriptionError, Unavailable

PORT = 8411
TIMES, PAUSE = 3, 0.2


def targets(networks: Iterable[str]) -> list[str]:
    """The addresses at which all nodes of these networks (10.0.0.0/8, or one address) listen; DescriptionError."""
    return [_everybody(network) for network in networks]


def hint(
    addresses: Sequence[str],
    version: int,
    *,
    port: int = PORT,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Say to all nodes at these addresses which version there is.  Raises Unavailable when one cannot be reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for turn in range(TIMES if addresses else 0):
            if turn:
                sleep(PAUSE)
            for address in addresses:
                try:
                    sender.sendto(b"rocks-accounts %d\n" % version, (address, port))
                except OSError as error:
                    raise Unavailable(
                        f"no hint could be sent ({error.strerror})",
                        address,
                        "nodes take the bundle within a minute",
                    ) from error


def _everybody(network: str) -> str:
    try:
        return str(ipaddress.IPv4Network(network, strict=False).broadcast_address)
    except ValueError:
        raise DescriptionError(f"{network!r} is no network", "hint", "such as 10.0.0.0/8") from None
