# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``POST /rocks/secrets``: what no kickstart holds, handed over once per order to root on the installing machine.

The first installation of a node is trusted as it comes. It gets a key that it keeps on its preserved partition, and
every later installation proves with it that the same machine asks.  What does not fit parks the node as suspect.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets as randomness
from typing import Mapping, NoReturn, Optional

from ...cluster.database import Database
from ...install import orders
from ...install.model import Order
from ...install.order_records import add_audit
from ...install.orders import NODE_KEY
from ...install.states import INSTALLED, INSTALLING, UP
from ..identify import demand_root, identify
from ..model import JSON, Answer, Asker, Denied, Request
from ..node_messages import message_of, text_of
from ..request_context import ORDER_AGAIN, Service, audit_of, park

KEY_BYTES, CONSOLE_BYTES = 32, 8
CONSOLE_KEY = "console_key"  # what opens the installer's screen for typing; a person types it
PROOF_PREFIX = b"rocks-secrets:"  # the same as in xml/include/progress.py

SECRETS = (
    "select name, value from secrets where scope = 'global' or (scope = 'appliance' and owner ="
    " (select appliance from memberships where name = ?)) or (scope = 'node' and owner = ?)"
    " order by case scope when 'global' then 0 when 'appliance' then 1 else 2 end"
)

TAKE = (
    "update installs set delivered = ?, changed = ? where id = ? and delivered = '' and state = ?"
)


def secrets(service: Service, request: Request) -> Answer:
    """The secrets of the order that the message names, as JSON: ``{"secrets": {name: value}}``.

    Raises Denied: 403 from an unprivileged port or without the node's key, 409 without a live order that took its
    kickstart, 410 when they were handed over already.
    """
    asker = identify(service, request)
    demand_root(request, asker.node.name)
    message = message_of(request, asker.node.name)
    order = _current(asker, text_of(message, "order"))
    known: dict[str, str] = dict(service.db.rows(SECRETS, (asker.node.membership, asker.node.id)))
    _check_proof(service, request, order, known.get(NODE_KEY), text_of(message, "proof"))
    body = _hand_over(service, request, order, known)
    if body is None:
        _gone(service, request, order)
    return Answer(200, body, JSON, (("Cache-Control", "no-store"),))


def _hand_over(
    service: Service, request: Request, order: Order, known: Mapping[str, str]
) -> Optional[bytes]:
    """Mark them as handed over, and say what they are; None when they were already."""
    with service.db.transaction(exclusive=False):
        if not service.db.execute(TAKE, (service.now, service.now, order.id, INSTALLING)):
            return None
        given = {**known, **_keys(service.db, order, known.get(NODE_KEY))}
        service.db.execute(
            "update install_keys set used = ? where install = ?", (service.now, order.id)
        )
        body = json.dumps({"secrets": given}, sort_keys=True).encode()
        audit = audit_of(
            request, "secrets", 200, node=order.node, install=order.uuid, bytes=len(body)
        )
        add_audit(service.db, audit._replace(detail=", ".join(sorted(given))), service.now)
    return body


def _current(asker: Asker, uuid: str) -> Order:
    """The order that the message names, if it is the node's latest and may still be handed over."""
    order, hint = asker.order, ORDER_AGAIN % asker.node.name
    if order is None or order.uuid != uuid:
        raise Denied(
            409, "the message is not of the node's last install order", asker.node.name, hint
        )
    if order.state == UP or (order.delivered and order.state not in (INSTALLING, INSTALLED)):
        raise Denied(410, f"the secrets were handed over {order.delivered}", asker.node.name, hint)
    if order.state not in (INSTALLING, INSTALLED):
        raise Denied(409, f"no secrets: the install order is {order.state}", asker.node.name, hint)
    return order


def _check_proof(
    service: Service, request: Request, order: Order, key: Optional[str], proof: str
) -> None:
    if key is None or order.delivered:
        return
    wanted = hmac.new(key.encode(), PROOF_PREFIX + order.uuid.encode(), hashlib.sha256).hexdigest()
    if hmac.compare_digest(wanted.encode(), proof.encode()):
        return
    what = "with a wrong proof" if proof else "without a proof"
    park(service, request, "secrets", order, f"the secrets were asked for {what} of the node's key")
    raise Denied(
        403,
        f"the secrets are asked for {what} of the key that the node kept from its last installation",
        order.node,
        "a new disk? order it with rearm: true; else look who has its address",
    )


def _gone(service: Service, request: Request, order: Order) -> NoReturn:
    """Somebody has had them: the machine itself, or somebody with its address."""
    current = orders.find_by_uuid(service.db, [order.uuid])
    if current and current[0].delivered and current[0].state in (INSTALLING, INSTALLED):
        park(service, request, "secrets", current[0], "the secrets were asked for a second time")
    raise Denied(410, "the secrets were handed over already", order.node, ORDER_AGAIN % order.node)


def _keys(db: Database, order: Order, node_key: Optional[str]) -> Mapping[str, str]:
    """The order's own one-time keys, and the key that the node is to keep: the one that it has, or a new one."""
    keys: dict[str, str] = dict(
        db.rows("select name, value from install_keys where install = ?", (order.id,))
    )
    for name, size in ((CONSOLE_KEY, CONSOLE_BYTES), (NODE_KEY, KEY_BYTES)):
        if name not in keys and not (name == NODE_KEY and node_key):
            keys[name] = randomness.token_hex(size)
            db.execute(
                "insert into install_keys (install, name, value) values (?, ?, ?)",
                (order.id, name, keys[name]),
            )
    return keys


def keep_key(db: Database, order: Order, node_id: int) -> None:
    """The installation ended well, so the node has the key on its disk: from now on it must show it."""
    row = db.row(
        "select value from install_keys where install = ? and name = ?", (order.id, NODE_KEY)
    )
    if row is None:
        return
    changed = db.execute(
        "update secrets set value = ? where scope = 'node' and owner = ? and name = ?",
        (row[0], node_id, NODE_KEY),
    )
    if not changed:
        db.execute(
            "insert into secrets (scope, node, owner, name, value) values ('node', ?, ?, ?, ?)",
            (node_id, node_id, NODE_KEY, row[0]),
        )
