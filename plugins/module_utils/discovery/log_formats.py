# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The log lines in which DHCP servers report a request: one row for each format.

A pattern matches from the first character of the server's own message to its last fact.  It ignores
the rest of the line, where servers write text that a client chose (its name, its vendor class), so
no client can insert another MAC or interface.  Each row has a sample line that such a server wrote;
the tests parse it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAC = r"(?P<mac>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})"
_IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_XID = r"(?:(?P<xid>\d{1,10}) )"
# Hardware type 1 is Ethernet; "cid" is the client identifier, in hex.
_KEA_CLIENT = rf"\[hwtype=1 {_MAC}\], cid=\[[^\]]*\], tid=0x[0-9a-f]+"


@dataclass(frozen=True)
class LogFormat:
    """One format of line."""

    server: str
    version: str
    """The version of the server that wrote the sample, or whose documentation has the format."""
    pattern: re.Pattern[str]
    """Its groups: mac, via (an interface or a relay), interface, relay, vendor, xid."""
    sample: str
    """A whole line of a log file."""


LOG_FORMATS = (
    LogFormat(
        server="dhcpd",
        version="4.4.3",
        pattern=re.compile(
            rf"DHCPDISCOVER from {_MAC} (?:\(.*\) )?via (?P<via>[^\s:]+)(?::? |:?$)"
        ),
        sample="Nov 22 15:26:08 frontend-0 dhcpd[15902]: DHCPDISCOVER from 52:54:00:00:0a:01"
        " via v0: network 10.1.0.0/16: no free leases",
    ),
    LogFormat(
        server="dhcpd",
        version="4.4.3",
        pattern=re.compile(rf"BOOTREQUEST from {_MAC} via (?P<via>[^\s:]+)(?::? |:?$)"),
        sample="2026-11-22T15:26:09.112233+01:00 frontend-0 dhcpd[15902]: BOOTREQUEST from"
        " 52:54:00:00:0a:04 via v0: BOOTP from dynamic client and no dynamic leases",
    ),
    LogFormat(
        server="dnsmasq",
        version="2.90",
        pattern=re.compile(
            rf"{_XID}?(?:DHCPDISCOVER|BOOTP)\((?P<interface>[^\s()]+)\) (?:{_IPV4} )?{_MAC}(?: |$)"
        ),
        sample="Nov 22 15:26:15 dnsmasq-dhcp[15980]: 104717040 DHCPDISCOVER(v0) 52:54:00:00:0a:06"
        " no address available",
    ),
    # The vendor class of the machine whose request has the same transaction ID.  Written with
    # dnsmasq's option log-dhcp.
    LogFormat(
        server="dnsmasq",
        version="2.90",
        pattern=re.compile(rf"{_XID}vendor class: (?P<vendor>.*)"),
        sample="Nov 22 15:26:15 dnsmasq-dhcp[15980]: 104717040 vendor class:"
        " PXEClient:Arch:00007:UNDI:003000",
    ),
    LogFormat(
        server="kea-dhcp4",
        version="2.2.0",
        pattern=re.compile(
            rf"ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES {_KEA_CLIENT}: [^:]*:"
            r" ALL(?:.*?, VENDOR_CLASS_(?P<vendor>[^,]*))?"
        ),
        sample="2026-11-22 15:26:24.250 WARN  [kea-dhcp4.alloc-engine/16182.140465179595264]"
        " ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES [hwtype=1 52:54:00:00:0a:06], cid=[no info],"
        " tid=0xdc4dd371: Failed to allocate an IPv4 address for client with classes:"
        " ALL, VENDOR_CLASS_PXEClient:Arch:00007:UNDI:003000, UNKNOWN",
    ),
    # Logged at level INFO since Kea 3.0, at DEBUG before.
    LogFormat(
        server="kea-dhcp4",
        version="3.0.2",
        pattern=re.compile(
            rf"DHCP4_PACKET_RECEIVED {_KEA_CLIENT}: DHCPDISCOVER \(type 1\) received from"
            rf" (?P<relay>{_IPV4}) to \S+ on interface (?P<interface>\S+)$"
        ),
        sample="Nov 22 15:26:24 frontend-0 kea-dhcp4[6455]: 2026-11-22 15:26:24.250 INFO "
        " [kea-dhcp4.packets/6455.139934786459328] DHCP4_PACKET_RECEIVED"
        " [hwtype=1 52:54:00:00:0a:06], cid=[01:52:54:00:00:0a:06], tid=0x3f082956:"
        " DHCPDISCOVER (type 1) received from 0.0.0.0 to 255.255.255.255 on interface v0",
    ),
    # Only servers with a pool for unknown machines log this: ADVERT up to 2.2, OFFER since 2.4.
    LogFormat(
        server="kea-dhcp4",
        version="3.0.2",
        pattern=re.compile(rf"DHCP4_LEASE_(?:ADVERT|OFFER) {_KEA_CLIENT}: lease {_IPV4} will be "),
        sample="2026-11-22 15:26:24.250 INFO  [kea-dhcp4.leases/6455.139934786459328]"
        " DHCP4_LEASE_OFFER [hwtype=1 52:54:00:00:0a:06], cid=[no info], tid=0xc288f9:"
        " lease 10.1.250.1 will be offered",
    ),
)

# What a logger writes before the message: priority and version (RFC 5424), a time, a host, a
# program with its process ID; then Kea's own time, severity and logger name.  All are optional.
_TIME = (
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
)
_TAG = r"(?:dhcpd|dnsmasq-dhcp|kea-dhcp4)"
HEADER = re.compile(
    rf"(?:<\d{{1,3}}>)?(?:1 )?(?:{_TIME} )?"
    rf"(?:(?:\S{{1,255}} )?{_TAG}(?:\[\d+\])?: "
    rf"|\S{{1,255}} {_TAG} (?:\d+|-) \S{{1,32}} (?:-|\[[^\]]*\]) +)?"
    rf"(?:{_TIME} )?(?:[A-Z]{{4,5}} +)?(?:\[kea-dhcp4\.[^\]\s]*\] )?"
)
