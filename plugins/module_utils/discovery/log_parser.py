# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DHCP server's log, line by line, gives Sightings.

The time in a line is not read: what counts is that the line came while we watched. A clock that is wrong, or a log
from the future, changes nothing.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Optional

from .dhcp_request import Sighting, printable, usable_mac
from .log_formats import FORMS, HEADER
from .pxe_architectures import architecture_of

LONGEST_LINE = 2048  # a header, a DHCP option and some words; what is longer is no such line's end
MOST_CONVERSATIONS = 1024
NO_ADDRESS = "0.0.0.0"


class LogReader:
    """Reads the lines of one log in their order.

    It remembers one thing: dnsmasq tells a machine's firmware on a line of its own, joined to the request only by the
    number of the conversation.
    """

    def __init__(self) -> None:
        self._vendors: OrderedDict[str, str] = OrderedDict()

    def sighting(self, line: str) -> Optional[Sighting]:
        """The machine that asks in this line; None for every other line."""
        line = line[:LONGEST_LINE].rstrip("\r\n")
        found = _facts(line)
        if found is None:
            return None
        if "mac" not in found:
            self._remember(found["xid"], found["vendor"])
            return None
        vendor = found.get("vendor") or self._vendors.get(found.get("xid", ""), "")
        return _sighting(found, vendor)

    def _remember(self, xid: str, vendor: str) -> None:
        self._vendors[xid] = vendor
        self._vendors.move_to_end(xid)
        if len(self._vendors) > MOST_CONVERSATIONS:
            self._vendors.popitem(last=False)


def _facts(line: str) -> Optional[dict[str, str]]:
    header = HEADER.match(line)
    begin = header.end() if header else 0
    for form in FORMS:
        found = form.pattern.match(line, begin)
        if found:
            return {name: text for name, text in found.groupdict().items() if text is not None}
    return None


def _sighting(found: dict[str, str], vendor: str) -> Optional[Sighting]:
    mac = usable_mac(found["mac"])
    if mac is None:
        return None
    via, relay = found.get("via", ""), found.get("relay", NO_ADDRESS)
    if _is_address(via):
        via, relay = "", via
    vendor = printable(vendor)
    return Sighting(
        mac,
        interface=printable(found.get("interface", via)),
        relay="" if relay == NO_ADDRESS or not _is_address(relay) else relay,
        vendor=vendor,
        architecture=architecture_of(vendor),
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
