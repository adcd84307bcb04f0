# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The MAC address of a client, as the frontend's kernel knows it from ARP.

Headers with MAC addresses are what a client says.  The kernel's table is what it uses to answer: a
node that takes another one's address appears with its own MAC, unless it forges that too, which
port security of the switch prevents.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

from .. import files
from ..cluster.database import Database
from ..errors import RocksError

TABLE = "/proc/net/arp"
ETHERNET = "0x1"
# The node of a MAC, on any interface; a BMC has its own address and is not an interface here.
OWNER = (
    "select name from nodes where mac = ? union select n.name from interfaces f join nodes n"
    " on n.id = f.node where f.mac = ? and f.kind <> 'bmc'"
)


class Neighbour(NamedTuple):
    """A node, and the MAC by which it was recognised."""

    node: str
    mac: str


def read_macs(address: str, path: str = TABLE) -> list[str]:
    """Return the Ethernet addresses of a neighbour; none behind a router and for IPv6.

    There are several if it was seen on several of the frontend's interfaces.
    """
    try:
        rows = [line.split() for line in files.read_text(path).splitlines()[1:]]
    except RocksError:
        return []
    return [row[3].lower() for row in rows if row[0] == address and row[1] == ETHERNET]


def other_owner(database: Database, macs: Sequence[str], node: str) -> Optional[Neighbour]:
    """Return the other node that has one of these MACs, with its MAC; None without one."""
    for mac in macs:
        owners = [name for (name,) in database.rows(OWNER, (mac, mac))]
        if owners and node not in owners:
            return Neighbour(owners[0], mac)
    return None
