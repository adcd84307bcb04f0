# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts of the cluster database on MariaDB, and their exact privileges.

The administrator's account runs this code.  The reader's account runs users' SQL, the inventory and
the reports, and sees no secret.  The service's account belongs to the HTTP service: it updates
install orders, but can neither create one nor change nodes, networks or attributes.
"""

from __future__ import annotations

import configparser
import re
from secrets import token_urlsafe
from typing import Literal, Mapping, NamedTuple

from ..errors import DescriptionError, NotFound
from ..files import read_text, replace
from .database import Database
from .schema import HIDDEN_TABLES, TABLES

Role = Literal["reader", "service"]

_ACCOUNT = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_HOST = re.compile(r"[A-Za-z0-9_.:%/-]{1,60}")
PASSWORD_BYTES = 24
READABLE = ("schema_version", *TABLES)


class Privilege(NamedTuple):
    """A privilege for a table, or for one of its columns."""

    table: str
    kind: str
    """``SELECT``, ``INSERT`` or ``UPDATE``."""
    column: str = ""
    """Empty: all columns."""


def _select(*tables: str) -> frozenset[Privilege]:
    return frozenset(Privilege(table, "SELECT") for table in tables)


def _insert(*tables: str) -> frozenset[Privilege]:
    return frozenset(Privilege(table, "INSERT") for table in tables)


def _update(table: str, *columns: str) -> frozenset[Privilege]:
    return frozenset(Privilege(table, "UPDATE", column) for column in columns)


ROLES: Mapping[Role, frozenset[Privilege]] = {
    "reader": _select(*(table for table in READABLE if table not in HIDDEN_TABLES)),
    "service": frozenset().union(
        _select(*READABLE),
        _insert("hardware", "install_keys", "install_events", "audit", "secrets"),
        _insert("site_keys", "node_states"),
        {Privilege(table, "UPDATE") for table in ("hardware", "secrets", "node_states")},
        _update("install_keys", "used"),
        _update("schema_version", "revision"),
        _update(
            "installs",
            *("state", "live", "changed", "expires", "attempts", "phase", "done", "total"),
            *("message", "reason", "delivered", "suspect", "manifest", "checked", "found"),
            *("recipe", "secret_hashes"),
        ),
    ),
}


def grant_role(
    database: Database,
    role: Role,
    user: str,
    *,
    host: str = "localhost",
    password: str = "",
    dry_run: bool = False,
) -> bool:
    """Give ``user``@``host`` exactly the privileges of ``role``, and return whether they changed.

    password  empty: the account authenticates through the server's socket, as the system user with
              the same name.  A password is always set, because it cannot be read for comparison,
              and does not count as a change
    dry_run   only return whether a change is needed

    Raises NotFound on SQLite, which has no accounts, and for an unknown role; DescriptionError for
    a name that is not valid.
    """
    if database.engine != "mysql":
        raise NotFound(
            "SQLite has no accounts",
            database.location.url,
            "protect the file with its owner and mode",
        )
    if role not in ROLES:
        raise NotFound(f"there is no role {role!r}", "", f"known: {', '.join(sorted(ROLES))}")
    if not _ACCOUNT.fullmatch(user) or not _HOST.fullmatch(host):
        raise DescriptionError(
            f"{user}@{host} is not a valid account", "", "use letters, digits, _ . and -"
        )
    account = f"`{user}`@`{host}`"
    target = ROLES[role]
    current = _privileges(database, user, host)
    exists = _exists(database, user, host)
    changes = not exists or target != current
    if dry_run:
        return changes
    authentication = "identified by ?" if password else "identified via unix_socket"
    database.execute(
        f"{'alter' if exists else 'create'} user {account} {authentication}",
        (password,) if password else (),
    )
    if not changes:
        return False
    if current:
        database.execute(f"revoke all privileges, grant option from {account}")
    for privilege in sorted(target):
        column = f" (`{privilege.column}`)" if privilege.column else ""
        table = f"`{database.location.name}`.`{privilege.table}`"
        database.execute(f"grant {privilege.kind}{column} on {table} to {account}")
    return True


def ensure_password(path: str, user: str) -> str:
    """Return the password in a MySQL option file.

    A missing file is created with a new password, readable only by its owner.
    """
    try:
        text = read_text(path)
    except NotFound:
        password = token_urlsafe(PASSWORD_BYTES)
        replace(path, f"[client]\nuser = {user}\npassword = {password}\n", 0o600)
        return password
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, path)
        return parser.get("client", "password").strip("'\"")
    except configparser.Error as error:
        raise DescriptionError(
            f"contains no password ({type(error).__name__})",
            path,
            "write [client] and password = …, or remove the file to get a new one",
        ) from None


def _exists(database: Database, user: str, host: str) -> bool:
    return bool(database.row("select 1 from mysql.user where user = ? and host = ?", (user, host)))


def _privileges(database: Database, user: str, host: str) -> frozenset[Privilege]:
    """Return all privileges of an account.

    Those for other databases, or for whole databases, equal no privilege of a role.
    """
    table_name = "concat(if(table_schema = database(), '', concat(table_schema, '.')), table_name)"
    rows = database.rows(
        f"select {table_name}, privilege_type, ''"
        " from information_schema.table_privileges where grantee = ?"
        f" union all select {table_name}, privilege_type, column_name"
        " from information_schema.column_privileges where grantee = ?"
        " union all select concat(table_schema, '.*'), privilege_type, ''"
        " from information_schema.schema_privileges where grantee = ?"
        " union all select '*.*', privilege_type, '' from information_schema.user_privileges"
        " where grantee = ? and privilege_type <> 'USAGE'",
        (f"'{user}'@'{host}'",) * 4,
    )
    return frozenset(Privilege(*row) for row in rows)
