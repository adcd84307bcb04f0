# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build DHCP requests as bytes, including malformed ones."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Iterable, Sequence

from .namespaces import Namespace

BROADCAST = b"\xff" * 6
COOKIE = b"\x63\x82\x53\x63"
DISCOVER = b"\x01"
REQUEST = b"\x03"
INFORM = b"\x08"
Options = Iterable[tuple[int, bytes]]


def mac(number: int) -> str:
    """Return the MAC of the test machine with this number, in lower case."""
    return f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def option_field(options: Options) -> bytes:
    """Encode options."""
    return b"".join(bytes((code, len(value))) + value for code, value in options)


def message(
    address: str,
    options: Options = ((53, DISCOVER),),
    *,
    relay: str = "0.0.0.0",
    kind: int = 1,
    hardware: int = 1,
    length: int = 6,
    cookie: bytes = COOKIE,
    sname: bytes = b"",
    file: bytes = b"",
) -> bytes:
    """Build a BOOTP or DHCP message of at least 300 octets (RFC 951, RFC 2131)."""
    fixed = struct.pack(
        "!BBBBIHH12x4s", kind, hardware, length, 0, 7, 0, 0x8000, socket.inet_aton(relay)
    )
    chaddr = bytes.fromhex(address.replace(":", "")).ljust(16, b"\0")
    body = (
        fixed
        + chaddr
        + sname.ljust(64, b"\0")
        + file.ljust(128, b"\0")
        + cookie
        + option_field(options)
        + b"\xff"
    )
    return body.ljust(300, b"\0")


def frame(
    address: str,
    payload: bytes,
    *,
    port: int = 67,
    protocol: int = 17,
    tags: bytes = b"",
    ethertype: int = 0x0800,
    ip_options: bytes = b"",
    fragment: int = 0,
    source: str = "0.0.0.0",
) -> bytes:
    """Build an Ethernet frame with a UDP datagram; ``tags`` are VLAN tags of four octets each."""
    datagram = struct.pack("!HHHH", 68, port, 8 + len(payload), 0) + payload
    words = 5 + len(ip_options) // 4
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0,
        words * 4 + len(datagram),
        0,
        fragment,
        64,
        protocol,
        0,
        ipaddress.IPv4Address(source).packed,
        b"\xff" * 4,
    )
    header += ip_options
    header = header[:10] + _checksum(header) + header[12:]
    ethernet = (
        BROADCAST + bytes.fromhex(address.replace(":", "")) + tags + struct.pack("!H", ethertype)
    )
    return ethernet + header + datagram


def discover(
    address: str, options: Options = (), *, relay: str = "0.0.0.0", tags: bytes = b""
) -> bytes:
    """Build the frame of a DHCPDISCOVER with additional options."""
    return frame(address, message(address, [(53, DISCOVER), *options], relay=relay), tags=tags)


def send(machine: Namespace, frames: Sequence[bytes]) -> None:
    """Send frames from the interface eth0 of a machine."""

    def send_frames() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as link:
            link.bind(("eth0", 0))
            for frame in frames:
                link.send(frame)

    machine.call(send_frames)


def _checksum(header: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
