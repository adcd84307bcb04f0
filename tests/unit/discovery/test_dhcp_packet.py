# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frame gives a Sighting or nothing, whoever made it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_packet import request_in
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import Sighting
from support import dhcp
from support.dhcp import discover, frame, message

MAC = "00:50:8b:e0:3a:a7"
UUID = bytes.fromhex("4c4c4544004d32108047b8c04f4b4832")


def test_what_firmware_tells_about_itself_is_a_sighting() -> None:
    options = [
        (93, b"\x00\x07"),
        (60, b"PXEClient:Arch:00007:UNDI:003000"),
        (97, b"\x00" + UUID),
        (61, b"\x01" + bytes.fromhex("00508be03aa7")),
        (55, bytes([1, 3, 66, 67])),
    ]
    assert request_in(discover(MAC, options), "eth1") == Sighting(
        MAC,
        "eth1",
        vendor="PXEClient:Arch:00007:UNDI:003000",
        architecture=7,
        uuid="4c4c4544-004d-3210-8047-b8c04f4b4832",
        client="01:00:50:8b:e0:3a:a7",
        wishes=(1, 3, 66, 67),
    )


def test_a_relay_tells_itself_the_switch_and_its_port() -> None:
    cable = dhcp.option_field([(1, b"ge-0/0/7"), (2, b"switch-0")])
    assert request_in(discover(MAC, [(82, cable)], relay="10.2.0.1")) == Sighting(
        MAC, relay="10.2.0.1", switch="switch-0", port="ge-0/0/7"
    )


@pytest.mark.parametrize(
    "bootp",
    [
        pytest.param(message(MAC, [], cookie=bytes(4)), id="without a vendor field"),
        pytest.param(message(MAC, []), id="with an empty vendor field"),
    ],
)
def test_a_bootp_request_is_one_too(bootp: bytes) -> None:
    assert request_in(frame(MAC, bootp)) == Sighting(MAC)


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"\x81\x00\x00\x05", id="one"),
        pytest.param(b"\x88\xa8\x00\x05\x81\x00\x00\x06", id="two"),
    ],
)
def test_vlan_tags_stand_before_the_packet(tags: bytes) -> None:
    assert request_in(frame(MAC, message(MAC), tags=tags)) == Sighting(MAC)


def test_ip_options_stand_before_the_datagram() -> None:
    assert request_in(frame(MAC, message(MAC), ip_options=b"\x94\x04\x00\x00")) == Sighting(MAC)


def test_a_long_option_comes_in_parts() -> None:
    # RFC 3396
    assert request_in(discover(MAC, [(60, b"PXE"), (60, b"Client")])) == Sighting(
        MAC, vendor="PXEClient"
    )


def test_options_may_stand_in_the_fields_of_server_and_file() -> None:
    # RFC 2132, 9.3: option 52
    borrowed = message(
        MAC,
        [(52, b"\x03"), (53, dhcp.DISCOVER)],
        sname=dhcp.option_field([(60, b"HTTPClient")]) + b"\xff",
        file=dhcp.option_field([(93, b"\x00\x10")]) + b"\xff",
    )
    assert request_in(frame(MAC, borrowed)) == Sighting(MAC, vendor="HTTPClient", architecture=16)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            frame(MAC, message(MAC, [(53, dhcp.REQUEST)])),
            id="a request by a machine that has an address",
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
def test_everything_else_is_nothing(other: bytes) -> None:
    assert request_in(other) is None


def test_no_text_of_a_machine_reaches_us_unescaped() -> None:
    vendor, circuit = (
        b"\x1b[2J\r\n\x00\xff\xc2\x9b'\"{{x}}",
        dhcp.option_field([(1, b"\x1b]0;mine\x07")]),
    )
    sighting = request_in(discover(MAC, [(60, vendor), (82, circuit)]))
    assert sighting is not None
    assert sighting.vendor == "\\x1b[2J\\r\\n\\x00\\xff\\xc2\\x9b'\"{{x}}"
    assert sighting.port == "\\x1b]0;mine\\x07"


@given(st.binary(max_size=700))
def test_no_bytes_do_harm(noise: bytes) -> None:
    _is_harmless(request_in(noise))


@given(st.data())
def test_no_damage_to_a_request_does_harm(data: st.DataObject) -> None:
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
    _is_harmless(request_in(bytes(damaged)))


@given(st.binary(max_size=400))
def test_no_options_do_harm(options: bytes) -> None:
    _is_harmless(request_in(frame(MAC, message(MAC, []).rstrip(b"\xff\x00") + options)))


def _is_harmless(sighting: object) -> None:
    if sighting is not None:
        assert isinstance(sighting, Sighting)
        texts = (
            sighting.vendor,
            sighting.switch,
            sighting.port,
            sighting.relay,
            sighting.uuid,
            sighting.client,
        )
        assert all(text.isascii() and (text.isprintable()) for text in texts)
        assert len(sighting.vendor) <= 255 and len(sighting.port) <= 255
