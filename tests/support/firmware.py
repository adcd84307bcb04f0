# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DHCP client that asks as firmware does: same options, same retry times, on a raw socket (RFC 2131, RFC 4578).

What real SeaBIOS+iPXE and OVMF send was read off the wire; so were the times after which they ask again.
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
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
HOSTNAME, ADDRESS, TYPE, SERVER, VENDOR_CLASS, CLIENT_ID = 12, 50, 53, 54, 60, 61
BOOT_FILE, USER_CLASS, ARCHITECTURE, INTERFACE, ENCAPSULATED, END = 67, 77, 93, 94, 175, 255
WANTED = bytes([55, 7, 1, 3, 6, HOSTNAME, VENDOR_CLASS, 66, BOOT_FILE])
PATIENCE = 2.0  # seconds after the last DISCOVER
SO_RCVBUFFORCE, CROWD_BUFFER = 33, 64 << 20
UDP_PAYLOAD = 42  # of an Ethernet frame without VLAN tag and IP options


@dataclass(frozen=True)
class Firmware:
    """How one kind of firmware asks; ``schedule`` holds the seconds at which it sends a DISCOVER."""

    vendor_class: str
    architecture: int
    schedule: tuple[float, ...]
    user_class: str = ""


IPXE = Firmware("PXEClient:Arch:00000:UNDI:002001", 0, (0, 1, 3, 7.1), "iPXE")
UEFI_PXE = Firmware("PXEClient:Arch:00007:UNDI:003000", 7, (0, 3.8, 11.9, 27.9))
UEFI_IPXE = Firmware("PXEClient:Arch:00007:UNDI:003010", 7, (0, 1, 3, 7.1), "iPXE")
UEFI_HTTP = Firmware("HTTPClient:Arch:00016:UNDI:003000", 16, (0, 3.8, 11.9, 27.9))


class Lease(NamedTuple):
    """What the server's ACK gave, the number of DISCOVERs that it took, and the seconds since the first one."""

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
    """Ask for an address from ``machine`` until the last DISCOVER stays unanswered; None then, as at a dark screen."""
    with machine.call(_open, interface) as link:
        return _Conversation(link, bytes.fromhex(mac.replace(":", "")), firmware).run()


def ask_all(
    machine: Namespace, macs: Iterable[str], firmware: Firmware = IPXE, interface: str = "eth0"
) -> dict[str, Optional[Lease]]:
    """So many machines ask at the same moment, each as ``ask`` does: what each of them got."""
    with machine.call(_open, interface) as link:
        link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, CROWD_BUFFER)
        return _Crowd(link, tuple(macs), firmware).run()


def _open(interface: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    link.bind((interface, 0))
    return link


class _Conversation:
    """One power-on: DISCOVERs by the schedule, a REQUEST for the first OFFER."""

    def __init__(self, link: socket.socket, mac: bytes, firmware: Firmware) -> None:
        self.link, self.mac, self.firmware = link, mac, firmware
        # iPXE makes it from the MAC: the same one at every power-on.
        self.xid = mac[2:6]
        self.started = time.monotonic()

    def run(self) -> Optional[Lease]:
        for count, begin in enumerate(self.firmware.schedule, 1):
            until = (*self.firmware.schedule, begin + PATIENCE)[count]
            self.discover()
            for reply in self._replies(until):
                lease = self.hear(reply, count)
                if lease:
                    return lease
        return None

    def discover(self) -> None:
        self.link.send(self._frame(DISCOVER))

    def hear(self, reply: bytes, discovers: int) -> Optional[Lease]:
        """Follow an OFFER; an ACK is the end.  discovers: how many were sent"""
        options = _options(reply)
        kind = options[TYPE][0]
        if kind == OFFER:
            wish = bytes([ADDRESS, 4]) + reply[16:20] + bytes([SERVER, 4]) + options[SERVER]
            self.link.send(self._frame(REQUEST, wish))
        return (
            _lease(reply, options, discovers, time.monotonic() - self.started)
            if kind == ACK
            else None
        )

    def _replies(self, until: float) -> Iterator[bytes]:
        """DHCP replies to this client before ``until`` seconds have passed since the first DISCOVER."""
        while (left := self.started + until - time.monotonic()) > 0:
            if select.select([self.link], [], [], left)[0]:
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
            # Real iPXE sends its feature list (175) beside its user class; dnsmasq rules go by it.
            options += [(USER_CLASS, firmware.user_class.encode()), (ENCAPSULATED, b"\x13\x01\x01")]
        return b"".join(bytes([code, len(value)]) + value for code, value in options) + WANTED


class _Crowd:
    """Many power-ons in one loop, told apart by their transactions."""

    def __init__(self, link: socket.socket, macs: tuple[str, ...], firmware: Firmware) -> None:
        self.link, self.firmware = link, firmware
        self.talks = {
            talk.xid: (mac, talk)
            for mac in macs
            for talk in [_Conversation(link, bytes.fromhex(mac.replace(":", "")), firmware)]
        }
        if len(self.talks) < len(macs):
            raise ValueError(
                "two of the machines would have the same transaction: they differ in no one of four bytes"
            )
        self.sent = dict.fromkeys(self.talks, 0)
        self.leases: dict[str, Optional[Lease]] = dict.fromkeys(macs)
        self.waiting = set(self.talks)

    def run(self) -> dict[str, Optional[Lease]]:
        started = time.monotonic()
        timetable = [(when, xid) for when in self.firmware.schedule for xid in self.talks]
        heapq.heapify(timetable)
        end = self.firmware.schedule[-1] + PATIENCE
        while self.waiting and (now := time.monotonic() - started) < end:
            if timetable and timetable[0][0] <= now:
                self._discover(heapq.heappop(timetable)[1])
            if select.select(
                [self.link], [], [], max(0.0, (timetable[0][0] if timetable else end) - now)
            )[0]:
                self._hear(_reply(self.link.recv(2048)))
        return self.leases

    def _discover(self, xid: bytes) -> None:
        if xid in self.waiting:
            self.sent[xid] += 1
            self.talks[xid][1].discover()

    def _hear(self, reply: bytes) -> None:
        xid = reply[4:8]
        if xid in self.waiting:
            mac, talk = self.talks[xid]
            lease = self.leases[mac] = talk.hear(reply, self.sent[xid])
            if lease:
                self.waiting.remove(xid)


def _reply(frame: bytes) -> bytes:
    """The DHCP reply in a frame; empty when it holds none."""
    reply = frame[UDP_PAYLOAD:]
    return reply if frame[23] == socket.IPPROTO_UDP and reply[:1] == b"\2" else b""


def _lease(reply: bytes, options: dict[int, bytes], discovers: int, seconds: float) -> Lease:
    boot_file = options.get(BOOT_FILE) or reply[108:236]
    return Lease(
        socket.inet_ntoa(reply[16:20]),
        options.get(HOSTNAME, b"").decode(),
        boot_file.partition(b"\0")[0].decode(),
        socket.inet_ntoa(reply[20:24]),
        options.get(VENDOR_CLASS, b"").decode(),
        discovers,
        seconds,
    )


def _options(reply: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 240
    while at < len(reply) and reply[at] != END:
        if reply[at] == 0:
            at += 1
            continue
        found[reply[at]] = reply[at + 2 : at + 2 + reply[at + 1]]
        at += 2 + reply[at + 1]
    return found


def _checksum(header: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
