# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Capture DHCP requests on an interface, whichever DHCP server runs there.

A packet socket receives a copy of each frame and does not affect other receivers.  The kernel
discards everything but IPv4 UDP packets to port 67, so the socket costs nothing on a busy network.
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
from .dhcp_packet import VLAN_ID_MASK, request_in
from .dhcp_request import DhcpRequest

# From Linux's headers; Python's socket module does not define them.
ETH_P_ALL = 0x0003
SO_ATTACH_FILTER = 26
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
SIOCGIFADDR = 0x8915
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata of linux/if_packet.h
VLAN_VALID = 1 << 4

MAX_FRAME_BYTES = 65536
RECEIVE_BUFFER_BYTES = 8 << 20
SO_RCVBUFFORCE = 33  # above the kernel's default limit, which is a tenth of that; only for root
MAX_FRAMES = 8192  # in one call of read()
# What the requests of booting firmware contain: option 60, or option 93 with its length.
FIRMWARE_MARKS = (b"PXEClient", b"HTTPClient", b"\x5d\x02")
MAX_OTHER_FRAMES = 64  # without such a mark, in one call of read()


class Instruction(NamedTuple):
    """An instruction of classic BPF.  Jumps count from the next instruction."""

    code: int
    jump_true: int
    jump_false: int
    value: int


LOAD_BYTE = 0x30
LOAD_HALF = 0x28
LOAD_HALF_AT_X = 0x48
HEADER_LENGTH_TO_X = 0xB1
JUMP_EQUAL = 0x15
JUMP_ANY_BIT = 0x45
ACCEPT = 0x06

# Accept IPv4, UDP, no later fragment, destination port 67.  The kernel has removed VLAN tags from
# the frame before a packet socket receives it, and passes them in PACKET_AUXDATA.
FILTER = (
    Instruction(LOAD_HALF, 0, 0, 12),
    Instruction(JUMP_EQUAL, 0, 8, 0x0800),
    Instruction(LOAD_BYTE, 0, 0, 23),
    Instruction(JUMP_EQUAL, 0, 6, 17),
    Instruction(LOAD_HALF, 0, 0, 20),
    Instruction(JUMP_ANY_BIT, 4, 0, 0x1FFF),
    Instruction(HEADER_LENGTH_TO_X, 0, 0, 14),
    Instruction(LOAD_HALF_AT_X, 0, 0, 16),
    Instruction(JUMP_EQUAL, 0, 1, 67),
    Instruction(ACCEPT, 0, 0, MAX_FRAME_BYTES),
    Instruction(ACCEPT, 0, 0, 0),
)


class PacketSocket:
    """The DHCP requests on one interface; a Source of event_loop."""

    exhausted = False

    def __init__(self, interface: str) -> None:
        """Raise Refused without CAP_NET_RAW, NotFound when the interface does not exist."""
        self.name = f"interface {interface}"
        self.interface = interface
        self._socket = _open_socket(interface)

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._socket.fileno()

    def read(self) -> list[DhcpRequest]:
        """Return the requests since the last call, from up to MAX_FRAMES frames, without waiting.

        A flood of requests that boot no machine does not delay those that do: the former are
        skipped after MAX_OTHER_FRAMES.  An operating system repeats its request.

        Raises Unavailable when the interface does not exist any longer.
        """
        requests = []
        others = 0
        for _frame in range(MAX_FRAMES):
            try:
                frame, control, _flags, sender = self._socket.recvmsg(
                    MAX_FRAME_BYTES, socket.CMSG_SPACE(AUXDATA.size)
                )
            except BlockingIOError:
                break
            except OSError as error:
                # The kernel reports this once when an interface goes down, and the socket works
                # again when it is up.  An interface that was deleted does not come back.
                if error.errno == errno.ENETDOWN and self.interface in _interfaces():
                    break
                raise Unavailable(
                    f"cannot listen on this interface any longer ({error.strerror})",
                    self.interface,
                ) from error
            # Skip the frontend's own frames, and frames of a VLAN, which has its own interface.
            if sender[2] == PACKET_OUTGOING or _vlan_id(control):
                continue
            boots = any(mark in frame for mark in FIRMWARE_MARKS)
            others += not boots
            if boots or others <= MAX_OTHER_FRAMES:
                request = request_in(frame, self.interface)
                if request:
                    requests.append(request)
        return requests

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def interface_in(subnet: str, netmask: str) -> str:
    """Return the interface of this machine whose address is in the network.  Raises NotFound."""
    network = ipaddress.IPv4Network(f"{subnet}/{netmask}")
    for name in _interfaces():
        address = _address_of(name)
        if address is not None and address in network:
            return name
    raise NotFound(
        f"no interface of this machine has an address in {network}", hint="set interface=NAME"
    )


def _open_socket(interface: str) -> socket.socket:
    try:
        # Protocol 0 receives nothing: no frame is queued before the filter is attached.
        packet_socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise Refused(
            "no permission to open a packet socket",
            interface,
            "run as root (become: true), or read the DHCP server's log: source=journal",
        ) from None
    try:
        _attach_filter(packet_socket)
        packet_socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        try:
            packet_socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except PermissionError:  # CAP_NET_RAW without CAP_NET_ADMIN
            packet_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        packet_socket.setblocking(False)
        packet_socket.bind((interface, ETH_P_ALL))
    except OSError as error:
        packet_socket.close()
        hint = f"interfaces: {', '.join(_interfaces())}"
        message = f"cannot listen on this interface ({error.strerror})"
        raise NotFound(message, interface, hint) from None
    return packet_socket


def _attach_filter(receiver: socket.socket) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in FILTER))
    sock_fprog = struct.pack("@HP", len(FILTER), ctypes.addressof(program))
    receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog)


def _vlan_id(control: list[tuple[int, int, bytes]]) -> int:
    """Return the VLAN ID that the kernel removed from the frame; 0 for an untagged frame."""
    for level, kind, data in control:
        if level == SOL_PACKET and kind == PACKET_AUXDATA and len(data) >= AUXDATA.size:
            status, _length, _captured, _mac, _net, tag, _protocol = AUXDATA.unpack_from(data)
            return tag & VLAN_ID_MASK if status & VLAN_VALID else 0
    return 0


def _interfaces() -> list[str]:
    return sorted(name for _index, name in socket.if_nameindex())


def _address_of(interface: str) -> Optional[ipaddress.IPv4Address]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("256s", interface.encode()[:15])
        try:
            answer = fcntl.ioctl(any_socket, SIOCGIFADDR, request)
        except OSError:
            return None
    return ipaddress.IPv4Address(answer[20:24])
