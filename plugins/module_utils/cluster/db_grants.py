# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts of the cluster database on MariaDB, and exactly what each may do.

The administrator's is the one that runs this.  The reader answers users' SQL, the inventory and the reports, and sees
no secret.  The service's is the HTTP face's: it follows orders, but can neither make one nor describe the cluster.
"""

from __future__ import annotations

import configparser
import re
from secrets import token_urlsafe
from typing import Mapping, NamedTuple

from ..errors import DescriptionError, NotFound
from ..files import read_text, replace
from .database import Database
from .schema import HIDDEN_TABLES, TABLES

_ACCOUNT = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_HOST = re.compile(r"[A-Za-z0-9_.:%/-]{1,60}")
PASSWORD_BYTES = 24
READABLE = ("schema_version", *TABLES)


class Privilege(NamedTuple):
    """What may be done with a table, or with one column of it when ``column`` is not empty."""

    table: str
    kind: str
    column: str = ""


def _reading(tables: tuple[str, ...]) -> frozenset[Privilege]:
    return frozenset(Privilege(table, "SELECT") for table in tables)


def _updating(table: str, *columns: str) -> frozenset[Privilege]:
    return frozenset(Privilege(table, "UPDATE", column) for column in columns)


ROLES: Mapping[str, frozenset[Privilege]] = {
    "reader": _reading(tuple(table for table in READABLE if table not in HIDDEN_TABLES)),
    "service": _reading(READABLE)
    | {
        Privilege(table, "INSERT")
        for table in ("hardware", "install_keys", "install_events", "audit", "secrets")
    }
    | {Privilege("hardware", "UPDATE"), Privilege("secrets", "UPDATE")}
    | _updating("install_keys", "used")
    | _updating("schema_version", "revision")
    | _updating(
        "installs",
        *("state", "live", "changed", "expires", "attempts", "phase", "done", "total", "message"),
        *("reason", "delivered", "suspect", "manifest", "checked", "found"),
    ),
}


def grant_role(
    database: Database,
    role: str,
    user: str,
    *,
    host: str = "localhost",
    password: str = "",
    dry_run: bool = False,
) -> bool:
    """Make the account ``user``@``host`` one of ``role`` and of nothing else; False when it was that already.

    dry_run   only report whether a change is needed
    password  empty: the account proves itself by the server's socket, as the system's user of the same name.
              A password is always set anew, since none can be read back, and does not count as a change

    On SQLite there are no accounts: NotFound.  Raises DescriptionError for a name that is none.
    """
    if database.engine != "mysql":
        raise NotFound(
            "SQLite has no accounts",
            database.location.url,
            "its file's owner and mode are what protects it",
        )
    if role not in ROLES:
        raise NotFound(f"there is no role {role!r}", "", f"known: {', '.join(sorted(ROLES))}")
    if not _ACCOUNT.fullmatch(user) or not _HOST.fullmatch(host):
        raise DescriptionError(f"{user}@{host} is no account", "", "letters, digits, _ . and -")
    account = f"`{user}`@`{host}`"
    wanted, found = ROLES[role], _privileges(database, user, host)
    how = "identified by ?" if password else "identified via unix_socket"
    secret = (password,) if password else ()
    existed = _exists(database, user, host)
    changes = not existed or wanted != found
    if dry_run:
        return changes
    database.execute(f"{'alter' if existed else 'create'} user {account} {how}", secret)
    if not changes:
        return False
    if found:
        database.execute(f"revoke all privileges, grant option from {account}")
    for privilege in sorted(wanted):
        column = f" (`{privilege.column}`)" if privilege.column else ""
        table = f"`{database.location.name}`.`{privilege.table}`"
        database.execute(f"grant {privilege.kind}{column} on {table} to {account}")
    return True


def ensure_password(path: str, user: str) -> str:
    """The password in a MySQL option file; a file that does not exist is made, with a new one, for its owner alone."""
    parser = configparser.RawConfigParser()
    try:
        text = read_text(path)
    except NotFound:
        password = token_urlsafe(PASSWORD_BYTES)
        replace(path, f"[client]\nuser = {user}\npassword = {password}\n", 0o600)
        return password
    try:
        parser.read_string(text, path)
        return parser.get("client", "password").strip("'\"")
    except configparser.Error as error:
        hint = "write [client] and password = …, or remove the file to get a new one"
        raise DescriptionError(
            f"no password is found ({type(error).__name__})", path, hint
        ) from None


def _exists(database: Database, user: str, host: str) -> bool:
    return bool(database.row("select 1 from mysql.user where user = ? and host = ?", (user, host)))


def _privileges(database: Database, user: str, host: str) -> frozenset[Privilege]:
    """What the account may do in this database; what it may do elsewhere counts as a privilege of no role."""
    grantee = f"'{user}'@'{host}'"
    found = database.rows(
        "select concat(if(table_schema = database(), '', concat(table_schema, '.')), table_name), privilege_type, ''"
        " from information_schema.table_privileges where grantee = ?"
        " union all select concat(if(table_schema = database(), '', concat(table_schema, '.')), table_name),"
        " privilege_type, column_name from information_schema.column_privileges where grantee = ?"
        " union all select concat(table_schema, '.*'), privilege_type, '' from information_schema.schema_privileges"
        " where grantee = ?"
        " union all select '*.*', privilege_type, '' from information_schema.user_privileges"
        " where grantee = ? and privilege_type <> 'USAGE'",
        (grantee,) * 4,
    )
    return frozenset(Privilege(*row) for row in found)
