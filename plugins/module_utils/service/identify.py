# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is asking, and whether it may.

A machine is identified by the source address of its connection, and by nothing that it says: no header and no
parameter names a node.  The MAC addresses that the installer sends (``inst.ks.sendmac``) catch a machine that has
another one's address by mistake; an intruder can send what he likes.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Mapping, Sequence

from ..cluster.database import Database, Row
from ..cluster.model import Node
from ..errors import Unavailable
from ..install.rows import ORDER_COLUMNS, ORDER_WIDTH, optional_order
from .model import Asker, Denied, Request

PRIVILEGED = 1024  # below, only root opens a source port (capabilities(7), CAP_NET_BIND_SERVICE)
MOST_MACS = 64
MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
INFINIBAND_BYTES = 20

NODE_COLUMNS = (
    "n.id, n.name, coalesce(n.mac, ''), m.name, a.name, a.root, m.distribution, n.rack, n.`rank`, n.ip, n.arch,"
    " n.comment"
)
NODE_WIDTH = len(Node._fields)
ASKER = (
    f"select {NODE_COLUMNS}, (select revision from schema_version where id = 1), {ORDER_COLUMNS}%(columns)s"
    " from nodes n join memberships m on m.id = n.membership join appliances a on a.id = m.appliance"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)%(join)s where n.ip = ?"
)
WITHOUT = ASKER % {"columns": "", "join": ""}
WITH_ATTRIBUTES = ASKER % {"columns": ", t.name, t.value", "join": " left join attributes t on t.node = n.id"}


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


def identify(db: Database, request: Request, *, attributes: bool = False) -> Asker:
    """The node that has the request's source address.  Raises Denied: 404 for an unknown one, 403 for a wrong MAC."""
    rows = _first(db, WITH_ATTRIBUTES if attributes else WITHOUT, request.address)
    if not rows:
        raise Denied(404, "no node has this address", request.address, "enter it: rocks_insert_ethers")
    asker = _asker(rows, attributes)
    if request.macs and asker.node.mac not in request.macs:
        raise Denied(
            403,
            f"the machine at {request.address} says that its interfaces are {', '.join(request.macs)}, and the"
            f" node's is {asker.node.mac or 'not known'}",
            asker.node.name,
            "two machines with one address, or a new network card: rocks_insert_ethers with replace",
        )
    return asker


def _first(db: Database, sql: str, address: str) -> list[Row]:
    """A request's first query: on a connection that the server has closed meanwhile it is asked again, on a new one."""
    try:
        return db.rows(sql, (address,))
    except Unavailable:
        return db.rows(sql, (address,))


def _asker(rows: Sequence[Sequence[Any]], attributes: bool) -> Asker:
    """The node and the order stand in each row, the attributes one to a row."""
    first = rows[0]
    order = optional_order(first[NODE_WIDTH + 1 : NODE_WIDTH + 1 + ORDER_WIDTH])
    own: Mapping[str, str] = {row[-2]: row[-1] for row in rows if row[-2] is not None} if attributes else {}
    return Asker(Node._make(first[:NODE_WIDTH]), first[NODE_WIDTH], order, own)


def demand_root(request: Request, node: str) -> None:
    """Refuse a source port that every user of a node may have.  Raises Denied (403)."""
    if not 0 < request.port < PRIVILEGED:
        raise Denied(403, f"source port {request.port} is not privileged", node, "ask as root, from a port below 1024")
