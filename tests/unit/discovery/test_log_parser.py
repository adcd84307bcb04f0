# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The log lines of DHCP servers give the same requests as their packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import (
    DhcpRequest,
    merge_by_mac,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_formats import (
    LOG_FORMATS,
    LogFormat,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.log_parser import LogParser

MAC = "00:50:8b:e0:3a:a7"
DHCPD = f"DHCPDISCOVER from {MAC} via eth1"
DNSMASQ = f"DHCPDISCOVER(eth1) {MAC} no address available"
KEA = (
    f"DHCP4_PACKET_RECEIVED [hwtype=1 {MAC}], cid=[no info], tid=0xaf0466f: DHCPDISCOVER (type 1)"
    " received from 0.0.0.0 to 255.255.255.255 on interface eth1"
)
REQUEST = DhcpRequest(MAC, interface="eth1")


def parse(*lines: str) -> list[DhcpRequest]:
    parser = LogParser()
    return merge_by_mac(request for request in map(parser.parse, lines) if request)


@pytest.mark.parametrize(
    "log_format", LOG_FORMATS, ids=lambda log_format: f"{log_format.server} {log_format.version}"
)
def test_each_format_parses_its_sample(log_format: LogFormat) -> None:
    parser = LogParser()
    first = parser.parse(log_format.sample)
    # In dnsmasq's log, the line with the vendor class precedes the line with the request.
    second = parser.parse(
        "dnsmasq-dhcp[15980]: 104717040 DHCPDISCOVER(v0) 52:54:00:00:0a:06 no address available"
    )
    request = first or second
    assert request is not None and request.mac.startswith("52:54:00:00:0a:0")
    if "vendor" in log_format.pattern.groupindex:
        assert (request.vendor, request.architecture, request.arch) == (
            "PXEClient:Arch:00007:UNDI:003000",
            7,
            "x86_64",
        )
    if {"via", "interface"} & set(log_format.pattern.groupindex):
        assert request.interface == "v0"


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
        pytest.param("<30>Nov 22 15:26:15 frontend-0 {tag}[15980]: ", id="a datagram, RFC 3164"),
        pytest.param("<30>Nov 22 15:26:15 {tag}[15980]: ", id="a datagram of a local program"),
        pytest.param(
            "<134>1 2026-11-22T15:26:15+00:00 fe {tag} 91064 - -  ",
            id="a datagram of rsyslog, RFC 5424",
        ),
        pytest.param(
            '<134>1 2026-11-22T15:26:15+00:00 fe {tag} - id7 [meta sequenceId="17350"] ',
            id="RFC 5424 with structured data",
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
def test_the_header_of_the_logger_is_skipped(header: str, tag: str, message: str) -> None:
    assert parse(header.format(tag=tag) + message) == [REQUEST]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            f"{DHCPD}: network 10.0.0.0/8: no free leases", REQUEST, id="dhcpd without a pool"
        ),
        pytest.param(
            f"DHCPDISCOVER from {MAC} (ipxe) via eth1", REQUEST, id="a client with a name"
        ),
        pytest.param(f"DHCPDISCOVER from {MAC.upper()} via eth1", REQUEST, id="capital letters"),
        pytest.param(
            f"DHCPDISCOVER from {MAC} via 10.2.0.1: unknown network segment",
            DhcpRequest(MAC, relay="10.2.0.1"),
            id="relay",
        ),
        pytest.param(f"BOOTREQUEST from {MAC} via eth1", REQUEST, id="BOOTP"),
        pytest.param(f"BOOTP(eth1) {MAC} no address available", REQUEST, id="BOOTP at dnsmasq"),
        pytest.param(
            f"DHCPDISCOVER(eth1) 10.255.255.254 {MAC} ",
            REQUEST,
            id="dnsmasq: a client that requests its old address",
        ),
        pytest.param(
            KEA.replace("from 0.0.0.0 to", "from 10.2.0.1 to"),
            DhcpRequest(MAC, interface="eth1", relay="10.2.0.1"),
            id="a relay at Kea",
        ),
    ],
)
def test_variants_of_the_formats_are_parsed(line: str, expected: DhcpRequest) -> None:
    assert parse(line) == [expected]


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
def test_other_lines_are_ignored(line: str) -> None:
    assert parse(line) == []


def test_the_vendor_class_of_dnsmasq_is_joined_by_transaction_id() -> None:
    assert parse(
        "104717040 vendor class: PXEClient:Arch:00011:UNDI:003000",
        "7 vendor class: HTTPClient:Arch:00016:UNDI:003000",
        f"104717040 DHCPDISCOVER(eth1) {MAC} no address available",
    ) == [
        DhcpRequest(
            MAC, interface="eth1", vendor="PXEClient:Arch:00011:UNDI:003000", architecture=11
        )
    ]


def test_the_lines_of_one_request_in_keas_log_are_merged() -> None:
    classes = (
        f"ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES [hwtype=1 {MAC}], cid=[no info], tid=0xaf0466f:"
        " Failed to allocate an IPv4 address for client with classes:"
        " ALL, rack-1, VENDOR_CLASS_PXEClient:Arch:00000:UNDI:002001, UNKNOWN"
    )
    assert parse(KEA, classes) == [
        DhcpRequest(
            MAC, interface="eth1", vendor="PXEClient:Arch:00000:UNDI:002001", architecture=0
        )
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
            KEA + " DHCP4_PACKET_RECEIVED [hwtype=1 52:54:00:00:00:66], cid=[no info], tid=0x1:"
            " DHCPDISCOVER (type 1)"
            " received from 0.0.0.0 to 255.255.255.255 on interface eth9",
            id="text after a line",
        ),
    ],
)
def test_no_client_can_insert_another_mac_or_interface(line: str) -> None:
    for request in parse(line):
        assert (request.mac, request.interface) == (MAC, "eth1")


def test_a_line_of_64_kilobytes_is_ignored() -> None:
    assert parse("DHCPDISCOVER from " + "x" * 65536 + f"{MAC} via eth1") == []


def test_only_the_latest_transactions_of_dnsmasq_are_remembered() -> None:
    parser = LogParser()
    for number in range(5000):
        parser.parse(f"{number} vendor class: PXEClient")
    assert parser.parse(f"2 DHCPDISCOVER(eth1) {MAC}") == REQUEST
    last = parser.parse(f"4999 DHCPDISCOVER(eth1) {MAC}")
    assert last is not None and last.vendor == "PXEClient"


LIKELY_TEXT = st.sampled_from(
    [log_format.sample for log_format in LOG_FORMATS]
    + [MAC, " via ", "(eth1) ", "[hwtype=1 ", "]", "\x1b[2J", "\0", ": "]
)


@given(st.lists(LIKELY_TEXT | st.text(max_size=30), max_size=12))
def test_requests_from_any_line_have_printable_ascii_text(parts: list[str]) -> None:
    for request in parse("".join(parts), *parts):
        for text in (request.interface, request.vendor, request.relay):
            assert text.isascii() and text.isprintable()
