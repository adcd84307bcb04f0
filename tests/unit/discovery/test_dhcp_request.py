# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One machine is one Sighting, and its words do no harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import (
    LONGEST_TEXT,
    Sighting,
    folded,
    printable,
    usable_mac,
)

MAC, OTHER = "00:50:8b:e0:3a:a7", "00:50:8b:e0:44:5e"


def test_a_mac_that_comes_ten_times_in_a_burst_is_one_machine() -> None:
    assert folded([Sighting(MAC)] * 10) == [Sighting(MAC)]


def test_machines_stay_in_the_order_in_which_they_first_asked() -> None:
    seen = [Sighting(OTHER), Sighting(MAC), Sighting(OTHER, "eth1")]
    assert folded(seen) == [Sighting(OTHER, "eth1"), Sighting(MAC)]


def test_a_later_request_fills_what_is_empty_and_changes_nothing_else() -> None:
    first = Sighting(MAC, "eth1", vendor="PXEClient:Arch:00007", architecture=0)
    assert folded([first, Sighting(MAC, "eth9", "10.2.0.1", "iPXE", 7)]) == [
        Sighting(MAC, "eth1", "10.2.0.1", "PXEClient:Arch:00007", 0)
    ]


@pytest.mark.parametrize(
    ("sighting", "arch", "firmware"),
    [
        pytest.param(Sighting(MAC, architecture=0), "x86_64", True, id="BIOS"),
        pytest.param(Sighting(MAC, architecture=11), "aarch64", True, id="UEFI on ARM"),
        pytest.param(
            Sighting(MAC, vendor="HTTPClient:Arch:00016:UNDI:003000"),
            "x86_64",
            True,
            id="HTTP boot in a log",
        ),
        pytest.param(
            Sighting(MAC, vendor="PXEClient"),
            "",
            True,
            id="a PXE client that tells no architecture",
        ),
        pytest.param(Sighting(MAC, architecture=4711), "", True, id="an architecture of tomorrow"),
        pytest.param(Sighting(MAC, vendor="udhcp 1.35.0"), "", False, id="an operating system"),
        pytest.param(Sighting(MAC), "", False, id="a switch"),
    ],
)
def test_what_kind_of_machine_asks(sighting: Sighting, arch: str, firmware: bool) -> None:
    assert (sighting.arch, sighting.firmware) == (arch, firmware)


@pytest.mark.parametrize(
    "text",
    ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:50:8b", "", "x" * 17],
)
def test_what_no_machine_can_have_is_no_mac(text: str) -> None:
    assert usable_mac(text) is None


def test_a_mac_has_one_spelling() -> None:
    assert usable_mac("00-50-8B-E0-3A-A7") == usable_mac(MAC.upper()) == MAC


@given(st.text() | st.binary())
def test_printable_text_is_bounded_ascii(text: str) -> None:
    safe = printable(text)
    assert safe.isascii() and (safe.isprintable()) and len(safe) <= LONGEST_TEXT


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=LONGEST_TEXT))
def test_printable_leaves_plain_text_as_it_is(text: str) -> None:
    assert printable(text) == text
