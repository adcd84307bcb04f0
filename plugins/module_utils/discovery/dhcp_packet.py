# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse one Ethernet frame into a DhcpRequest.

Sources: IEEE 802.1Q, RFC 791, 768, 951, 2131, 2132, 3046, 4578.

Anybody on the network can send such a frame.  Every length in it is compared with the bytes that
were received, and a frame that contradicts its own lengths is ignored.
"""

from __future__ import annotations

import ipaddress
import struct
import uuid
from typing import Optional

from ..dhcp_options import parse_options
from .dhcp_request import DhcpRequest, printable, usable_mac

ETHERTYPE_IPV4 = 0x0800
ETHERTYPES_VLAN = (0x8100, 0x88A8)
VLAN_ID_MASK = 0x0FFF
PROTOCOL_UDP = 17
FRAGMENT_MASK = 0x3FFF  # "more fragments" and the offset
SERVER_PORT = 67
BOOTREQUEST = 1
HARDWARE_ETHERNET = 1
BOOTP_LENGTH = 236  # without options
MAGIC_COOKIE = b"\x63\x82\x53\x63"
DISCOVER = b"\x01"

# Option codes.
OVERLOAD = 52
MESSAGE_TYPE = 53
REQUESTED_OPTIONS = 55
VENDOR_CLASS = 60
CLIENT_ID = 61
RELAY_AGENT = 82
ARCHITECTURE = 93
MACHINE_UUID = 97
# Codes inside RELAY_AGENT.
CIRCUIT_ID = 1
REMOTE_ID = 2


def request_in(frame: bytes, interface: str = "") -> Optional[DhcpRequest]:
    """Return the request in an Ethernet frame; None unless it is a DHCPDISCOVER or BOOTP request.

    A DHCPREQUEST, a renewal or an inform comes from a machine that a server has answered already.
    """
    message = _dhcp_message(_ipv4_packet(frame))
    if (
        len(message) < BOOTP_LENGTH
        or message[0] != BOOTREQUEST
        or message[1:3] != bytes((HARDWARE_ETHERNET, 6))
    ):
        return None
    mac = usable_mac(message[28:34].hex(":"))
    options = _message_options(message)
    if mac is None or options.get(MESSAGE_TYPE, DISCOVER) != DISCOVER:
        return None
    return _request(mac, interface, ipaddress.IPv4Address(message[24:28]), options)


def _ipv4_packet(frame: bytes) -> bytes:
    """Return the IPv4 packet in a frame with up to two VLAN tags; empty if there is none."""
    position = 12
    for _tag in range(2):
        if int.from_bytes(frame[position : position + 2], "big") in ETHERTYPES_VLAN:
            position += 4
    ethertype = int.from_bytes(frame[position : position + 2], "big")
    return frame[position + 2 :] if ethertype == ETHERTYPE_IPV4 else b""


def _dhcp_message(packet: bytes) -> bytes:
    """Return the payload of an IPv4 packet to a DHCP server; empty for all others and fragments."""
    if len(packet) < 28 or packet[0] >> 4 != 4:
        return b""
    header = (packet[0] & 15) * 4
    total, fragment = struct.unpack("!H2xH", packet[2:8])
    if (
        header < 20
        or packet[9] != PROTOCOL_UDP
        or fragment & FRAGMENT_MASK
        or not header + 8 <= total <= len(packet)
    ):
        return b""
    port, length = struct.unpack("!HH", packet[header + 2 : header + 6])
    if port != SERVER_PORT or not 8 <= length <= total - header:
        return b""
    return packet[header + 8 : header + length]


def _message_options(message: bytes) -> dict[int, bytes]:
    """Return the options of a message, including overloaded fields (RFC 2132, section 9.3)."""
    if message[BOOTP_LENGTH : BOOTP_LENGTH + 4] != MAGIC_COOKIE:
        return {}
    option_fields = [message[BOOTP_LENGTH + 4 :]]
    overload = parse_options(*option_fields).get(OVERLOAD, b"")
    if overload in (b"\x01", b"\x03"):
        option_fields.append(message[108:236])
    if overload in (b"\x02", b"\x03"):
        option_fields.append(message[44:108])
    return parse_options(*option_fields)


def _request(
    mac: str, interface: str, relay: ipaddress.IPv4Address, options: dict[int, bytes]
) -> DhcpRequest:
    relay_agent = parse_options(options.get(RELAY_AGENT, b""))
    architectures = options.get(ARCHITECTURE, b"")
    return DhcpRequest(
        mac=mac,
        interface=interface,
        relay=str(relay) if int(relay) else "",
        vendor=printable(options.get(VENDOR_CLASS, b"")),
        architecture=int.from_bytes(architectures[:2], "big") if len(architectures) >= 2 else None,
        uuid=_machine_uuid(options.get(MACHINE_UUID, b"")),
        switch=printable(relay_agent.get(REMOTE_ID, b"")),
        port=printable(relay_agent.get(CIRCUIT_ID, b"")),
        client_id=options.get(CLIENT_ID, b"").hex(":"),
        requested_options=tuple(options.get(REQUESTED_OPTIONS, b"")),
    )


def _machine_uuid(value: bytes) -> str:
    """Return the UUID in an option 97: a zero byte, then the UUID (PXE 2.1).  Empty if invalid."""
    if len(value) != 17 or value[0] != 0 or not any(value):
        return ""
    return str(uuid.UUID(bytes=value[1:]))
