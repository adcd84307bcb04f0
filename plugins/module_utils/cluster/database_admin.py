# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create, dump and restore the database, for the module ``rocks_database``.

Nothing here deletes data.  With ``dry_run``, each function returns the same result and changes
nothing.
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

Account = Mapping[str, Any]
"""``role``, ``user``, ``host`` and ``credentials`` (a file for the password, or None)."""


def admin_url(url: Optional[str]) -> str:
    """Return the URL of a module's option, or else that of the site's settings."""
    return url or settings.load().database


def create_database(
    url: str, accounts: Iterable[Account] = (), *, dry_run: bool = False
) -> dict[str, Any]:
    """Create or migrate the database, then create its accounts."""
    requested = list(accounts)
    all_names = [_account_name(account) for account in requested]
    try:
        opened = connect(url, create=not dry_run, check=False)
    except NotFound:
        if not dry_run:
            raise
        return _creation_result(url, 0, all_names)
    with opened as database:
        before, _after = migrate(database, dry_run=dry_run)
        if before == 0 and dry_run:
            return _creation_result(url, 0, all_names)
        changed = [
            _account_name(account) for account in requested if _grant(database, account, dry_run)
        ]
        return _creation_result(url, before, changed)


def dump_to(url: str, path: str, *, secrets: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Write the database to a file that only its owner can read."""
    with connect(url) as database:
        text = dump_database(database, secrets=secrets)
    if dry_run:
        changed = not os.path.exists(path) or read_text(path) != text
    else:
        changed = replace(path, text, DUMP_MODE)
    return _result(url, changed=changed, before=CURRENT_VERSION)


def restore_from(url: str, path: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Create the database if it is missing, and fill it from a file, unless it has that content."""
    text = read_text(path)
    content = parse_dump(text, path)
    counts = {table: len(rows) for table, rows in content.rows.items()}
    before = create_database(url, dry_run=dry_run)["schema_before"]
    if dry_run and before != CURRENT_VERSION:
        return _result(url, changed=True, before=before, rows=counts)
    with connect(url) as database:
        has_secrets = not HIDDEN_TABLES.isdisjoint(content.columns)
        if before == CURRENT_VERSION and dump_database(database, secrets=has_secrets) == text:
            return _result(url, changed=False, before=before, rows=counts)
        with database.transaction(dry_run=dry_run):
            counts = restore_database(database, text, path)
    return _result(url, changed=True, before=before, rows=counts)


def _grant(database: Database, account: Account, dry_run: bool) -> bool:
    path = account.get("credentials")
    if dry_run and path and not os.path.exists(path):
        return True
    return grant_role(
        database,
        account["role"],
        account["user"],
        host=account["host"],
        password=ensure_password(path, account["user"]) if path else "",
        dry_run=dry_run,
    )


def _account_name(account: Account) -> str:
    return f"{account['user']}@{account['host']}"


def _creation_result(url: str, before: int, accounts: list[str]) -> dict[str, Any]:
    changed = before != CURRENT_VERSION or bool(accounts)
    return _result(url, changed=changed, before=before, accounts=accounts)


def _result(url: str, *, changed: bool, before: int, **values: Any) -> dict[str, Any]:
    """Return the result of the module."""
    after = {"schema": CURRENT_VERSION, **{name: value for name, value in values.items() if value}}
    return {
        "changed": changed,
        "database": url,
        "schema_before": before,
        "schema": CURRENT_VERSION,
        "diff": {"before": {"schema": before}, "after": after},
        **values,
    }
