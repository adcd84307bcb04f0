# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is asking, and whether it may.

A machine is identified by the source address of its connection, and by nothing that it says: no header and no
parameter names a node.  Any address of any of its interfaces is the node's; only its BMC is another computer.  The MAC
addresses that the installer sends (``inst.ks.sendmac``) catch a machine that has another one's address by mistake; an
intruder can send what he likes.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Sequence

from ..cluster.database import Database, Row
from ..cluster.model import Node
from ..errors import Unavailable
from ..install.order_records import (
    COLUMN_SEPARATOR,
    ORDER_TEXT,
    concatenated_columns,
    order_from_text,
)
from .model import Asker, Denied, Request
from .request_context import Service

UNKNOWN_HINT = "a new machine: rocks_insert_ethers; a further interface of a node: rocks_interface"
PRIVILEGED = 1024  # below, only root opens a source port (capabilities(7), CAP_NET_BIND_SERVICE)
MOST_MACS = 64
ETHERNET_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
INFINIBAND_BYTES = 20

# One text for node, revision and order, and one for each attribute: a driver's work is by the column, and this is asked
# by every machine at once.  The names that the membership leads to are known already (values.Shared).
REVISION = "(select revision from schema_version where id = 1)"
NODE_COLUMNS = (
    "n.id",
    "n.name",
    "coalesce(n.mac, '')",
    "n.membership",
    "n.rack",
    "n.`rank`",
    "coalesce(n.ip, '')",
    "n.arch",
    REVISION,
)
# The first row that has the address: nearly everybody asks by its first NIC, whose query touches one table less.
FIRST = ("coalesce(n.mac, '')", "nodes n", "n.ip = ?")
FURTHER = (
    "coalesce(f.mac, '')",
    "interfaces f join nodes n on n.id = f.node",
    "f.ip = ? and f.kind <> 'bmc'",
)
ATTRIBUTES = (
    f", t.name || '{COLUMN_SEPARATOR}' || t.value",
    " left join attributes t on t.node = n.id",
)


def _asker(mac: str, tables: str, condition: str, more: str = "", join: str = "") -> str:
    """SQL for who asks; ``mac`` is the one of the interface that has the address."""
    return (
        f"select {concatenated_columns((*NODE_COLUMNS, mac))} || '{COLUMN_SEPARATOR}' || {ORDER_TEXT}{more} from {tables}"
        f" left join installs i on i.id = (select max(id) from installs where node = n.id){join} where {condition}"
    )


WITHOUT = tuple(_asker(*source) for source in (FIRST, FURTHER))
WITH_ATTRIBUTES = tuple(_asker(*source, *ATTRIBUTES) for source in (FIRST, FURTHER))
FURTHER_MACS = "select mac from interfaces where node = ? and kind <> 'bmc' and mac is not null"


@functools.lru_cache(maxsize=16384)
def address_of(text: str) -> str:
    """An address as the database writes it; an IPv4 address in IPv6 form becomes itself.  Raises Denied."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Denied(400, f"the source address {text!r} is none") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def macs_of(headers: Sequence[str]) -> tuple[str, ...]:
    """The MAC addresses in the installer's headers, each ``<interface> <mac>``.  Raises Denied for anything else.

    InfiniBand's longer hardware addresses are no node's MAC and are passed over.
    """
    if len(headers) > MOST_MACS:
        raise Denied(400, f"{len(headers)} MAC headers", hint=f"at most {MOST_MACS} are read")
    found = []
    for header in headers:
        mac = header.split()[-1].lower() if len(header.split()) == 2 else ""
        if ETHERNET_MAC.fullmatch(mac):
            found.append(mac)
        elif mac.count(":") != INFINIBAND_BYTES - 1:
            raise Denied(400, f"the MAC header {header[:60]!r} is not an interface and its address")
    return tuple(found)


def identify(service: Service, request: Request, *, attributes: bool = False) -> Asker:
    """The node that has the request's source address.  Raises Denied: 404 for an unknown one, 403 for a wrong MAC.

    attributes  its own attributes are wanted as well
    """
    rows = _first(service.db, WITH_ATTRIBUTES if attributes else WITHOUT, request.address)
    if not rows:
        raise Denied(404, "no node has this address", request.address, UNKNOWN_HINT)
    own = (
        dict(row[1].split(COLUMN_SEPARATOR, 1) for row in rows if row[1] is not None)
        if attributes
        else {}
    )
    number, name, mac, membership, rack, rank, ip, arch, revision, came_by, order = rows[0][
        0
    ].split(COLUMN_SEPARATOR, len(NODE_COLUMNS) + 1)
    names = service.shared.of(service.db, int(revision), int(membership)).memberships[
        int(membership)
    ]
    node = Node(int(number), name, mac, *names, int(rack), int(rank), ip, arch, comment="")
    _check_macs(service.db, request, node)
    return Asker(node, int(membership), int(revision), order_from_text(order), own, came_by)


def _first(db: Database, texts: Sequence[str], address: str) -> list[Row]:
    """A request's first query: on a connection that the server has closed meanwhile it is asked again, on a new one."""
    try:
        rows = db.rows(texts[0], (address,))
    except Unavailable:
        rows = db.rows(texts[0], (address,))
    return rows or db.rows(texts[1], (address,))


def _check_macs(db: Database, request: Request, node: Node) -> None:
    """Raise Denied (403) when the installer sends MACs, and none of them is of an interface of the node."""
    if not request.macs or node.mac in request.macs:
        return
    further = [mac for (mac,) in db.rows(FURTHER_MACS, (node.id,))]
    if set(further).isdisjoint(request.macs):
        known = ", ".join(filter(None, (node.mac, *further)))
        raise Denied(
            403,
            f"the machine at {request.address} says that its interfaces are {', '.join(request.macs)}, and the"
            f" node's are {known or 'not known'}",
            node.name,
            "two machines with one address, or a new network card: rocks_insert_ethers with replace",
        )


def demand_root(request: Request, node: str) -> None:
    """Refuse a source port that every user of a node may have.  Raises Denied (403)."""
    if not 0 < request.port < PRIVILEGED:
        raise Denied(
            403,
            f"source port {request.port} is not privileged",
            node,
            "ask as root, from a port below 1024",
        )
