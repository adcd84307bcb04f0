# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring an empty or older database to the current schema.  There are no downgrades.

On SQLite a migration is one transaction.  MariaDB commits each statement that defines something at
once: the completed steps are counted, and an interrupted migration continues with the next one.
"""

from __future__ import annotations

import contextlib
from typing import Iterator, Sequence

from ..errors import Refused, Unavailable
from .database import Database, schema_version
from .schema import BOOTSTRAP, VERSIONS, Version, for_engine

WAIT_SECONDS = 60


def migrate(
    database: Database, *, dry_run: bool = False, versions: Sequence[Version] = VERSIONS
) -> tuple[int, int]:
    """Apply the missing versions, and return the version before and the one after.

    Raises Refused if the database is newer than this program.
    """
    before = schema_version(database)
    target = versions[-1].number
    if before > target:
        raise Refused(
            f"the schema has version {before}, this program supports {target}",
            database.location.url,
            "update npaci.rocks; a schema cannot be downgraded",
        )
    if before < target and not dry_run:
        with _migration_lock(database):
            for statement in BOOTSTRAP:
                database.execute(for_engine(statement, database.engine))
            for version in versions:
                _apply(database, version)
    return before, target


def _apply(database: Database, version: Version) -> None:
    """Run the missing steps of one version."""
    current, completed = database.rows("select version, step from schema_version where id = 1")[0]
    if current >= version.number:
        return
    steps = [step for step in version.steps if step.engine in ("", database.engine)]
    for number, step in enumerate(steps[completed:], completed + 1):
        with database.transaction(exclusive=False):
            database.execute(for_engine(step.sql, database.engine))
            database.execute("update schema_version set step = ? where id = 1", (number,))
    database.execute(
        "update schema_version set version = ?, step = 0 where id = 1", (version.number,)
    )


@contextlib.contextmanager
def _migration_lock(database: Database) -> Iterator[None]:
    """Prevent concurrent migrations; the engine releases the lock if this process dies."""
    if database.engine == "sqlite":
        with database.transaction(exclusive=False):
            yield
        return
    locked = database.row(
        "select get_lock(concat('rocks migration of ', database()), ?)", (WAIT_SECONDS,)
    )
    if locked != (1,):
        raise Unavailable(
            f"another migration is still running after {WAIT_SECONDS} s",
            database.location.url,
            "try again when it has finished",
        )
    try:
        yield
    finally:
        database.execute("do release_lock(concat('rocks migration of ', database()))")
