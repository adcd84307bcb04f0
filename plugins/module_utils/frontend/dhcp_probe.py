# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the DHCP servers on an interface: send a DHCPDISCOVER and collect the offers.

No lease is taken: a server forgets an offer that is not requested (RFC 2131, 3.1).  A packet socket
receives the answers whatever else runs on the machine, and before the interface has an address.
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

# dnsmasq and dhcpd check for up to three seconds that an address is unused before they offer it.
LISTEN_SECONDS = 4.0
SEND_AT = (0.0, 1.5)  # twice, since a packet can be lost

ETH_P_IP = 0x0800
UDP = 17
SERVER_PORT = 67
CLIENT_PORT = 68
TRANSACTION = 0x726F636B
COOKIE = b"\x63\x82\x53\x63"
MESSAGE_TYPE = 53
SERVER = 54
END = 255
DISCOVER = 1
OFFER = 2
REQUEST_KIND = 1
REPLY_KIND = 2
BROADCAST_FLAG = 0x8000
FIXED = struct.Struct("!BBBBIHH16s16s64s128s4s")
MAX_PACKET = 65535


class Offer(NamedTuple):
    """An offer of a DHCP server."""

    server: str
    address: str


def find_servers(interface: str, mac: str, seconds: float = LISTEN_SECONDS) -> tuple[str, ...]:
    """Return the sorted addresses of the servers that make an offer to ``mac``.

    Raises Refused without the permission to open packet sockets, Unavailable if the interface
    cannot be used.
    """
    try:
        # A socket of one protocol does not receive outgoing packets, hence not our own request.
        with socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)
        ) as packet_socket:
            packet_socket.bind((interface, ETH_P_IP))
            offers = _offers(packet_socket, interface, mac, seconds)
            return tuple(sorted({offer.server for offer in offers}))
    except PermissionError:
        what = "probing for DHCP servers requires root"
        raise Refused(what, interface, "set `become: true`") from None
    except OSError as error:
        what = f"cannot probe for DHCP servers ({error.strerror})"
        raise Unavailable(what, interface, "bring the interface up") from error


def _offers(
    packet_socket: socket.socket,
    interface: str,
    mac: str,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Offer]:
    started = clock()
    send_at = [started + delay for delay in SEND_AT]
    while clock() < started + seconds:
        if send_at and clock() >= send_at[0]:
            del send_at[0]
            packet_socket.sendto(discover_packet(mac), (interface, ETH_P_IP, 0, 0, b"\xff" * 6))
        until = min([started + seconds, *send_at])
        if select.select([packet_socket], [], [], max(0.0, until - clock()))[0]:
            offer = parse_offer(packet_socket.recv(MAX_PACKET))
            if offer:
                yield offer


def discover_packet(mac: str) -> bytes:
    """Return a broadcast DHCPDISCOVER as an IPv4 packet."""
    hardware = bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0")
    flags = BROADCAST_FLAG  # the client has no address to which the answer could be sent
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
    """Return the offer in a packet; None for any other packet, however malformed."""
    head = (data[0] & 15) * 4 if data else 0
    if head < 20 or len(data) < head + 8 + FIXED.size or data[9] != UDP:
        return None
    message = data[head + 8 :]
    ports = struct.unpack_from("!HH", data, head)
    transaction = struct.unpack_from("!I", message, 4)
    expected = (
        ports == (SERVER_PORT, CLIENT_PORT)
        and message[0] == REPLY_KIND
        and transaction == (TRANSACTION,)
        and message[236:240] == COOKIE
    )
    if not expected:
        return None
    options = parse_options(message[240:])
    if options.get(MESSAGE_TYPE) != bytes([OFFER]):
        return None
    server = options.get(SERVER, b"")
    return Offer(_ip_text(server if len(server) == 4 else data[12:16]), _ip_text(message[16:20]))


def _ip_text(packed: bytes) -> str:
    return str(ipaddress.IPv4Address(packed))


def _checksum(head: bytes) -> bytes:
    """Return the Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
