# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What DHCP servers write down gives the same Sightings as the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import (
    Sighting,
    folded,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_formats import FORMS, Form
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_parser import LogReader

MAC = "00:50:8b:e0:3a:a7"
DHCPD = f"DHCPDISCOVER from {MAC} via eth1"
DNSMASQ = f"DHCPDISCOVER(eth1) {MAC} no address available"
KEA = f"DHCP4_PACKET_RECEIVED [hwtype=1 {MAC}], cid=[no info], tid=0xaf0466f: DHCPDISCOVER (type 1) received from 0.0.0.0 to 255.255.255.255 on interface eth1"
SEEN = Sighting(MAC, "eth1")


def read(*lines: str) -> list[Sighting]:
    reader = LogReader()
    return folded(sighting for sighting in map(reader.sighting, lines) if sighting)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.server} {form.version}")
def test_each_form_reads_the_line_that_its_server_wrote(form: Form) -> None:
    reader = LogReader()
    first = reader.sighting(form.sample)
    # The line of dnsmasq that tells of the firmware only speaks of a request that is still to come.
    second = reader.sighting(
        "dnsmasq-dhcp[15980]: 104717040 DHCPDISCOVER(v0) 52:54:00:00:0a:06 no address available"
    )
    found = first or second
    assert found is not None and found.mac.startswith("52:54:00:00:0a:0")
    if "vendor" in form.pattern.groupindex:
        assert (found.vendor, found.architecture, found.arch) == (
            "PXEClient:Arch:00007:UNDI:003000",
            7,
            "x86_64",
        )
    if {"via", "interface"} & set(form.pattern.groupindex):
        assert found.interface == "v0"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="none: the journal"),
        pytest.param("Nov  2 05:06:07 frontend-0 {tag}: ", id="syslog"),
        pytest.param("Nov 22 15:26:15 frontend-0 {tag}[15980]: ", id="syslog with a process"),
        pytest.param("Nov 22 15:26:15 {tag}[15980]: ", id="a daemon's own file"),
        pytest.param(
            "2026-11-22T15:26:15.123456+01:00 frontend-0.cluster.example.org {tag}[1]: ",
            id="RFC 3339",
        ),
        pytest.param("2026-11-22T15:26:15Z fe {tag}[1]: ", id="RFC 3339 in UTC"),
        pytest.param("2126-11-22T15:26:15Z fe {tag}[1]: ", id="a time in the future"),
        pytest.param(
            "<30>Nov 22 15:26:15 frontend-0 {tag}[15980]: ", id="a datagram as RFC 3164 has it"
        ),
        pytest.param("<30>Nov 22 15:26:15 {tag}[15980]: ", id="a datagram of a local program"),
        pytest.param(
            "<134>1 2026-11-22T15:26:15+00:00 fe {tag} 91064 - -  ",
            id="a datagram of rsyslog as RFC 5424 has it",
        ),
        pytest.param(
            '<134>1 2026-11-22T15:26:15+00:00 fe {tag} - id7 [meta sequenceId="17350"] ',
            id="RFC 5424 with data",
        ),
    ],
)
@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("dhcpd", DHCPD),
        ("dnsmasq-dhcp", DNSMASQ),
        ("kea-dhcp4", f"INFO  [kea-dhcp4.packets.0x7f3a] {KEA}"),
    ],
    ids=["dhcpd", "dnsmasq", "kea"],
)
def test_whatever_the_logger_writes_before_a_message_is_passed_over(
    header: str, tag: str, message: str
) -> None:
    assert read(header.format(tag=tag) + message) == [SEEN]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            f"{DHCPD}: network 10.0.0.0/8: no free leases", SEEN, id="dhcpd without a pool"
        ),
        pytest.param(
            f"DHCPDISCOVER from {MAC} (ipxe) via eth1", SEEN, id="a client that gave a name"
        ),
        pytest.param(f"DHCPDISCOVER from {MAC.upper()} via eth1", SEEN, id="capital letters"),
        pytest.param(
            f"DHCPDISCOVER from {MAC} via 10.2.0.1: unknown network segment",
            Sighting(MAC, relay="10.2.0.1"),
            id="relay",
        ),
        pytest.param(f"BOOTREQUEST from {MAC} via eth1", SEEN, id="BOOTP"),
        pytest.param(f"BOOTP(eth1) {MAC} no address available", SEEN, id="BOOTP at dnsmasq"),
        pytest.param(
            f"DHCPDISCOVER(eth1) 10.255.255.254 {MAC} ",
            SEEN,
            id="dnsmasq: a client that wants its address back",
        ),
        pytest.param(
            KEA.replace("from 0.0.0.0 to", "from 10.2.0.1 to"),
            Sighting(MAC, "eth1", "10.2.0.1"),
            id="a relay at Kea",
        ),
    ],
)
def test_the_forms_that_occur(line: str, expected: Sighting) -> None:
    assert read(line) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        f"DHCPREQUEST for 10.255.255.254 (10.1.1.1) from {MAC} via eth1",
        f"DHCPACK on 10.255.255.254 to {MAC} (compute-0-0) via eth1",
        f"DHCPOFFER(eth1) 10.255.255.254 {MAC} ",
        f"DHCPINFORM(eth1) 0.0.0.0 {MAC}",
        KEA.replace("DHCPDISCOVER (type 1)", "DHCPREQUEST (type 3)"),
        KEA.replace("hwtype=1 ", "hwtype=32 "),
        DHCPD.replace(MAC, "01:00:5e:00:00:01"),
        DHCPD.replace(MAC, "00:00:00:00:00:00"),
        DHCPD.replace(MAC, "00:50:8b:e0:3a"),
        "",
    ],
)
def test_other_lines_are_nothing(line: str) -> None:
    assert read(line) == []


