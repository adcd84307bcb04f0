# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make the database, dump it, restore it: what a module does with a whole database.  Nothing here destroys one.

``keep=False`` tells what would be done, and does nothing.
"""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, Optional

from .. import settings
from ..errors import NotFound
from ..files import read_text, replace
from .database import Database, connect
from .db_grants import credentials, grant
from .dump import dump, parse, restore
from .migrate import migrate
from .schema import CURRENT, HIDDEN_TABLES

DUMP_MODE = 0o600


def administrators_url(url: Optional[str]) -> str:
    """The URL of the administrator's account: a module's option, else the site's settings."""
    return url or settings.load().database


def make(
    url: str, accounts: Iterable[Mapping[str, Any]] = (), *, keep: bool = True
) -> dict[str, Any]:
    """Make or migrate the database, then its accounts.

    accounts  each with ``role``, ``user``, ``host`` and ``credentials`` (a file, or nothing)
    """
    wanted = list(accounts)
    try:
        opened = connect(url, create=keep, check=False)
    except NotFound:
        if keep:
            raise
        return _made(url, 0, [_account(one) for one in wanted])
    with opened as database:
        before, _after = migrate(database, keep=keep)
        if before == 0 and not keep:
            return _made(url, 0, [_account(one) for one in wanted])
        return _made(url, before, [_account(one) for one in wanted if _grant(database, one, keep)])


def dump_to(url: str, path: str, *, secrets: bool = False, keep: bool = True) -> dict[str, Any]:
    """Write the database into a file that only its owner may read."""
    with connect(url) as database:
        text = dump(database, secrets=secrets)
    if keep:
        changed = replace(path, text, DUMP_MODE)
    else:
        changed = not os.path.exists(path) or read_text(path) != text
    return _result(url, changed, CURRENT, CURRENT)


def restore_from(url: str, path: str, *, keep: bool = True) -> dict[str, Any]:
    """Make the database when there is none, and fill it from a file.  One that holds the same already is left alone."""
    text = read_text(path)
    found = parse(text, path)
    counts = {table: len(rows) for table, rows in found.rows.items()}
    before = make(url, keep=keep)["schema_before"]
    if not keep and before != CURRENT:
        return _result(url, True, before, CURRENT, rows=counts)
    with connect(url) as database:
        if (
            before == CURRENT
            and dump(database, secrets=not HIDDEN_TABLES.isdisjoint(found.columns)) == text
        ):
            return _result(url, False, before, CURRENT, rows=counts)
        with database.transaction(dry_run=not keep):
            counts = restore(database, text, path)
    return _result(url, True, before, CURRENT, rows=counts)


def _grant(database: Database, one: Mapping[str, Any], keep: bool) -> bool:
    path = one.get("credentials")
    if not keep and path and not os.path.exists(path):
        return True
    password = credentials(path, one["user"]) if path else ""
    return grant(database, one["role"], one["user"], host=one["host"], password=password, keep=keep)


def _account(one: Mapping[str, Any]) -> str:
    return f"{one['user']}@{one['host']}"


def _made(url: str, before: int, accounts: list[str]) -> dict[str, Any]:
    return _result(url, before != CURRENT or bool(accounts), before, CURRENT, accounts=accounts)


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
