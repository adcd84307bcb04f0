# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a database to the schema that this program knows: an empty one, or an older one.  Only forward.

On SQLite it is one transaction.  MariaDB commits each statement that defines something, so what is done is counted,
and a migration that was cut off goes on where it stopped.
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
    """Apply the missing versions; the version before and the one after.  With ``dry_run`` nothing is written.

    Raises Refused when the database is newer than this program.
    """
    before, wanted = schema_version(database), versions[-1].number
    if before > wanted:
        raise Refused(
            f"the schema has version {before}, this program knows {wanted}",
            database.location.url,
            "update npaci.rocks; a schema is never taken back",
        )
    if before < wanted and not dry_run:
        with _alone(database):
            for statement in BOOTSTRAP:
                database.execute(for_engine(statement, database.engine))
            for one in versions:
                _apply(database, one)
    return before, wanted


def _apply(database: Database, wanted: Version) -> None:
    """Run the steps of one version that are not done yet."""
    done_version, done_steps = database.rows(
        "select version, step from schema_version where id = 1"
    )[0]
    if done_version >= wanted.number:
        return
    steps = [step for step in wanted.steps if step.engine in ("", database.engine)]
    for number, step in enumerate(steps[done_steps:], done_steps + 1):
        with database.transaction(exclusive=False):
            database.execute(for_engine(step.sql, database.engine))
            database.execute("update schema_version set step = ? where id = 1", (number,))
    database.execute(
        "update schema_version set version = ?, step = 0 where id = 1", (wanted.number,)
    )


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Let no other process migrate meanwhile; the engine lets go however this one ends."""
    if database.engine == "sqlite":
        with database.transaction(exclusive=False):
            yield
        return
    if database.row(
        "select get_lock(concat('rocks migration of ', database()), ?)", (WAIT_SECONDS,)
    ) != (1,):
        raise Unavailable(
            f"another migration still runs after {WAIT_SECONDS} s",
            database.location.url,
            "run it again when it ended",
        )
    try:
        yield
    finally:
        database.execute("do release_lock(concat('rocks migration of ', database()))")
