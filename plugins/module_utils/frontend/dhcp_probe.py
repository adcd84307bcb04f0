# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which DHCP servers answer on an interface: ask as a machine would that is switched on there, and listen.

Nothing is taken: an offer that is not requested is forgotten by its server (RFC 2131, 3.1).  A packet socket hears
the answers whatever else runs on the machine, and before the interface has an address.
"""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import time
from typing import Callable, Iterator, NamedTuple, Optional

from ..dhcp_options import parse_options
from ..errors import Refused, Unavailable

# dnsmasq and dhcpd try whether an address is in use before they offer it, for up to three seconds.
LISTEN_SECONDS = 4.0
SEND_AT = (0.0, 1.5)  # one may be lost

ETH_P_IP, UDP = 0x0800, 17
SERVER_PORT, CLIENT_PORT = 67, 68
TRANSACTION = 0x726F636B
COOKIE = b"\x63\x82\x53\x63"
MESSAGE_TYPE, SERVER, END, PAD = 53, 54, 255, 0
DISCOVER, OFFER = 1, 2
REQUEST_KIND, REPLY_KIND, BROADCAST_FLAG = 1, 2, 0x8000
FIXED = struct.Struct("!BBBBIHH16s16s64s128s4s")
LONGEST = 65535


class Offer(NamedTuple):
    """An answer: which server gives which address."""

    server: str
    address: str


def find_servers(interface: str, mac: str, seconds: float = LISTEN_SECONDS) -> tuple[str, ...]:
    """The addresses of the servers that make an offer to ``mac``, sorted.

    Raises Refused without the right to open packet sockets, Unavailable when the interface cannot be used.
    """
    try:
        # Outgoing packets do not come back on a socket of one protocol, so that our own question is not heard.
        with socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)
        ) as open_socket:
            open_socket.bind((interface, ETH_P_IP))
            return tuple(
                sorted({offer.server for offer in _offers(open_socket, interface, mac, seconds)})
            )
    except PermissionError:
        raise Refused("asking for DHCP servers needs root", interface, "become: true") from None
    except OSError as error:
        raise Unavailable(
            f"cannot be asked for DHCP servers ({error.strerror})", interface, "set it up"
        ) from error


def _offers(
    asking: socket.socket,
    interface: str,
    mac: str,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Offer]:
    started, waiting = clock(), list(SEND_AT)
    while clock() < started + seconds:
        if waiting and clock() >= started + waiting[0]:
            del waiting[0]
            asking.sendto(discover_packet(mac), (interface, ETH_P_IP, 0, 0, b"\xff" * 6))
        until = min(started + seconds, started + waiting[0] if waiting else started + seconds)
        if select.select([asking], [], [], max(0.0, until - clock()))[0]:
            found = parse_offer(asking.recv(LONGEST))
            if found:
                yield found


def discover_packet(mac: str) -> bytes:
    """A DHCPDISCOVER from nobody to everybody, in UDP in IPv4."""
    hardware = bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0")
    flags = BROADCAST_FLAG  # the answer must not be sent to an address that nobody has
    fixed = FIXED.pack(
        REQUEST_KIND, 1, 6, 0, TRANSACTION, 0, flags, b"", hardware, b"", b"", COOKIE
    )
    message = (fixed + bytes((MESSAGE_TYPE, 1, DISCOVER, END))).ljust(300, b"\0")
    datagram = struct.pack("!HHHH", CLIENT_PORT, SERVER_PORT, 8 + len(message), 0) + message
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, UDP, 0, b"\0" * 4, b"\xff" * 4
    )
    return head[:10] + _checksum(head) + head[12:] + datagram


def parse_offer(data: bytes) -> Optional[Offer]:
    """The offer to our question that a packet holds; None for everything else, however malformed."""
    head = (data[0] & 15) * 4 if data else 0
    if head < 20 or len(data) < head + 8 + FIXED.size or data[9] != UDP:
        return None
    source, target = struct.unpack_from("!HH", data, head)
    message = data[head + 8 :]
    kind, transaction, cookie = (
        message[0],
        struct.unpack_from("!I", message, 4)[0],
        message[236:240],
    )
    if (source, target, kind, transaction, cookie) != (
        SERVER_PORT,
        CLIENT_PORT,
        REPLY_KIND,
        TRANSACTION,
        COOKIE,
    ):
        return None
    options = parse_options(message[240:])
    if options.get(MESSAGE_TYPE) != bytes([OFFER]):
        return None
    server = options.get(SERVER, b"")
    return Offer(_dotted(server if len(server) == 4 else data[12:16]), _dotted(message[16:20]))


def _dotted(packed: bytes) -> str:
    return str(ipaddress.IPv4Address(packed))


def _checksum(head: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
