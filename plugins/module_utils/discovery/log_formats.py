# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each DHCP server writes in its log that a machine asks: one row for each form.

A pattern must match from the first character of the server's own message to the place that tells the last fact, and
takes what a client may have chosen (its name, its vendor class) from the end of the line, so that no client can
write itself another MAC or interface. Each row holds a line that such a server wrote, and that the tests read again.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MAC = r"(?P<mac>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})"
_IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_XID = r"(?:(?P<xid>\d{1,10}) )"
# The first hardware type is Ethernet; "cid" is what the client calls itself, in hex.
_KEA_CLIENT = rf"\[hwtype=1 {_MAC}\], cid=\[[^\]]*\], tid=0x[0-9a-f]+"


class Form(NamedTuple):
    """One form of line.

    server   whose
    version  of the server that wrote the sample, or whose documentation gives the form
    pattern  names what it finds: mac, via (an interface or a relay), interface, relay, vendor, xid
    sample   a whole line, as a file holds it
    """

    server: str
    version: str
    pattern: re.Pattern[str]
    sample: str


def _form(server: str, version: str, pattern: str, sample: str) -> Form:
    return Form(server, version, re.compile(pattern), sample)


FORMS = (
    _form(
        "dhcpd",
        "4.4.3",
        rf"DHCPDISCOVER from {_MAC} (?:\(.*\) )?via (?P<via>[^\s:]+)(?::? |:?$)",
        "Nov 22 15:26:08 frontend-0 dhcpd[15902]: DHCPDISCOVER from 52:54:00:00:0a:01 via v0:"
        " network 10.1.0.0/16: no free leases",
    ),
    _form(
        "dhcpd",
        "4.4.3",
        rf"BOOTREQUEST from {_MAC} via (?P<via>[^\s:]+)(?::? |:?$)",
        "2026-11-22T15:26:09.112233+01:00 frontend-0 dhcpd[15902]: BOOTREQUEST from 52:54:00:00:0a:04 via v0:"
        " BOOTP from dynamic client and no dynamic leases",
    ),
    _form(
        "dnsmasq",
        "2.90",
        rf"{_XID}?(?:DHCPDISCOVER|BOOTP)\((?P<interface>[^\s()]+)\) (?:{_IPV4} )?{_MAC}(?: |$)",
        "Nov 22 15:26:15 dnsmasq-dhcp[15980]: 104717040 DHCPDISCOVER(v0) 52:54:00:00:0a:06 no address available",
    ),
    # Tells the firmware of the machine whose request has the same number; the server's option log-dhcp writes it.
    _form(
        "dnsmasq",
        "2.90",
        rf"{_XID}vendor class: (?P<vendor>.*)",
        "Nov 22 15:26:15 dnsmasq-dhcp[15980]: 104717040 vendor class: PXEClient:Arch:00007:UNDI:003000",
    ),
    _form(
        "kea-dhcp4",
        "2.2.0",
        rf"ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES {_KEA_CLIENT}: [^:]*: ALL(?:.*?, VENDOR_CLASS_(?P<vendor>[^,]*))?",
        "2026-11-22 15:26:24.250 WARN  [kea-dhcp4.alloc-engine/16182.140465179595264]"
        " ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES [hwtype=1 52:54:00:00:0a:06], cid=[no info], tid=0xdc4dd371:"
        " Failed to allocate an IPv4 address for client with classes:"
        " ALL, VENDOR_CLASS_PXEClient:Arch:00007:UNDI:003000, UNKNOWN",
    ),
    # Information since Kea 3.0, a debugging message before.
    _form(
        "kea-dhcp4",
        "3.0.2",
        rf"DHCP4_PACKET_RECEIVED {_KEA_CLIENT}: DHCPDISCOVER \(type 1\) received from (?P<relay>{_IPV4})"
        r" to \S+ on interface (?P<interface>\S+)$",
        "Nov 22 15:26:24 frontend-0 kea-dhcp4[6455]: 2026-11-22 15:26:24.250 INFO  [kea-dhcp4.packets/6455.139934786459328]"
        " DHCP4_PACKET_RECEIVED [hwtype=1 52:54:00:00:0a:06], cid=[01:52:54:00:00:0a:06], tid=0x3f082956:"
        " DHCPDISCOVER (type 1) received from 0.0.0.0 to 255.255.255.255 on interface v0",
    ),
    # Only a server that lends addresses to unknown machines: ADVERT up to 2.2, OFFER since 2.4.
    _form(
        "kea-dhcp4",
        "3.0.2",
        rf"DHCP4_LEASE_(?:ADVERT|OFFER) {_KEA_CLIENT}: lease {_IPV4} will be ",
        "2026-11-22 15:26:24.250 INFO  [kea-dhcp4.leases/6455.139934786459328] DHCP4_LEASE_OFFER"
        " [hwtype=1 52:54:00:00:0a:06], cid=[no info], tid=0xc288f9: lease 10.1.250.1 will be offered",
    ),
)

# What a logger writes before the message: priority and version (RFC 5424), a time, a host, a program with its process;
# Kea then a time of its own, a severity and the name of its logger. Every part may be missing.
_TIME = r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
_TAG = r"(?:dhcpd|dnsmasq-dhcp|kea-dhcp4)"
HEADER = re.compile(
    rf"(?:<\d{{1,3}}>)?(?:1 )?(?:{_TIME} )?"
    rf"(?:(?:\S{{1,255}} )?{_TAG}(?:\[\d+\])?: |\S{{1,255}} {_TAG} (?:\d+|-) \S{{1,32}} (?:-|\[[^\]]*\]) +)?"
    rf"(?:{_TIME} )?(?:[A-Z]{{4,5}} +)?(?:\[kea-dhcp4\.[^\]\s]*\] )?"
)
