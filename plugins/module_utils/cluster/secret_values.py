# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets: values that no query, inventory, report, log or kickstart shows.  Scoped as attributes are.

Only the administrator's and the service's account can read them; the service delivers them once per install order.
"""

from __future__ import annotations

from .database import Database
from .model import Node
from .scoped_values import GLOBAL, Scope, get_value, remove_value, set_value


def set_secret(database: Database, name: str, value: str, scope: Scope = GLOBAL) -> bool:
    """Set a secret; whether that changed anything."""
    return set_value(database, "secrets", name, value, scope) != value


def remove_secret(database: Database, name: str, scope: Scope = GLOBAL) -> bool:
    """Forget a secret of exactly this scope; whether there was one."""
    return remove_value(database, "secrets", name, scope) is not None


def has_secret(database: Database, name: str, scope: Scope = GLOBAL) -> bool:
    """Whether a secret is set in exactly this scope."""
    return get_value(database, "secrets", name, scope) is not None


def effective_secrets(database: Database, node: Node) -> dict[str, str]:
    """Every secret of a node by name, sorted; the narrower scope wins."""
    found = database.rows(
        "select name, value from secrets where scope = 'global'"
        " or (scope = 'appliance' and owner = (select id from appliances where name = ?))"
        " or (scope = 'node' and owner = ?)"
        " order by case scope when 'global' then 0 when 'appliance' then 1 else 2 end",
        (node.appliance, node.id),
    )
    return dict(sorted(dict(found).items()))
