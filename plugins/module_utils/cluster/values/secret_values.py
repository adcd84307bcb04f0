# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets: values that no query, inventory, report, log or kickstart shows; scoped like attributes.

Only the accounts of the administrator and of the service can read them.  The service delivers them
to a node once for each install order.
"""

from __future__ import annotations

import re

from ...errors import DescriptionError
from ..database import Database
from ..model import Node
from .scoped_values import GLOBAL, Scope, get_value, remove_value, set_value

KNOWN_SECRETS = ("root_password_hash", "munge_key", "sssd_conf", "bmc_password")
"""The secrets that the frontend and the shipped profiles read, and an administrator sets."""
_PASSWORD_HASH = re.compile(r"[!*]+|!?\$[0-9a-z]+\$[^:\s]+")  # crypt(5), or a locked account


def set_secret(database: Database, name: str, value: str, scope: Scope = GLOBAL) -> bool:
    """Set a secret, and return whether that changed anything.

    Raises DescriptionError for a password where its hash is needed, and what ``set_value`` raises.
    """
    if name == "root_password_hash" and not _PASSWORD_HASH.fullmatch(value.strip()):
        raise DescriptionError(
            "the value is not the hash of a password", name, "run: openssl passwd -6"
        )
    return set_value(database, "secrets", name, value, scope=scope) != value


def remove_secret(database: Database, name: str, scope: Scope = GLOBAL) -> bool:
    """Delete a secret of exactly this scope, and return whether it existed."""
    return remove_value(database, "secrets", name, scope) is not None


def has_secret(database: Database, name: str, scope: Scope = GLOBAL) -> bool:
    """Whether a secret is set in exactly this scope."""
    return get_value(database, "secrets", name, scope) is not None


def effective_secrets(database: Database, node: Node) -> dict[str, str]:
    """Return the secrets of a node by name; the narrower scope wins."""
    rows = database.rows(
        "select name, value from secrets where scope = 'global'"
        " or (scope = 'appliance' and owner = (select id from appliances where name = ?))"
        " or (scope = 'node' and owner = ?)"
        " order by case scope when 'global' then 0 when 'appliance' then 1 else 2 end",
        (node.appliance, node.id),
    )
    return dict(sorted(dict(rows).items()))
