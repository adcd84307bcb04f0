# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DHCP offers as bytes; tests/integration/frontend uses real servers."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_packet import request_in
from ansible_collections.npaci.rocks.plugins.module_utils.frontend import dhcp_probe

MAC = "00:30:c1:d8:ac:80"


def answer(
    kind: int = dhcp_probe.OFFER,
    options: bytes = b"\x36\x04\x0a\x01\x01\x09",
    source: bytes = b"\x0a\x01\x01\x09",
) -> bytes:
    """Return an offer of 10.255.255.254 by 10.1.1.9."""
    request = dhcp_probe.discover_packet(MAC)
    message = bytearray(request[28:])
    message[0] = dhcp_probe.REPLY_KIND
    message[16:20] = b"\x0a\xff\xff\xfe"
    message[240:] = bytes((dhcp_probe.MESSAGE_TYPE, 1, kind)) + options + bytes([dhcp_probe.END])
    return (
        request[:12]
        + source
        + b"\xff" * 4
        + struct.pack("!HHHH", 67, 68, 8 + len(message), 0)
        + bytes(message)
    )


def test_the_request_is_a_dhcpdiscover_for_insert_ethers() -> None:
    ethernet = b"\xff" * 6 + bytes.fromhex(MAC.replace(":", "")) + b"\x08\x00"
    request = request_in(ethernet + dhcp_probe.discover_packet(MAC), "eth1")
    assert request is not None and request.mac == MAC


def test_an_offer_contains_server_and_address() -> None:
    assert dhcp_probe.parse_offer(answer()) == ("10.1.1.9", "10.255.255.254")


def test_without_the_server_option_the_sender_is_the_server() -> None:
    assert dhcp_probe.parse_offer(answer(options=b"", source=b"\x0a\x01\x01\x08")) == (
        "10.1.1.8",
        "10.255.255.254",
    )


def test_an_acknowledgement_is_not_an_offer() -> None:
    assert dhcp_probe.parse_offer(answer(kind=5)) is None


def test_our_own_request_is_not_an_offer() -> None:
    assert dhcp_probe.parse_offer(dhcp_probe.discover_packet(MAC)) is None


@given(st.integers(0, 400), st.binary(max_size=80))
def test_any_packet_is_parsed_without_an_error(cut: int, tail: bytes) -> None:
    for packet in (answer()[:cut], answer()[:cut] + tail, tail):
        assert isinstance(dhcp_probe.parse_offer(packet), (dhcp_probe.Offer, type(None)))
