# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is asking, and whether it may.

A machine is identified by the source address of its connection, and by nothing that it says: no header and no
parameter names a node.  The MAC addresses that the installer sends (``inst.ks.sendmac``) catch a machine that has
another one's address by mistake; an intruder can send what he likes.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Sequence

from ..cluster.database import Database, Row
from ..cluster.model import Node
from ..errors import Unavailable
from ..install.order_records import MARK, ORDER_TEXT, one_text, order_from_text
from .model import Asker, Denied, Request
from .request_context import Service

PRIVILEGED = 1024  # below, only root opens a source port (capabilities(7), CAP_NET_BIND_SERVICE)
MOST_MACS = 64
MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
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
    "n.ip",
    "n.arch",
    REVISION,
)
ASKER = (
    f"select {one_text(NODE_COLUMNS)} || '{MARK}' || {ORDER_TEXT}%s from nodes n"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)%s where n.ip = ?"
)
WITHOUT = ASKER % ("", "")
WITH_ATTRIBUTES = ASKER % (
    f", t.name || '{MARK}' || t.value",
    " left join attributes t on t.node = n.id",
)


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
        if MAC.fullmatch(mac):
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
        raise Denied(
            404, "no node has this address", request.address, "enter it: rocks_insert_ethers"
        )
    own = dict(row[1].split(MARK, 1) for row in rows if row[1] is not None) if attributes else {}
    number, name, mac, membership, rack, rank, ip, arch, revision, order = rows[0][0].split(
        MARK, len(NODE_COLUMNS)
    )
    names = service.shared.of(service.db, int(revision), int(membership)).memberships[
        int(membership)
    ]
    node = Node(int(number), name, mac, *names, int(rack), int(rank), ip, arch, comment="")
    if request.macs and node.mac not in request.macs:
        raise Denied(
            403,
            f"the machine at {request.address} says that its interfaces are {', '.join(request.macs)}, and the"
            f" node's is {node.mac or 'not known'}",
            node.name,
            "two machines with one address, or a new network card: rocks_insert_ethers with replace",
        )
    return Asker(node, int(membership), int(revision), order_from_text(order), own)


def _first(db: Database, sql: str, address: str) -> list[Row]:
    """A request's first query: on a connection that the server has closed meanwhile it is asked again, on a new one."""
    try:
        return db.rows(sql, (address,))
    except Unavailable:
        return db.rows(sql, (address,))


def demand_root(request: Request, node: str) -> None:
    """Refuse a source port that every user of a node may have.  Raises Denied (403)."""
    if not 0 < request.port < PRIVILEGED:
        raise Denied(
            403,
            f"source port {request.port} is not privileged",
            node,
            "ask as root, from a port below 1024",
        )
