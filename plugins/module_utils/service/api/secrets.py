# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``POST /rocks/secrets``: deliver the secrets once per order, to root on the installing machine.

The first installation of a node is trusted. It gets a key that the node keeps on its preserved
partition; every later installation proves with it that it is the same machine. A request that does
not match fails the order as suspect.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets as randomness
from typing import Mapping, NoReturn, Optional

from flask import Blueprint, Response, request

from ...cluster.database import Database
from ...cluster.values.secret_hashes import hash_secrets, site_key
from ...install import orders
from ...install.install_codes import NODE_KEY, code_of, is_code
from ...install.installer_start import start_installation
from ...install.model import Order
from ...install.order_records import STATE, add_audit
from ...install.recipes import store_secret_hashes
from ...install.states import INSTALLED, INSTALLING, OPEN, UP
from ..identify import identify
from ..model import Client, Denied
from ..neighbours import other_owner, read_macs
from ..node_messages import parse_message, text_field
from ..request_context import (
    ORDER_AGAIN,
    Context,
    audit_record,
    audited,
    current_context,
    fail_as_suspect,
)
from ..sender import require_privileged_port

blueprint = Blueprint("secrets", __name__)

CONSOLE_KEY = "console_key"  # allows typing on the installer's screen; a person enters it
KEY_BYTES = {CONSOLE_KEY: 8, NODE_KEY: 32}
KEY_NAMES = ", ".join(f"'{name}'" for name in KEY_BYTES)
PROOF_PREFIX = b"rocks-secrets:"  # the same as in xml/programs/progress.py

# The narrower scope comes last, so that it wins in a dictionary.
SECRETS = (
    "select name, value from secrets where scope = 'global' or (scope = 'appliance' and owner ="
    " (select appliance from memberships where name = ?)) or (scope = 'node' and owner = ?)"
    " order by case scope when 'global' then 0 when 'appliance' then 1 else 2 end"
)
MARK_DELIVERED = (
    "update installs set delivered = ?, changed = ?"
    f" where id = ? and delivered = '' and {STATE} = ?"
)


@blueprint.post("/rocks/secrets")
@audited("secrets")
def post_secrets() -> Response:
    """Return the secrets of the order that the message names: ``{"secrets": {name: value}}``.

    Raises Denied: 403 from an unprivileged port, from another node's MAC address, or without the
    node's key or the order's code, 409 without a live order, 410 when the secrets were already
    delivered.
    """
    context = current_context()
    client = identify(context)
    require_privileged_port(context.sender, client.node.name)
    message = parse_message(request, client.node.name)
    order = _require_deliverable(client, text_field(message, "order"))
    _check_neighbour(context, order)
    stored: dict[str, str] = dict(
        context.db.rows(SECRETS, (client.node.membership, client.node.id))
    )
    _check_proof(
        context,
        order,
        key=stored.get(NODE_KEY),
        proof=text_field(message, "proof"),
    )
    _check_code(context, order, entered=text_field(message, "code"))
    order = start_installation(
        context.db, order, now=context.now, audit=audit_record(context.sender, INSTALLING, 200)
    )
    body = _deliver(context, order, stored)
    if body is None:
        _refuse_repetition(context, order)
    return Response(body, mimetype="application/json", headers={"Cache-Control": "no-store"})


def _deliver(context: Context, order: Order, stored: Mapping[str, str]) -> Optional[bytes]:
    """Mark the secrets as delivered and return them; None if they already were."""
    with context.db.transaction(exclusive=False):
        parameters = (context.now, context.now, order.id, INSTALLING)
        if not context.db.execute(MARK_DELIVERED, parameters):
            return None
        hashes = hash_secrets(site_key(context.db), stored, ignored=(NODE_KEY,))
        store_secret_hashes(context.db, order, hashes)
        delivered = {**stored, **_order_keys(context.db, order, stored.get(NODE_KEY))}
        context.db.execute(
            "update install_keys set used = ? where install = ?", (context.now, order.id)
        )
        body = json.dumps({"secrets": delivered}, sort_keys=True).encode()
        record = audit_record(
            context.sender,
            "secrets",
            200,
            node=order.node,
            install=order.uuid,
            bytes=len(body),
            detail=", ".join(sorted(delivered)),
        )
        add_audit(context.db, record, context.now)
    return body


