# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frame gives a valid DhcpRequest or nothing, whatever its content."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_packet import request_in
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from support import dhcp
from support.dhcp import discover, frame, message

MAC = "00:50:8b:e0:3a:a7"
UUID = bytes.fromhex("4c4c4544004d32108047b8c04f4b4832")


def test_the_options_of_firmware_become_fields_of_the_request() -> None:
    options = [
        (93, b"\x00\x07"),
        (60, b"PXEClient:Arch:00007:UNDI:003000"),
        (97, b"\x00" + UUID),
        (61, b"\x01" + bytes.fromhex("00508be03aa7")),
        (55, bytes([1, 3, 66, 67])),
    ]
    assert request_in(discover(MAC, options), "eth1") == DhcpRequest(
        MAC,
        interface="eth1",
        vendor="PXEClient:Arch:00007:UNDI:003000",
        architecture=7,
        uuid="4c4c4544-004d-3210-8047-b8c04f4b4832",
        client_id="01:00:50:8b:e0:3a:a7",
        requested_options=(1, 3, 66, 67),
    )


def test_a_relay_agent_reports_the_switch_and_the_port() -> None:
    relay_agent = dhcp.option_field([(1, b"ge-0/0/7"), (2, b"switch-0")])
    assert request_in(discover(MAC, [(82, relay_agent)], relay="10.2.0.1")) == DhcpRequest(
        MAC, relay="10.2.0.1", switch="switch-0", port="ge-0/0/7"
    )


@pytest.mark.parametrize(
    "bootp",
    [
        pytest.param(message(MAC, [], cookie=bytes(4)), id="without a vendor field"),
        pytest.param(message(MAC, []), id="with an empty vendor field"),
    ],
)
def test_a_bootp_request_is_accepted(bootp: bytes) -> None:
    assert request_in(frame(MAC, bootp)) == DhcpRequest(MAC)


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"\x81\x00\x00\x05", id="one"),
        pytest.param(b"\x88\xa8\x00\x05\x81\x00\x00\x06", id="two"),
    ],
)
def test_vlan_tags_before_the_packet_are_skipped(tags: bytes) -> None:
    assert request_in(frame(MAC, message(MAC), tags=tags)) == DhcpRequest(MAC)


def test_ip_options_before_the_datagram_are_skipped() -> None:
    assert request_in(frame(MAC, message(MAC), ip_options=b"\x94\x04\x00\x00")) == DhcpRequest(MAC)


def test_the_parts_of_a_long_option_are_joined() -> None:
    # RFC 3396
    assert request_in(discover(MAC, [(60, b"PXE"), (60, b"Client")])) == DhcpRequest(
        MAC, vendor="PXEClient"
    )


def test_options_in_the_sname_and_file_fields_are_read() -> None:
    # RFC 2132, 9.3: option 52
    overloaded = message(
        MAC,
        [(52, b"\x03"), (53, dhcp.DISCOVER)],
        sname=dhcp.option_field([(60, b"HTTPClient")]) + b"\xff",
        file=dhcp.option_field([(93, b"\x00\x10")]) + b"\xff",
    )
    assert request_in(frame(MAC, overloaded)) == DhcpRequest(
        MAC, vendor="HTTPClient", architecture=16
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            frame(MAC, message(MAC, [(53, dhcp.REQUEST)])),
            id="a DHCPREQUEST",
        ),
        pytest.param(frame(MAC, message(MAC, [(53, dhcp.INFORM)])), id="an inform"),
        pytest.param(frame(MAC, message(MAC, kind=2)), id="a reply"),
        pytest.param(frame(MAC, message(MAC), port=68), id="to a client"),
        pytest.param(frame(MAC, message(MAC), protocol=6), id="TCP"),
        pytest.param(frame(MAC, message(MAC), fragment=0x2000), id="the first fragment"),
        pytest.param(frame(MAC, message(MAC), fragment=8), id="a later fragment"),
        pytest.param(frame(MAC, message(MAC), ethertype=0x86DD), id="IPv6"),
        pytest.param(frame(MAC, message(MAC, hardware=32)), id="InfiniBand"),
        pytest.param(frame(MAC, message(MAC, length=16)), id="a long hardware address"),
        pytest.param(discover("01:00:5e:00:00:01"), id="a multicast MAC"),
        pytest.param(discover("ff:ff:ff:ff:ff:ff"), id="the broadcast MAC"),
        pytest.param(discover("00:00:00:00:00:00"), id="a MAC of zeros"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_other_frames_are_ignored(data: bytes) -> None:
    assert request_in(data) is None


def test_text_of_a_machine_is_escaped() -> None:
    vendor = b"\x1b[2J\r\n\x00\xff\xc2\x9b'\"{{x}}"
    circuit = dhcp.option_field([(1, b"\x1b]0;mine\x07")])
    request = request_in(discover(MAC, [(60, vendor), (82, circuit)]))
    assert request is not None
    assert request.vendor == "\\x1b[2J\\r\\n\\x00\\xff\\xc2\\x9b'\"{{x}}"
    assert request.port == "\\x1b]0;mine\\x07"


@given(st.binary(max_size=700))
def test_random_bytes_give_a_valid_request_or_nothing(noise: bytes) -> None:
    _check(request_in(noise))


@given(st.data())
def test_a_damaged_request_gives_a_valid_request_or_nothing(data: st.DataObject) -> None:
    whole = discover(
        MAC,
        [
            (82, dhcp.option_field([(1, b"a")])),
            (60, b"PXEClient"),
            (52, b"\x03"),
            (97, b"\0" + UUID),
        ],
    )
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)), label="cut")])
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(whole)), st.integers(0, 255)), max_size=8)
    ):
        if at < len(damaged):
            damaged[at] = value
    _check(request_in(bytes(damaged)))


@given(st.binary(max_size=400))
def test_random_options_give_a_valid_request_or_nothing(options: bytes) -> None:
    _check(request_in(frame(MAC, message(MAC, []).rstrip(b"\xff\x00") + options)))


def _check(request: Optional[DhcpRequest]) -> None:
    if request is not None:
        texts = (
            request.vendor,
            request.switch,
            request.port,
            request.relay,
            request.uuid,
            request.client_id,
        )
        assert all(text.isascii() and text.isprintable() for text in texts)
        assert len(request.vendor) <= 255 and len(request.port) <= 255
