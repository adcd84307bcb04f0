# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DHCP client with the options and the retry times of firmware, on a raw socket.

Sources: RFC 2131, RFC 4578, and captured packets of real SeaBIOS with iPXE, and of OVMF.
"""

from __future__ import annotations

import heapq
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Iterable, Iterator, NamedTuple, Optional

from .namespaces import Namespace

COOKIE = b"\x63\x82\x53\x63"
# Message types.
DISCOVER = 1
OFFER = 2
REQUEST = 3
ACK = 5
# Option codes.
HOSTNAME = 12
ADDRESS = 50
TYPE = 53
SERVER = 54
VENDOR_CLASS = 60
CLIENT_ID = 61
BOOT_FILE = 67
USER_CLASS = 77
ARCHITECTURE = 93
INTERFACE = 94
ENCAPSULATED = 175
END = 255
REQUESTED_OPTIONS = bytes([55, 7, 1, 3, 6, HOSTNAME, VENDOR_CLASS, 66, BOOT_FILE])
PATIENCE = 5.0  # seconds after the last DISCOVER; a busy server answers late
SO_RCVBUFFORCE = 33
CROWD_BUFFER = 64 << 20
UDP_PAYLOAD = 42  # of an Ethernet frame without VLAN tag and IP options


@dataclass(frozen=True)
class Firmware:
    """One kind of firmware."""

    vendor_class: str
    architecture: int
    schedule: tuple[float, ...]
    """The seconds at which it sends a DISCOVER."""
    user_class: str = ""


IPXE = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0, 1, 3, 7.1), "iPXE")
UEFI_PXE = Firmware("PXEClient:Arch:00007:UNDI:003000", 7, (0, 3.8, 11.9, 27.9))
UEFI_IPXE = Firmware("PXEClient:Arch:00007:UNDI:003010", 7, (0, 1, 3, 7.1), "iPXE")
UEFI_HTTP = Firmware("HTTPClient:Arch:00016:UNDI:003000", 16, (0, 3.8, 11.9, 27.9))


class Lease(NamedTuple):
    """The content of the server's ACK; the number of DISCOVERs; the seconds since the first one."""

    address: str
    hostname: str
    boot_file: str
    next_server: str
    vendor_class: str
    discovers: int
    seconds: float


def ask(
    machine: Namespace, mac: str, firmware: Firmware = IPXE, interface: str = "eth0"
) -> Optional[Lease]:
    """Request an address from ``machine``; None if the server does not answer any DISCOVER."""
    with machine.call(_open, interface) as link:
        return _Client(link, bytes.fromhex(mac.replace(":", "")), firmware).run()


def ask_all(
    machine: Namespace, macs: Iterable[str], firmware: Firmware = IPXE, interface: str = "eth0"
) -> dict[str, Optional[Lease]]:
    """Request addresses for many machines at the same moment; return their leases by MAC."""
    with machine.call(_open, interface) as link:
        link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, CROWD_BUFFER)
        return _Crowd(link, tuple(macs), firmware).run()