def _require_deliverable(client: Client, uuid: str) -> Order:
    """Return the order that the message names, if it is the node's latest and takes secrets."""
    order = client.order
    name = client.node.name
    hint = ORDER_AGAIN % name
    if order is None or order.uuid != uuid:
        raise Denied(409, "the message is not about the node's last install order", name, hint)
    if order.state == UP or (order.delivered and order.state not in (INSTALLING, INSTALLED)):
        raise Denied(410, f"the secrets were delivered at {order.delivered}", name, hint)
    if order.state not in (*OPEN, INSTALLED):
        raise Denied(409, f"no secrets: the install order is {order.state}", name, hint)
    return order


def _check_neighbour(context: Context, order: Order) -> None:
    """Refuse the address of the node from the MAC address of another node."""
    other = other_owner(context.db, read_macs(context.sender.address), order.node)
    if other is None or order.delivered:
        return
    reason = f"the secrets were requested by {other.node} ({other.mac}) with the node's address"
    fail_as_suspect(context, order, action="secrets", reason=reason)
    raise Denied(
        403,
        f"the machine at {context.sender.address} is {other.node} ({other.mac})",
        order.node,
        "check which machine uses the address, then order the node with rearm: true",
    )


def _check_code(context: Context, order: Order, *, entered: str) -> None:
    """Require the code of an order that has one, until its secrets are delivered."""
    code = code_of(context.db, order.id)
    if code is None or order.delivered or is_code(entered, code):
        return
    raise Denied(
        403,
        f"the code of the install order is {'wrong' if entered else 'missing'}",
        order.node,
        "enter it when the machine starts its installer; rocks_install_info with codes: true"
        " shows it",
    )


def _check_proof(context: Context, order: Order, *, key: Optional[str], proof: str) -> None:
    if key is None or order.delivered:
        return
    expected = hmac.new(key.encode(), PROOF_PREFIX + order.uuid.encode(), hashlib.sha256)
    if hmac.compare_digest(expected.hexdigest().encode(), proof.encode()):
        return
    problem = "with a wrong proof" if proof else "without a proof"
    reason = f"the secrets were requested {problem} of the node's key"
    fail_as_suspect(context, order, action="secrets", reason=reason)
    raise Denied(
        403,
        f"the secrets were requested {problem} of the key from the node's last installation",
        order.node,
        "if the disk is new, order the node with rearm: true; otherwise check which machine uses"
        " its address",
    )


def _refuse_repetition(context: Context, order: Order) -> NoReturn:
    """Refuse secrets that were delivered, to this machine or to one with its address."""
    current = orders.find_by_uuid(context.db, [order.uuid])
    if current and current[0].delivered and current[0].state in (INSTALLING, INSTALLED):
        reason = "the secrets were requested a second time"
        fail_as_suspect(context, current[0], action="secrets", reason=reason)
    hint = ORDER_AGAIN % order.node
    raise Denied(410, "the secrets were already delivered", order.node, hint)


def _order_keys(db: Database, order: Order, node_key: Optional[str]) -> Mapping[str, str]:
    """Return the order's one-time keys, with a new key for the node unless it has one."""
    keys: dict[str, str] = dict(
        db.rows(
            f"select name, value from install_keys where install = ? and name in ({KEY_NAMES})",
            (order.id,),
        )
    )
    for name, size in KEY_BYTES.items():
        if name not in keys and not (name == NODE_KEY and node_key):
            keys[name] = randomness.token_hex(size)
            db.execute(
                "insert into install_keys (install, name, value) values (?, ?, ?)",
                (order.id, name, keys[name]),
            )
    return keys


def store_node_key(db: Database, order: Order, node_id: int) -> None:
    """Require the order's key from the node from now on: its installation has stored it."""
    row = db.row(
        "select value from install_keys where install = ? and name = ?", (order.id, NODE_KEY)
    )
    if row is None:
        return
    updated = db.execute(
        "update secrets set value = ? where scope = 'node' and owner = ? and name = ?",
        (row[0], node_id, NODE_KEY),
    )
    if not updated:
        db.execute(
            "insert into secrets (scope, node, owner, name, value) values ('node', ?, ?, ?, ?)",
            (node_id, node_id, NODE_KEY, row[0]),
        )
