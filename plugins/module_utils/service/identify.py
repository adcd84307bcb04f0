# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Identify the node that sent a request.

The source address of the connection identifies a machine, and nothing that the machine sends: no
header and no parameter names a node. Any address of any interface belongs to the node, except the
BMC's, which is another computer. The MAC addresses that the installer sends (``inst.ks.sendmac``)
detect a machine that uses another one's address by mistake; an intruder can send any.
"""

from __future__ import annotations

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
from .model import Client, Denied, Sender
from .request_context import Context

UNKNOWN_HINT = "a new machine: rocks_insert_ethers; a further interface of a node: rocks_interface"

# Node, revision and order are concatenated to one column, and each attribute to another, because
# the driver's cost is per column and every machine runs this query. The names that belong to the
# membership are cached (node_values.AttributeCache).
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


def _client_query(
    mac: str, tables: str, condition: str, *, more_columns: str = "", join: str = ""
) -> str:
    """Return the SQL that finds a client; ``mac`` is the interface's column."""
    client_columns = concatenated_columns((*NODE_COLUMNS, mac))
    columns = f"{client_columns} || '{COLUMN_SEPARATOR}' || {ORDER_TEXT}"
    return (
        f"select {columns}{more_columns} from {tables} left join installs i"
        " on i.id = (select max(id) from installs where node = n.id)"
        f"{join} where {condition}"
    )


def _client_queries(more_columns: str = "", join: str = "") -> tuple[str, str]:
    """Return the query by a node's own address, which is nearly always enough, and by others."""
    return (
        _client_query(
            "coalesce(n.mac, '')", "nodes n", "n.ip = ?", more_columns=more_columns, join=join
        ),
        _client_query(
            "coalesce(f.mac, '')",
            "interfaces f join nodes n on n.id = f.node",
            "f.ip = ? and f.kind <> 'bmc'",
            more_columns=more_columns,
            join=join,
        ),
    )


CLIENT_QUERIES = _client_queries()
CLIENT_QUERIES_WITH_ATTRIBUTES = _client_queries(
    more_columns=f", t.name || '{COLUMN_SEPARATOR}' || t.value",
    join=" left join attributes t on t.node = n.id",
)
INTERFACE_MACS = "select mac from interfaces where node = ? and kind <> 'bmc' and mac is not null"


def identify(context: Context, *, attributes: bool = False) -> Client:
    """Return the node that has the request's source address, with its own attributes if requested.

    Raises Denied: 404 for an unknown address, 403 when the installer's MACs are not the node's.
    """
    sender = context.sender
    queries = CLIENT_QUERIES_WITH_ATTRIBUTES if attributes else CLIENT_QUERIES
    rows = _query_client(context.db, queries, sender.address)
    if not rows:
        raise Denied(404, "no node has this address", sender.address, UNKNOWN_HINT)
    node_attributes = (
        dict(row[1].split(COLUMN_SEPARATOR, 1) for row in rows if row[1] is not None)
        if attributes
        else {}
    )
    columns = rows[0][0].split(COLUMN_SEPARATOR, len(NODE_COLUMNS) + 1)
    node_id, name, mac, membership_id, rack, rank, ip, arch = columns[:8]
    revision, interface_mac, order = columns[8:]
    shared = context.attribute_cache.get(context.db, int(revision), int(membership_id))
    membership = shared.memberships[int(membership_id)]
    node = Node(
        id=int(node_id),
        name=name,
        mac=mac,
        membership=membership.name,
        appliance=membership.appliance,
        root=membership.root,
        distribution=membership.distribution,
        rack=int(rack),
        rank=int(rank),
        ip=ip,
        arch=arch,
        comment="",
    )
    _check_macs(context.db, sender, node)
    return Client(
        node=node,
        membership=int(membership_id),
        revision=int(revision),
        order=order_from_text(order),
        attributes=node_attributes,
        interface_mac=interface_mac,
    )


def _query_client(db: Database, queries: Sequence[str], address: str) -> list[Row]:
    """Run a request's first query, again on a new connection if the server has closed this one."""
    try:
        rows = db.rows(queries[0], (address,))
    except Unavailable:
        rows = db.rows(queries[0], (address,))
    return rows or db.rows(queries[1], (address,))


def _check_macs(db: Database, sender: Sender, node: Node) -> None:
    """Raise Denied (403) if the installer sent MACs, but none of the node."""
    if not sender.macs or node.mac in sender.macs:
        return
    interface_macs = [mac for (mac,) in db.rows(INTERFACE_MACS, (node.id,))]
    if set(interface_macs).isdisjoint(sender.macs):
        expected = ", ".join(filter(None, (node.mac, *interface_macs)))
        raise Denied(
            403,
            f"the machine at {sender.address} has the interfaces {', '.join(sender.macs)},"
            f" but the node's are {expected or 'unknown'}",
            node.name,
            "two machines have one address, or the network card is new: run rocks_insert_ethers"
            " with replace",
        )