def test_dnsmasq_tells_the_firmware_on_a_line_of_its_own() -> None:
    assert read(
        "104717040 vendor class: PXEClient:Arch:00011:UNDI:003000",
        "7 vendor class: HTTPClient:Arch:00016:UNDI:003000",
        f"104717040 DHCPDISCOVER(eth1) {MAC} no address available",
    ) == [Sighting(MAC, "eth1", vendor="PXEClient:Arch:00011:UNDI:003000", architecture=11)]


def test_the_lines_of_one_request_at_kea_make_one_sighting() -> None:
    classes = (
        f"ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES [hwtype=1 {MAC}], cid=[no info], tid=0xaf0466f: Failed to allocate an"
        " IPv4 address for client with classes: ALL, rack-1, VENDOR_CLASS_PXEClient:Arch:00000:UNDI:002001, UNKNOWN"
    )
    assert read(KEA, classes) == [
        Sighting(MAC, "eth1", vendor="PXEClient:Arch:00000:UNDI:002001", architecture=0)
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f"DHCPDISCOVER from {MAC} (x) via eth9: x) via eth1", id="a name at dhcpd"),
        pytest.param(
            f"{MAC} client provides name: DHCPDISCOVER from 52:54:00:00:00:66 via eth1",
            id="a name at dnsmasq",
        ),
        pytest.param(
            "7 vendor class: x 7 DHCPDISCOVER(eth1) 52:54:00:00:00:66",
            id="a vendor class at dnsmasq",
        ),
        pytest.param(
            KEA
            + " DHCP4_PACKET_RECEIVED [hwtype=1 52:54:00:00:00:66], cid=[no info], tid=0x1: DHCPDISCOVER (type 1)"
            " received from 0.0.0.0 to 255.255.255.255 on interface eth9",
            id="anything behind a line",
        ),
    ],
)
def test_no_client_writes_itself_another_mac_or_interface(line: str) -> None:
    for sighting in read(line):
        assert (sighting.mac, sighting.interface) == (MAC, "eth1")


def test_a_line_of_64_kilobytes_is_no_line() -> None:
    assert read("DHCPDISCOVER from " + "x" * 65536 + f"{MAC} via eth1") == []


def test_dnsmasq_conversations_without_a_request_are_forgotten() -> None:
    reader = LogReader()
    for number in range(5000):
        reader.sighting(f"{number} vendor class: PXEClient")
    assert reader.sighting(f"1 DHCPDISCOVER(eth1) {MAC}") == SEEN
    last = reader.sighting(f"4999 DHCPDISCOVER(eth1) {MAC}")
    assert last is not None and last.vendor == "PXEClient"


LIKELY = st.sampled_from(
    [form.sample for form in FORMS]
    + [MAC, " via ", "(eth1) ", "[hwtype=1 ", "]", "\x1b[2J", "\0", ": "]
)


@given(st.lists(LIKELY | st.text(max_size=30), max_size=12))
def test_no_line_does_harm(parts: list[str]) -> None:
    for sighting in read("".join(parts), *parts):
        for text in (sighting.interface, sighting.vendor, sighting.relay):
            assert text.isascii() and text.isprintable()
