# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows of ``attributes`` and ``secrets``: a name has at most one value in each scope."""

from __future__ import annotations

import re
from typing import Literal, Mapping, NamedTuple, Optional

from ...errors import Conflict, DescriptionError, NotFound
from ...suggestions import suggest
from ..database import Database
from ..naming import is_utf8

ScopeKind = Literal["global", "appliance", "node"]
Table = Literal["attributes", "secrets"]

OTHER_TABLE: Mapping[Table, Table] = {"attributes": "secrets", "secrets": "attributes"}
MAX_VALUE_BYTES = 60_000  # the type text of MariaDB stores 65,535

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class Scope(NamedTuple):
    """The nodes that a value is for: all, those of an appliance, or one.  Set at most one field."""

    appliance: str = ""
    node: str = ""

    def __str__(self) -> str:
        if self.node:
            return f"node {self.node!r}"
        return f"appliance {self.appliance!r}" if self.appliance else "global"


GLOBAL = Scope()


def get_value(database: Database, table: Table, name: str, scope: Scope) -> Optional[str]:
    """Return the value that is set in exactly this scope, or None."""
    kind, owner = _find_owner(database, scope)
    row = database.row(
        f"select value from {table} where scope = ? and owner = ? and name = ?", (kind, owner, name)
    )
    return str(row[0]) if row else None


def values_by_appliance(database: Database, name: str) -> dict[str, str]:
    """Return the values of one attribute by appliance; ``""`` is the global value."""
    rows = database.rows(
        "select coalesce(appliances.name, ''), attributes.value from attributes"
        " left join appliances on appliances.id = attributes.appliance"
        " where attributes.name = ? and attributes.scope <> 'node'",
        (name,),
    )
    return dict(rows)


def set_value(
    database: Database, table: Table, name: str, value: str, scope: Scope
) -> Optional[str]:
    """Set a value in one transaction, and return the previous one, or None.

    Raises DescriptionError for a name or a value that is not valid, NotFound for an unknown owner,
    Conflict if the name of an attribute is a secret in any scope, or the reverse.
    """
    if not _NAME.fullmatch(name):
        raise DescriptionError(
            f"{name!r} is not a valid name",
            "",
            "begin with a letter or _; use letters, digits and _ . -; at most 64 characters",
        )
    if "\0" in value or not is_utf8(value) or len(value.encode()) > MAX_VALUE_BYTES:
        raise DescriptionError(
            f"the value of {name!r} cannot be stored",
            "",
            f"use UTF-8 text of at most {MAX_VALUE_BYTES} bytes",
        )
    with database.transaction():
        before = get_value(database, table, name, scope)
        if before == value:
            return before
        other_table = OTHER_TABLE[table]
        if database.row(f"select 1 from {other_table} where name = ?", (name,)):
            raise Conflict(
                f"{name!r} is already one of the {other_table}",
                "",
                "choose another name: a secret must never be shown as an attribute",
            )
        kind, owner = _find_owner(database, scope)
        if before is None:
            appliance = owner if kind == "appliance" else None
            node = owner if kind == "node" else None
            database.execute(
                f"insert into {table} (scope, appliance, node, owner, name, value)"
                " values (?, ?, ?, ?, ?, ?)",
                (kind, appliance, node, owner, name, value),
            )
        else:
            database.execute(
                f"update {table} set value = ? where scope = ? and owner = ? and name = ?",
                (value, kind, owner, name),
            )
        return before


def remove_value(database: Database, table: Table, name: str, scope: Scope) -> Optional[str]:
    """Delete the value of exactly this scope, and return it, or None if there was none."""
    with database.transaction():
        before = get_value(database, table, name, scope)
        kind, owner = _find_owner(database, scope)
        database.execute(
            f"delete from {table} where scope = ? and owner = ? and name = ?", (kind, owner, name)
        )
        return before


def _find_owner(database: Database, scope: Scope) -> tuple[ScopeKind, int]:
    """Return the kind of the scope and the id of its owner; 0 is the owner of global values."""
    if scope.appliance and scope.node:
        raise DescriptionError(
            "a value belongs to an appliance or to a node, not to both", "", "set one of them"
        )
    if scope.node:
        return "node", _find_id(database, "nodes", "node", scope.node)
    if scope.appliance:
        return "appliance", _find_id(database, "appliances", "appliance", scope.appliance)
    return "global", 0


def _find_id(database: Database, table: str, kind: str, name: str) -> int:
    row = database.row(f"select id from {table} where name = ?", (name,))
    if row is None:
        names = [row[0] for row in database.rows(f"select name from {table}")]
        raise NotFound(f"there is no {kind} {name!r}", "", suggest(name, names))
    return int(row[0])
