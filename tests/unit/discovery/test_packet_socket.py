# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's filter accepts packets to a DHCP server only."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.discovery import packet_socket
from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound
from support import dhcp
from support.dhcp import frame, message

MAC = "00:50:8b:e0:3a:a7"


def passes(data: bytes) -> bool:
    """Whether the filter accepts a frame.  It runs on any socket, also without privileges."""
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        packet_socket._attach_filter(receiver)
        receiver.setblocking(False)
        try:
            sender.send(data)
            return receiver.recv(packet_socket.MAX_FRAME_BYTES) == data
        except BlockingIOError:
            return False


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(dhcp.discover(MAC), id="a DISCOVER"),
        pytest.param(frame(MAC, message(MAC, [])), id="BOOTP"),
        pytest.param(
            frame(MAC, message(MAC), ip_options=b"\x94\x04\x00\x00" * 10), id="with IP options"
        ),
        pytest.param(
            frame(MAC, message(MAC, relay="10.2.0.1"), source="10.2.0.1"), id="of a relay"
        ),
        pytest.param(dhcp.discover(MAC, [(60, b"x" * 255)] * 5), id="a long one"),
    ],
)
def test_a_request_passes_completely(data: bytes) -> None:
    assert passes(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(MAC, message(MAC), port=68), id="to a client"),
        pytest.param(frame(MAC, message(MAC), protocol=6), id="TCP"),
        pytest.param(frame(MAC, message(MAC), ethertype=0x0806), id="ARP"),
        pytest.param(frame(MAC, message(MAC), ethertype=0x86DD), id="IPv6"),
        pytest.param(frame(MAC, message(MAC), fragment=8), id="a later fragment"),
        pytest.param(dhcp.discover(MAC)[:36], id="cut before the port"),
        pytest.param(b"x", id="one byte"),
    ],
)
def test_other_frames_do_not_pass(data: bytes) -> None:
    assert not passes(data)


def test_interface_in_finds_the_interface_by_its_address() -> None:
    assert packet_socket.interface_in("127.0.0.0", "255.0.0.0") == "lo"


def test_a_network_without_an_interface_is_an_error() -> None:
    with pytest.raises(NotFound, match=r"198\.51\.100\.0/24"):
        packet_socket.interface_in("198.51.100.0", "255.255.255.0")
