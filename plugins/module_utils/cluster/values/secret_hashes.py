# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions of secrets: hashes with a key of the site, from which no value can be guessed."""

from __future__ import annotations

import hashlib
import hmac
import secrets as randomness
from typing import Iterable, Mapping

from ..database import Database
from ..model import Node

KEY_NAME = "secret_hashes"
KEY_BYTES = 32
DIGITS = 32
"""Hexadecimal digits of a hash."""
SELECT_KEY = "select value from site_keys where name = ?"
SECRETS = (
    "select scope, coalesce(appliances.name, ''), coalesce(secrets.node, 0), secrets.name, value"
    " from secrets left join appliances on appliances.id = secrets.appliance"
)


def site_key(database: Database) -> bytes:
    """Return the site's key, which the first call creates."""
    row = database.row(SELECT_KEY, (KEY_NAME,))
    if row is None:
        with database.transaction():
            row = database.row(SELECT_KEY, (KEY_NAME,))
            if row is None:
                row = (randomness.token_hex(KEY_BYTES),)
                database.execute(
                    "insert into site_keys (name, value) values (?, ?)", (KEY_NAME, row[0])
                )
    return str(row[0]).encode()


def hash_secrets(
    key: bytes, values: Mapping[str, str], ignored: Iterable[str] = ()
) -> dict[str, str]:
    """Return the hash of each secret.

    key      of the site
    ignored  secrets that every installation changes
    """
    return {
        name: hmac.new(key, f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()[:DIGITS]
        for name, value in sorted(values.items())
        if name not in ignored
    }


def hashes_for_nodes(
    database: Database, nodes: Iterable[Node], ignored: Iterable[str] = ()
) -> dict[str, dict[str, str]]:
    """Return the hashes of the secrets that each node would get, by node, with two queries."""
    key = site_key(database)
    by_owner: dict[tuple[str, str, int], dict[str, str]] = {}
    for scope, appliance, node, name, value in database.rows(SECRETS):
        by_owner.setdefault((scope, appliance, node), {})[name] = value
    hashes = {owner: hash_secrets(key, values, ignored) for owner, values in by_owner.items()}
    return {
        node.name: {
            **hashes.get(("global", "", 0), {}),
            **hashes.get(("appliance", node.appliance, 0), {}),
            **hashes.get(("node", "", node.id), {}),
        }
        for node in nodes
    }
