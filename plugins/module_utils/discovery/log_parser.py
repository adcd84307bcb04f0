# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse the lines of a DHCP server's log into DhcpRequests.

The time in a line is ignored, so a wrong clock has no effect: a line counts when it is written
while insert-ethers runs.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Optional

from .dhcp_request import DhcpRequest, printable, usable_mac
from .log_formats import HEADER, LOG_FORMATS
from .pxe_architectures import architecture_number

MAX_LINE_LENGTH = 2048  # enough for a header, one DHCP option and the server's own words
MAX_TRANSACTIONS = 1024
UNSPECIFIED_ADDRESS = "0.0.0.0"


class LogParser:
    """Parses the lines of one log, in order.

    dnsmasq logs a machine's vendor class on a separate line before the request, with the same
    transaction ID.  The parser remembers the last MAX_TRANSACTIONS of them.
    """

    def __init__(self) -> None:
        self._vendors: OrderedDict[str, str] = OrderedDict()

    def parse(self, line: str) -> Optional[DhcpRequest]:
        """Return the request that a line reports; None for every other line."""
        facts = _facts_in(line[:MAX_LINE_LENGTH].rstrip("\r\n"))
        if facts is None:
            return None
        if "mac" not in facts:
            self._remember_vendor(facts["xid"], facts["vendor"])
            return None
        vendor = facts.get("vendor") or self._vendors.get(facts.get("xid", ""), "")
        return _request(facts, vendor)

    def _remember_vendor(self, xid: str, vendor: str) -> None:
        self._vendors[xid] = vendor
        self._vendors.move_to_end(xid)
        if len(self._vendors) > MAX_TRANSACTIONS:
            self._vendors.popitem(last=False)


def _facts_in(line: str) -> Optional[dict[str, str]]:
    """Return the named groups of the first format that matches."""
    header = HEADER.match(line)
    start = header.end() if header else 0
    for log_format in LOG_FORMATS:
        match = log_format.pattern.match(line, start)
        if match:
            return {name: text for name, text in match.groupdict().items() if text is not None}
    return None


def _request(facts: dict[str, str], vendor: str) -> Optional[DhcpRequest]:
    mac = usable_mac(facts["mac"])
    if mac is None:
        return None
    interface = facts.get("interface", "")
    relay = facts.get("relay", UNSPECIFIED_ADDRESS)
    via = facts.get("via", "")
    if _is_address(via):
        relay = via
    elif via:
        interface = via
    vendor = printable(vendor)
    return DhcpRequest(
        mac=mac,
        interface=printable(interface),
        relay="" if relay == UNSPECIFIED_ADDRESS or not _is_address(relay) else relay,
        vendor=vendor,
        architecture=architecture_number(vendor),
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
