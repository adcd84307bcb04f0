# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows of ``attributes`` and of ``secrets``: a name has at most one value globally, per appliance and per node."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from ..errors import Conflict, DescriptionError, NotFound
from ..suggestions import suggest
from .database import Database
from .naming import is_utf8

OTHER_TABLE = {"attributes": "secrets", "secrets": "attributes"}
MAX_VALUE_BYTES = 60_000  # bytes; MariaDB's text holds 65,535

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class Scope(NamedTuple):
    """Whom a value is for: everybody, an appliance, or a node (its name)."""

    appliance: str = ""
    node: str = ""

    def __str__(self) -> str:
        if self.node:
            return f"node {self.node!r}"
        return f"appliance {self.appliance!r}" if self.appliance else "global"


GLOBAL = Scope()


def get_value(database: Database, table: str, name: str, scope: Scope) -> Optional[str]:
    """The value that is set in exactly this scope, or None."""
    kind, owner = _owner(database, scope)
    found = database.row(
        f"select value from {table} where scope = ? and owner = ? and name = ?", (kind, owner, name)
    )
    return str(found[0]) if found else None


def set_value(database: Database, table: str, name: str, value: str, scope: Scope) -> Optional[str]:
    """Set a value in one transaction; what it was, or None.

    Raises DescriptionError for a name or a value that cannot be, NotFound for an unknown owner, Conflict when the
    name is a secret elsewhere (or the other way round).
    """
    if not _NAME.fullmatch(name):
        raise DescriptionError(
            f"{name!r} is no name", "", "letters, digits and _ . -, a letter or _ first, at most 64"
        )
    if "\0" in value or not is_utf8(value) or len(value.encode()) > MAX_VALUE_BYTES:
        raise DescriptionError(
            f"the value of {name!r} cannot be kept", "", f"text of at most {MAX_VALUE_BYTES} bytes"
        )
    with database.transaction():
        before = get_value(database, table, name, scope)
        if before == value:
            return before
        if database.row(f"select 1 from {OTHER_TABLE[table]} where name = ?", (name,)):
            raise Conflict(
                f"{name!r} is one of the {OTHER_TABLE[table]} already",
                "",
                "a name is either an attribute or a secret, so that no secret is shown by mistake",
            )
        kind, owner = _owner(database, scope)
        if before is None:
            database.execute(
                f"insert into {table} (scope, appliance, node, owner, name, value) values (?, ?, ?, ?, ?, ?)",
                (
                    kind,
                    owner if kind == "appliance" else None,
                    owner if kind == "node" else None,
                    owner,
                    name,
                    value,
                ),
            )
        else:
            database.execute(
                f"update {table} set value = ? where scope = ? and owner = ? and name = ?",
                (value, kind, owner, name),
            )
        return before


def remove_value(database: Database, table: str, name: str, scope: Scope) -> Optional[str]:
    """Forget the value of exactly this scope; what it was, or None when there was none."""
    with database.transaction():
        before = get_value(database, table, name, scope)
        kind, owner = _owner(database, scope)
        database.execute(
            f"delete from {table} where scope = ? and owner = ? and name = ?", (kind, owner, name)
        )
        return before


def _owner(database: Database, scope: Scope) -> tuple[str, int]:
    """The scope's kind, and the id of its owner; 0 for the global one."""
    if scope.appliance and scope.node:
        raise DescriptionError("a value is for an appliance or for a node", "", "name one of them")
    for kind, table, name in (
        ("node", "nodes", scope.node),
        ("appliance", "appliances", scope.appliance),
    ):
        if name:
            found = database.row(f"select id from {table} where name = ?", (name,))
            if found is None:
                known = [row[0] for row in database.rows(f"select name from {table}")]
                raise NotFound(f"there is no {kind} {name!r}", "", suggest(name, known))
            return kind, int(found[0])
    return "global", 0
