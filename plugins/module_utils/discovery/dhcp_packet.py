# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One Ethernet frame gives a Sighting or nothing (IEEE 802.1Q, RFC 791, 768, 951, 2131, 2132, 3046, 4578).

The frame comes from anyone on the network. Every length in it is compared with what is there; a frame that does not
keep to its own lengths is no request.
"""

from __future__ import annotations

import ipaddress
import struct
import uuid
from typing import Optional

from ..dhcp_options import parse_options
from .dhcp_request import Sighting, printable, usable_mac

IPV4, VLAN_TAGS = 0x0800, (0x8100, 0x88A8)
UDP, SERVER_PORT, BOOTREQUEST, ETHERNET = 17, 67, 1, 1
VLAN_NUMBER = 0x0FFF
FRAGMENT = 0x3FFF  # "more fragments" and the offset
BOOTP_FIXED, COOKIE = 236, b"\x63\x82\x53\x63"
PAD, OVERLOAD, TYPE, VENDOR, CLIENT, RELAY_AGENT, ARCHITECTURE, MACHINE, END = (
    0,
    52,
    53,
    60,
    61,
    82,
    93,
    97,
    255,
)
WISHES, CIRCUIT, REMOTE = 55, 1, 2
DISCOVER = b"\x01"


def request_in(frame: bytes, interface: str = "") -> Optional[Sighting]:
    """The machine that asks in this Ethernet frame; None when it is no DHCPDISCOVER and no BOOTP request.

    A DHCPREQUEST, a renewal or an inform comes from a machine that has an address: it is known to some server.
    """
    message = _message(_ipv4_in(frame))
    if (
        len(message) < BOOTP_FIXED
        or message[0] != BOOTREQUEST
        or message[1:3] != bytes((ETHERNET, 6))
    ):
        return None
    mac = usable_mac(message[28:34].hex(":"))
    options = _options(message)
    if mac is None or options.get(TYPE, DISCOVER) != DISCOVER:
        return None
    return _sighting(mac, interface, ipaddress.IPv4Address(message[24:28]), options)


def _ipv4_in(frame: bytes) -> bytes:
    """What an Ethernet frame carries after up to two VLAN tags, if that is IPv4."""
    at = 12
    for _tag in range(2):
        if int.from_bytes(frame[at : at + 2], "big") in VLAN_TAGS:
            at += 4
    return frame[at + 2 :] if int.from_bytes(frame[at : at + 2], "big") == IPV4 else b""


def _message(packet: bytes) -> bytes:
    """What a UDP datagram to a DHCP server holds; empty for every other IPv4 packet, and for a fragment."""
    if len(packet) < 28 or packet[0] >> 4 != 4:
        return b""
    header = (packet[0] & 15) * 4
    total, fragment = struct.unpack("!H2xH", packet[2:8])
    if (
        header < 20
        or packet[9] != UDP
        or fragment & FRAGMENT
        or not header + 8 <= total <= len(packet)
    ):
        return b""
    port, length = struct.unpack("!HH", packet[header + 2 : header + 6])
    if port != SERVER_PORT or not 8 <= length <= total - header:
        return b""
    return packet[header + 8 : header + length]


def _options(message: bytes) -> dict[int, bytes]:
    """The options of a message: its own field, then the two that it may have lent to them (RFC 2132, 9.3)."""
    if message[BOOTP_FIXED : BOOTP_FIXED + 4] != COOKIE:
        return {}
    fields = [message[BOOTP_FIXED + 4 :]]
    overload = parse_options(*fields).get(OVERLOAD, b"")
    if overload in (b"\x01", b"\x03"):
        fields.append(message[108:236])
    if overload in (b"\x02", b"\x03"):
        fields.append(message[44:108])
    return parse_options(*fields)


def _sighting(
    mac: str, interface: str, relay: ipaddress.IPv4Address, options: dict[int, bytes]
) -> Sighting:
    cable = parse_options(options.get(RELAY_AGENT, b""))
    architectures = options.get(ARCHITECTURE, b"")
    machine = options.get(MACHINE, b"")  # PXE 2.1: a zero, then the UUID
    return Sighting(
        mac,
        interface,
        str(relay) if int(relay) else "",
        printable(options.get(VENDOR, b"")),
        int.from_bytes(architectures[:2], "big") if len(architectures) >= 2 else None,
        str(uuid.UUID(bytes=machine[1:]))
        if len(machine) == 17 and machine[:1] == b"\0" and any(machine)
        else "",
        printable(cable.get(REMOTE, b"")),
        printable(cable.get(CIRCUIT, b"")),
        options.get(CLIENT, b"").hex(":"),
        tuple(options.get(WISHES, b"")),
    )
