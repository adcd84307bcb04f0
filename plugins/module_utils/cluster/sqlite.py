# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SQLite, the embedded default: one machine, the demonstration, most tests.

Write-ahead logging lets readers go on while one writes; a second writer waits.  A read-only connection is held down
three times: the file is opened so, the connection refuses to write, and an authorizer hides the secrets.
"""

from __future__ import annotations

import os
import sqlite3
import time
import urllib.parse
from typing import Any, Optional, Sequence

from ..errors import Conflict, DescriptionError, NotFound, Refused, RocksError, Unavailable
from .engine import Location
from .schema import HIDDEN_TABLES

BUSY_SECONDS = 30.0
PROGRESS_STEPS = 10_000  # of SQLite's machine, between two looks at the clock
CREATE_HINT = "create it: ansible localhost -m rocks_database"
RECURSIVE = 33  # SQLITE_RECURSIVE, which the module does not name
READING = frozenset(
    (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_TRANSACTION,
        RECURSIVE,
    )
)
FORBIDDEN_FUNCTIONS = frozenset(("load_extension",))

# Words of SQLite's messages (it gives Python 3.9 no numbers) -> what it means and what to do.
EXPLAINED: tuple[tuple[tuple[str, ...], type[RocksError], str, str], ...] = (
    (
        ("interrupted",),
        Refused,
        "the query took too long and was stopped",
        "narrow it, or raise the time limit",
    ),
    (
        ("locked", "busy"),
        Unavailable,
        f"another writer still holds the database after {BUSY_SECONDS:g} s",
        "run it again when it ended",
    ),
    (
        ("readonly", "not authorized", "prohibited"),
        Refused,
        "this connection only reads",
        "secrets cannot be queried",
    ),
    (
        ("not a database", "malformed"),
        DescriptionError,
        "not a usable SQLite database",
        "restore it from a dump",
    ),
    (
        ("unable to open", "disk"),
        Unavailable,
        "the database cannot be used now",
        "look at its folder and at the disk",
    ),
)


class SQLite:
    """The engine of ``sqlite:///PATH``.

    create  make the file, readable by its owner alone, when it does not exist
    """

    errors: tuple[type[Exception], ...] = (sqlite3.Error, sqlite3.Warning)

    def __init__(self, location: Location, *, read_only: bool, create: bool = False) -> None:
        self.location, self._read_only, self._create = location, read_only, create

    def open(self) -> sqlite3.Connection:
        path = self.location.name
        if self._create and not os.path.exists(path):
            self._make(path)
        mode = "ro" if self._read_only else "rw"
        try:
            connection = sqlite3.connect(
                f"file:{urllib.parse.quote(path)}?mode={mode}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
            )
            self._prepare(connection)
        except sqlite3.Error as error:
            if not os.path.exists(path):
                raise NotFound("no such database", self.location.url, CREATE_HINT) from None
            raise self.explain(error) from error
        return connection

    def _make(self, path: str) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return  # another creator was faster
        except OSError as error:
            raise DescriptionError(f"cannot be created ({error.strerror})", path) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("pragma foreign_keys = on")
        if self._read_only:
            connection.execute("pragma query_only = on")
            connection.set_authorizer(_authorize)
        else:
            connection.execute("pragma journal_mode = wal").fetchone()

    def adapt_placeholders(self, text: str) -> str:
        return text

    def begin(self, connection: sqlite3.Connection, exclusive: bool) -> None:
        connection.execute(
            "begin immediate"
        )  # SQLite knows one writer at a time, whatever is asked

    def begin_read_only(self, connection: sqlite3.Connection) -> None:
        connection.execute("begin")

    def rollback(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:  # some failures have rolled back already
            connection.execute("rollback")

    def compare_and_set_block(self, statements: Sequence[str]) -> str:
        return ""  # there is no server to be far away

    def run_user_query(
        self, connection: sqlite3.Connection, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Any]]:
        deadline = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
        try:
            cursor = connection.execute(sql)
            return tuple(column[0] for column in cursor.description or ()), cursor.fetchmany(
                limit + 1
            )
        finally:
            connection.set_progress_handler(None, 0)

    def explain(self, error: Exception) -> RocksError:
        text, where = str(error), self.location.url
        if isinstance(error, sqlite3.IntegrityError):
            return Conflict(f"the database refuses the row ({text})", where, "nothing was changed")
        for marks, kind, what, hint in EXPLAINED:
            if any(mark in text for mark in marks):
                return kind(f"{what} ({text})", where, hint)
        return DescriptionError(f"SQLite does not accept it ({text})", where)

    def is_lost(self, error: Exception) -> bool:
        return False


def _authorize(
    action: int,
    first: Optional[str],
    second: Optional[str],
    _database: Optional[str],
    _trigger: Optional[str],
) -> int:
    """Reading is allowed, except the secrets; nothing else is (sqlite3_set_authorizer)."""
    if action not in READING:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_READ and first in HIDDEN_TABLES:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and second in FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
