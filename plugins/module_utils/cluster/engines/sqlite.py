# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine of ``sqlite:///PATH``: the default for one machine, for the demo and for most tests.

With write-ahead logging, readers continue while one connection writes; a second writer waits.  A
read-only connection has three safeguards: the file is opened read-only, the connection rejects
writes, and an authorizer hides the secrets.
"""

from __future__ import annotations

import os
import sqlite3
import time
import urllib.parse
from typing import Any, Optional, Sequence

from ...errors import Conflict, DescriptionError, NotFound, Refused, RocksError, Unavailable
from ..schema import HIDDEN_TABLES
from .engine import Location

BUSY_SECONDS = 30.0
PROGRESS_STEPS = 10_000  # SQLite instructions between two checks of the time limit
CREATE_HINT = "run: ansible localhost -m rocks_database"
SQLITE_RECURSIVE = 33  # missing in the module sqlite3
READ_ACTIONS = frozenset(
    (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_TRANSACTION,
        SQLITE_RECURSIVE,
    )
)
FORBIDDEN_FUNCTIONS = frozenset(("load_extension",))

# Words of SQLite's messages -> our error.  Exceptions have no error numbers before Python 3.11.
EXPLANATIONS: tuple[tuple[tuple[str, ...], type[RocksError], str, str], ...] = (
    (
        ("interrupted",),
        Refused,
        "the query exceeded its time limit",
        "narrow it, or raise the limit",
    ),
    (
        ("locked", "busy"),
        Unavailable,
        f"the database is still locked by another writer after {BUSY_SECONDS:g} s",
        "try again when it has finished",
    ),
    (
        ("readonly", "not authorized", "prohibited"),
        Refused,
        "this connection is read-only",
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
        "the database file cannot be used",
        "check its folder and the disk",
    ),
)


class SQLite:
    """An ``Engine``.  With ``create``, a missing file is created, readable only by its owner."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error, sqlite3.Warning)

    def __init__(self, location: Location, *, read_only: bool, create: bool = False) -> None:
        self.location = location
        self._read_only = read_only
        self._create = create

    def open(self) -> sqlite3.Connection:
        path = self.location.name
        if self._create and not os.path.exists(path):
            self._create_file(path)
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

    def _create_file(self, path: str) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return  # another process created it in the meantime
        except OSError as error:
            raise DescriptionError(f"cannot be created ({error.strerror})", path) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("pragma foreign_keys = on")
        if self._read_only:
            connection.execute("pragma query_only = on")
            connection.set_authorizer(_authorize)
        else:
            connection.execute("pragma journal_mode = wal").fetchone()

    def adapt_placeholders(self, sql: str) -> str:
        return sql

    def begin(self, connection: sqlite3.Connection, exclusive: bool) -> None:
        connection.execute("begin immediate")  # SQLite has one writer at a time in any case

    def begin_read_only(self, connection: sqlite3.Connection) -> None:
        connection.execute("begin")

    def rollback(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:  # SQLite itself rolls back after some errors
            connection.execute("rollback")

    def compare_and_set_block(self, statements: Sequence[str]) -> str:
        return ""  # there is no network round trip to save

    def run_user_query(
        self, connection: sqlite3.Connection, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Any]]:
        deadline = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
        try:
            cursor = connection.execute(sql)
            columns = tuple(column[0] for column in cursor.description or ())
            return columns, cursor.fetchmany(limit + 1)
        finally:
            connection.set_progress_handler(None, 0)

    def explain(self, error: Exception) -> RocksError:
        text = str(error)
        where = self.location.url
        if isinstance(error, sqlite3.IntegrityError):
            return Conflict(f"the database rejects the row ({text})", where, "nothing was changed")
        if "readonly" in text and not self._read_only:
            return Unavailable(
                f"the database file cannot be written ({text})",
                where,
                "check the permissions and attributes (lsattr) of the file, and its file system",
            )
        for phrases, error_class, what, hint in EXPLANATIONS:
            if any(phrase in text for phrase in phrases):
                return error_class(f"{what} ({text})", where, hint)
        return DescriptionError(f"SQLite rejects the statement ({text})", where)

    def is_lost(self, error: Exception) -> bool:
        return False


def _authorize(
    action: int,
    table: Optional[str],
    column_or_function: Optional[str],
    _database: Optional[str],
    _trigger: Optional[str],
) -> int:
    """Allow reading, except of secrets, and nothing else (the callback of set_authorizer)."""
    if action not in READ_ACTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_READ and table in HIDDEN_TABLES:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and column_or_function in FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
