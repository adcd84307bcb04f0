# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the database, dump it, restore it: what a module does with a whole database.  Nothing here destroys one.

With ``dry_run`` the functions return the same result and change nothing.
"""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, Optional

from .. import settings
from ..errors import NotFound
from ..files import read_text, replace
from .database import Database, connect
from .db_grants import ensure_password, grant_role
from .dump import dump_database, parse_dump, restore_database
from .migrate import migrate
from .schema import CURRENT_VERSION, HIDDEN_TABLES

DUMP_MODE = 0o600


def admin_url(url: Optional[str]) -> str:
    """The URL of the administrator's account: a module's option, else the site's settings."""
    return url or settings.load().database


def create_database(
    url: str, accounts: Iterable[Mapping[str, Any]] = (), *, dry_run: bool = False
) -> dict[str, Any]:
    """Make or migrate the database, then its accounts.

    accounts  each with ``role``, ``user``, ``host`` and ``credentials`` (a file, or nothing)
    """
    wanted = list(accounts)
    try:
        opened = connect(url, create=not dry_run, check=False)
    except NotFound:
        if not dry_run:
            raise
        return _made(url, 0, [_account(one) for one in wanted])
    with opened as database:
        before, _after = migrate(database, dry_run=dry_run)
        if before == 0 and dry_run:
            return _made(url, 0, [_account(one) for one in wanted])
        return _made(
            url, before, [_account(one) for one in wanted if _grant(database, one, dry_run)]
        )


def dump_to(url: str, path: str, *, secrets: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Write the database into a file that only its owner may read."""
    with connect(url) as database:
        text = dump_database(database, secrets=secrets)
    if not dry_run:
        changed = replace(path, text, DUMP_MODE)
    else:
        changed = not os.path.exists(path) or read_text(path) != text
    return _result(url, changed, CURRENT_VERSION, CURRENT_VERSION)


def restore_from(url: str, path: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Make the database when there is none, and fill it from a file.  One that holds the same already is left alone."""
    text = read_text(path)
    found = parse_dump(text, path)
    counts = {table: len(rows) for table, rows in found.rows.items()}
    before = create_database(url, dry_run=dry_run)["schema_before"]
    if dry_run and before != CURRENT_VERSION:
        return _result(url, True, before, CURRENT_VERSION, rows=counts)
    with connect(url) as database:
        if (
            before == CURRENT_VERSION
            and dump_database(database, secrets=not HIDDEN_TABLES.isdisjoint(found.columns)) == text
        ):
            return _result(url, False, before, CURRENT_VERSION, rows=counts)
        with database.transaction(dry_run=dry_run):
            counts = restore_database(database, text, path)
    return _result(url, True, before, CURRENT_VERSION, rows=counts)


def _grant(database: Database, one: Mapping[str, Any], dry_run: bool) -> bool:
    path = one.get("credentials")
    if dry_run and path and not os.path.exists(path):
        return True
    password = ensure_password(path, one["user"]) if path else ""
    return grant_role(
        database, one["role"], one["user"], host=one["host"], password=password, dry_run=dry_run
    )


def _account(one: Mapping[str, Any]) -> str:
    return f"{one['user']}@{one['host']}"


def _made(url: str, before: int, accounts: list[str]) -> dict[str, Any]:
    return _result(
        url, before != CURRENT_VERSION or bool(accounts), before, CURRENT_VERSION, accounts=accounts
    )


def _result(url: str, changed: bool, before: int, after: int, **more: Any) -> dict[str, Any]:
    """What a module returns."""
    difference = {
        "before": {"schema": before},
        "after": {"schema": after, **{k: v for k, v in more.items() if v}},
    }
    return {
        "changed": changed,
        "database": url,
        "schema_before": before,
        "schema": after,
        "diff": difference,
        **more,
    }