def _open(interface: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    link.bind((interface, 0))
    return link


class _Client:
    """One boot: DISCOVERs by the schedule, a REQUEST for the first OFFER."""

    def __init__(self, link: socket.socket, mac: bytes, firmware: Firmware) -> None:
        self.link = link
        self.mac = mac
        self.firmware = firmware
        # iPXE derives it from the MAC, so it is the same at every boot.
        self.xid = mac[2:6]
        self.started = time.monotonic()

    def run(self) -> Optional[Lease]:
        for count, begin in enumerate(self.firmware.schedule, 1):
            until = (*self.firmware.schedule, begin + PATIENCE)[count]
            self.discover()
            for reply in self._replies(until):
                lease = self.handle(reply, count)
                if lease:
                    return lease
        return None

    def discover(self) -> None:
        self.link.send(self._frame(DISCOVER))

    def handle(self, reply: bytes, discovers: int) -> Optional[Lease]:
        """Send a REQUEST after an OFFER, return the lease of an ACK.  discovers: the number sent"""
        options = _options(reply)
        kind = options[TYPE][0]
        if kind == OFFER:
            options_field = (
                bytes([ADDRESS, 4]) + reply[16:20] + bytes([SERVER, 4]) + options[SERVER]
            )
            self.link.send(self._frame(REQUEST, options_field))
        return (
            _lease(reply, options, discovers, time.monotonic() - self.started)
            if kind == ACK
            else None
        )

    def _replies(self, until: float) -> Iterator[bytes]:
        """Yield replies to this client until so many seconds after the first DISCOVER."""
        while (seconds_left := self.started + until - time.monotonic()) > 0:
            if select.select([self.link], [], [], seconds_left)[0]:
                reply = _reply(self.link.recv(2048))
                if reply[4:8] == self.xid:
                    yield reply

    def _frame(self, kind: int, more: bytes = b"") -> bytes:
        message = (
            struct.pack("!BBBB4sHH16x", 1, 1, 6, 0, self.xid, 0, 0x8000)
            + self.mac.ljust(16, b"\0")
            + bytes(192)
        )
        message += COOKIE + bytes([TYPE, 1, kind]) + self._identification() + more + bytes([END])
        datagram = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
        header = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4
        )
        header = header[:10] + _checksum(header) + header[12:]
        return b"\xff" * 6 + self.mac + b"\x08\x00" + header + datagram

    def _identification(self) -> bytes:
        firmware = self.firmware
        options = [
            (CLIENT_ID, b"\1" + self.mac),
            (ARCHITECTURE, struct.pack("!H", firmware.architecture)),
            (INTERFACE, bytes([1, 2, 1])),
            (VENDOR_CLASS, firmware.vendor_class.encode()),
        ]
        if firmware.user_class:
            # Real iPXE sends its feature list (175) with its user class; dnsmasq rules use it.
            options += [(USER_CLASS, firmware.user_class.encode()), (ENCAPSULATED, b"\x13\x01\x01")]
        return (
            b"".join(bytes([code, len(value)]) + value for code, value in options)
            + REQUESTED_OPTIONS
        )


class _Crowd:
    """Many boots in one loop, distinguished by their transaction IDs."""

    def __init__(self, link: socket.socket, macs: tuple[str, ...], firmware: Firmware) -> None:
        self.link = link
        self.firmware = firmware
        self.clients = {
            client.xid: (mac, client)
            for mac in macs
            for client in [_Client(link, bytes.fromhex(mac.replace(":", "")), firmware)]
        }
        if len(self.clients) < len(macs):
            raise ValueError(
                "two machines have the same transaction ID, which is the last four bytes of the MAC"
            )
        self.sent = dict.fromkeys(self.clients, 0)
        self.leases: dict[str, Optional[Lease]] = dict.fromkeys(macs)
        self.waiting = set(self.clients)

    def run(self) -> dict[str, Optional[Lease]]:
        started = time.monotonic()
        timetable = [(when, xid) for when in self.firmware.schedule for xid in self.clients]
        heapq.heapify(timetable)
        end = self.firmware.schedule[-1] + PATIENCE
        while self.waiting and (now := time.monotonic() - started) < end:
            if timetable and timetable[0][0] <= now:
                self._discover(heapq.heappop(timetable)[1])
            if select.select(
                [self.link], [], [], max(0.0, (timetable[0][0] if timetable else end) - now)
            )[0]:
                self._handle(_reply(self.link.recv(2048)))
        return self.leases

    def _discover(self, xid: bytes) -> None:
        if xid in self.waiting:
            self.sent[xid] += 1
            self.clients[xid][1].discover()

    def _handle(self, reply: bytes) -> None:
        xid = reply[4:8]
        if xid in self.waiting:
            mac, client = self.clients[xid]
            lease = self.leases[mac] = client.handle(reply, self.sent[xid])
            if lease:
                self.waiting.remove(xid)


def _reply(frame: bytes) -> bytes:
    """Return the DHCP reply in a frame; empty if there is none."""
    reply = frame[UDP_PAYLOAD:]
    return reply if frame[23] == socket.IPPROTO_UDP and reply[:1] == b"\2" else b""


def _lease(reply: bytes, options: dict[int, bytes], discovers: int, seconds: float) -> Lease:
    boot_file = options.get(BOOT_FILE) or reply[108:236]
    return Lease(
        address=socket.inet_ntoa(reply[16:20]),
        hostname=options.get(HOSTNAME, b"").decode(),
        boot_file=boot_file.partition(b"\0")[0].decode(),
        next_server=socket.inet_ntoa(reply[20:24]),
        vendor_class=options.get(VENDOR_CLASS, b"").decode(),
        discovers=discovers,
        seconds=seconds,
    )


def _options(reply: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    position = 240
    while position < len(reply) and reply[position] != END:
        if reply[position] == 0:
            position += 1
            continue
        length = reply[position + 1]
        options[reply[position]] = reply[position + 2 : position + 2 + length]
        position += 2 + length
    return options


def _checksum(header: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
