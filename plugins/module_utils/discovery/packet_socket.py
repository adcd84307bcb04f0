# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DHCP requests as they pass on the wire, beside whatever DHCP server is at work.

A packet socket sees a copy of each frame and takes nothing from anyone. The kernel filters: what is not IPv4, UDP, to
port 67 never reaches us, so that the socket costs nothing on a busy network.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import ipaddress
import socket
import struct
from typing import NamedTuple, Optional

from ..errors import NotFound, Refused, Unavailable
from .dhcp_packet import VLAN_NUMBER, request_in
from .dhcp_request import Sighting

ETH_P_ALL = 0x0003
SO_ATTACH_FILTER, SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 26, 263, 8, 4
SIOCGIFADDR = 0x8915
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata of linux/if_packet.h
VLAN_VALID = 1 << 4
LONGEST_FRAME = 65536
BUFFER_BYTES = 1 << 20
MOST_AT_ONCE = 512


class Instruction(NamedTuple):
    """One step of the classic BPF machine; a jump counts from the step after it."""

    code: int
    true: int
    false: int
    value: int


LOAD_BYTE, LOAD_HALF, LOAD_HALF_AT_X, HEADER_TO_X = 0x30, 0x28, 0x48, 0xB1
EQUAL, ANY_BIT, ACCEPT = 0x15, 0x45, 0x06

# IPv4, UDP, no later fragment, destination port 67. VLAN tags are not in the frame any more: the kernel takes them off
# before a packet socket sees it, and tells them beside it (PACKET_AUXDATA).
FILTER = (
    Instruction(LOAD_HALF, 0, 0, 12),
    Instruction(EQUAL, 0, 8, 0x0800),
    Instruction(LOAD_BYTE, 0, 0, 23),
    Instruction(EQUAL, 0, 6, 17),
    Instruction(LOAD_HALF, 0, 0, 20),
    Instruction(ANY_BIT, 4, 0, 0x1FFF),
    Instruction(HEADER_TO_X, 0, 0, 14),
    Instruction(LOAD_HALF_AT_X, 0, 0, 16),
    Instruction(EQUAL, 0, 1, 67),
    Instruction(ACCEPT, 0, 0, LONGEST_FRAME),
    Instruction(ACCEPT, 0, 0, 0),
)


class Wire:
    """The requests that pass on one interface; a source for ``watch``."""

    exhausted = False

    def __init__(self, interface: str) -> None:
        """Raises Refused without CAP_NET_RAW, NotFound when there is no such interface."""
        self.name, self.interface = f"the wire at {interface}", interface
        self._socket = _listen(interface)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[Sighting]:
        """The requests that have come since the last call, at most some hundred; never waits."""
        found = []
        for _frame in range(MOST_AT_ONCE):
            try:
                frame, beside, _flags, sender = self._socket.recvmsg(
                    LONGEST_FRAME, socket.CMSG_SPACE(AUXDATA.size)
                )
            except BlockingIOError:
                break
            except OSError as error:
                # An interface that was taken down is told once, and heard again when it is up; one that is gone is not.
                if error.errno == errno.ENETDOWN and self.interface in _interfaces():
                    break
                raise Unavailable(
                    f"cannot be listened to any more ({error.strerror})", self.interface
                ) from error
            # What the frontend sends itself is no node's; what has a VLAN's tag belongs to that VLAN's own interface.
            if sender[2] != PACKET_OUTGOING and not _vlan(beside):
                sighting = request_in(frame, self.interface)
                if sighting:
                    found.append(sighting)
        return found

    def close(self) -> None:
        self._socket.close()


def interface_in(subnet: str, netmask: str) -> str:
    """The interface of this machine whose address is in the network.  Raises NotFound."""
    network = ipaddress.IPv4Network(f"{subnet}/{netmask}")
    for name in _interfaces():
        address = _address(name)
        if address is not None and address in network:
            return name
    raise NotFound(
        f"no interface of this machine has an address in {network}", hint="name one: interface=eth1"
    )


def _listen(interface: str) -> socket.socket:
    try:
        # Protocol 0 receives nothing yet: no frame comes in before the filter is there.
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise Refused(
            "listening on the wire needs the right to open packet sockets",
            interface,
            "run as root (become: true), or read the DHCP server's log: source=journal",
        ) from None
    try:
        _attach_filter(listener)
        listener.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        listener.setblocking(False)
        listener.bind((interface, ETH_P_ALL))
    except OSError as error:
        listener.close()
        hint = f"interfaces: {', '.join(_interfaces())}"
        raise NotFound(f"cannot be listened to ({error.strerror})", interface, hint) from None
    return listener


def _attach_filter(listener: socket.socket) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in FILTER))
    described = struct.pack("@HP", len(FILTER), ctypes.addressof(program))  # struct sock_fprog
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)


def _vlan(beside: list[tuple[int, int, bytes]]) -> int:
    """The VLAN that the kernel took off the frame, 0 when there was none."""
    for level, kind, data in beside:
        if level == SOL_PACKET and kind == PACKET_AUXDATA and len(data) >= AUXDATA.size:
            status, _length, _captured, _mac, _net, tag, _kind = AUXDATA.unpack_from(data)
            return tag & VLAN_NUMBER if status & VLAN_VALID else 0
    return 0


def _interfaces() -> list[str]:
    return sorted(name for _index, name in socket.if_nameindex())


def _address(interface: str) -> Optional[ipaddress.IPv4Address]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return None
    return ipaddress.IPv4Address(answer[20:24])
