# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests of one machine are merged, and their text is printable."""

from __future__ import annotations

from dataclasses import replace
from typing import Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import (
    MAX_TEXT_LENGTH,
    DhcpRequest,
    merge_by_mac,
    printable,
    usable_mac,
)

MAC = "00:50:8b:e0:3a:a7"
OTHER_MAC = "00:50:8b:e0:44:5e"


def test_ten_requests_of_one_mac_are_one_machine() -> None:
    assert merge_by_mac([DhcpRequest(MAC)] * 10) == [DhcpRequest(MAC)]


def test_machines_are_in_the_order_of_their_first_requests() -> None:
    requests = [
        DhcpRequest(OTHER_MAC),
        DhcpRequest(MAC),
        DhcpRequest(OTHER_MAC, interface="eth1"),
    ]
    assert merge_by_mac(requests) == [
        DhcpRequest(OTHER_MAC, interface="eth1"),
        DhcpRequest(MAC),
    ]


def test_a_later_request_fills_empty_fields_only() -> None:
    first = DhcpRequest(MAC, interface="eth1", vendor="PXEClient:Arch:00007", architecture=0)
    later = DhcpRequest(MAC, interface="eth9", relay="10.2.0.1", vendor="iPXE", architecture=7)
    assert merge_by_mac([first, later]) == [replace(first, relay="10.2.0.1")]


@pytest.mark.parametrize(
    ("dhcp_request", "arch", "is_firmware"),
    [
        pytest.param(DhcpRequest(MAC, architecture=0), "x86_64", True, id="BIOS"),
        pytest.param(DhcpRequest(MAC, architecture=11), "aarch64", True, id="UEFI on ARM"),
        pytest.param(
            DhcpRequest(MAC, vendor="HTTPClient:Arch:00016:UNDI:003000"),
            "x86_64",
            True,
            id="HTTP boot in a log",
        ),
        pytest.param(
            DhcpRequest(MAC, vendor="PXEClient"),
            "",
            True,
            id="a PXE client without an architecture",
        ),
        pytest.param(DhcpRequest(MAC, architecture=4711), "", True, id="an unknown architecture"),
        pytest.param(DhcpRequest(MAC, vendor="udhcp 1.35.0"), "", False, id="an operating system"),
        pytest.param(DhcpRequest(MAC), "", False, id="a switch"),
    ],
)
def test_architecture_and_firmware_of_a_request(
    dhcp_request: DhcpRequest, arch: str, is_firmware: bool
) -> None:
    assert (dhcp_request.arch, dhcp_request.is_firmware) == (arch, is_firmware)


@pytest.mark.parametrize(
    "text",
    ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:50:8b", "", "x" * 17],
)
def test_malformed_multicast_and_zero_macs_are_not_usable(text: str) -> None:
    assert usable_mac(text) is None


def test_a_mac_is_normalised() -> None:
    assert usable_mac("00-50-8B-E0-3A-A7") == usable_mac(MAC.upper()) == MAC


@given(st.text() | st.binary())
def test_printable_text_is_ascii_of_limited_length(text: Union[str, bytes]) -> None:
    safe = printable(text)
    assert safe.isascii() and safe.isprintable() and len(safe) <= MAX_TEXT_LENGTH


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=MAX_TEXT_LENGTH))
def test_printable_does_not_change_plain_text(text: str) -> None:
    assert printable(text) == text
