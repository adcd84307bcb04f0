# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One-time codes: proof that the machine of a first installation is in front of a person.

A node that was never installed has no key, and its address alone shows nothing.  With the attribute
``install_code``, its order gets a code that only the administrator can read, and a person enters at
the machine, where its installer reads it from the kernel's arguments.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Optional, Sequence

from ..cluster.database import Database
from ..cluster.nodes import list_nodes
from ..cluster.values.attributes import effective_for_nodes
from .model import Order

ATTRIBUTE = "install_code"
NODE_KEY = "node_key"
"""Name of the secret that a node stores on its preserved partition."""
# Without characters that look alike; all of them are on one level of every keyboard layout.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxz"
CODE_LENGTH = 10
IS_USED = "select 1 from attributes where name = ? and value = 'yes'"
HAS_KEY = "select 1 from secrets where scope = 'node' and owner = ? and name = ?"
ADD = "insert into install_keys (install, name, value) values (?, ?, ?)"
SELECT = "select value from install_keys where install = ? and name = ?"


def add_codes(database: Database, orders: Sequence[Order]) -> None:
    """Give a code to each new order of a node that needs one: it is requested, and has no key."""
    if not database.row(IS_USED, (ATTRIBUTE,)):
        return
    nodes = {node.name: node for node in list_nodes(database, [order.node for order in orders])}
    attributes = effective_for_nodes(database, list(nodes.values()))
    for order in orders:
        attribute = attributes[order.node].get(ATTRIBUTE)
        has_key = database.row(HAS_KEY, (nodes[order.node].id, NODE_KEY))
        if attribute and attribute.value == "yes" and not has_key:
            database.execute(ADD, (order.id, ATTRIBUTE, _new_code()))


def code_of(database: Database, order_id: int) -> Optional[str]:
    """Return the code of an order; None if it has none."""
    row = database.row(SELECT, (order_id, ATTRIBUTE))
    return row[0] if row else None


def is_code(entered: str, code: str) -> bool:
    """Return whether a person entered this code; case and hyphens do not matter."""
    text = entered.replace("-", "").lower()
    return hmac.compare_digest(text.encode(), code.replace("-", "").encode())


def _new_code() -> str:
    """Return a code of 49 bits, such as ``k7wqm-3xh9c``."""
    text = "".join(secrets.choice(ALPHABET) for _number in range(CODE_LENGTH))
    half = CODE_LENGTH // 2
    return f"{text[:half]}-{text[half:]}"
