# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DHCP offers as bytes; real servers answer in tests/integration/frontend."""

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
    """An offer of 10.255.255.254 by 10.1.1.9."""
    asked = dhcp_probe.discover_packet(MAC)
    message = bytearray(asked[28:])
    message[0], message[16:20] = dhcp_probe.REPLY_KIND, b"\x0a\xff\xff\xfe"
    message[240:] = bytes((dhcp_probe.MESSAGE_TYPE, 1, kind)) + options + bytes([dhcp_probe.END])
    return (
        asked[:12]
        + source
        + b"\xff" * 4
        + struct.pack("!HHHH", 67, 68, 8 + len(message), 0)
        + bytes(message)
    )


def test_our_question_is_a_dhcpdiscover_that_insert_ethers_understands() -> None:
    ethernet = b"\xff" * 6 + bytes.fromhex(MAC.replace(":", "")) + b"\x08\x00"
    sighting = request_in(ethernet + dhcp_probe.discover_packet(MAC), "eth1")
    assert sighting is not None and sighting.mac == MAC


def test_an_offer_names_its_server() -> None:
    assert dhcp_probe.parse_offer(answer()) == ("10.1.1.9", "10.255.255.254")


def test_an_offer_without_the_servers_option_is_of_who_sent_it() -> None:
    assert dhcp_probe.parse_offer(answer(options=b"", source=b"\x0a\x01\x01\x08")) == (
        "10.1.1.8",
        "10.255.255.254",
    )


def test_an_acknowledgement_of_another_machine_is_no_offer() -> None:
    assert dhcp_probe.parse_offer(answer(kind=5)) is None


def test_our_own_question_is_no_offer() -> None:
    assert dhcp_probe.parse_offer(dhcp_probe.discover_packet(MAC)) is None


@given(st.integers(0, 400), st.binary(max_size=80))
def test_no_packet_is_too_strange(cut: int, more: bytes) -> None:
    for packet in (answer()[:cut], answer()[:cut] + more, more):
        assert isinstance(dhcp_probe.parse_offer(packet), (dhcp_probe.Offer, type(None)))
