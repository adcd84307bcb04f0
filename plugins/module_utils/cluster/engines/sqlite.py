# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine of ``sqlite:///PATH``: the default for one machine, for the demo and for most tests.

With write-ahead logging, readers continue while one connection writes; a second writer waits.  A
user's query runs in a process of its own (``sqlite_reader``), and reads the newest state.
"""

from __future__ import annotations

import inspect
import json
import os
import sqlite3
import sys
import urllib.parse
from typing import Any, Sequence

from ... import process
from ...errors import (
    CommandError,
    Conflict,
    DescriptionError,
    NotFound,
    Refused,
    RocksError,
    Unavailable,
)
from ..schema import HIDDEN_TABLES
from . import sqlite_reader
from .engine import Location
from .sqlite_reader import BUSY_SECONDS

CREATE_HINT = "run: ansible localhost -m rocks_database"
# Runs the program in the first line of standard input.
RUN_SOURCE = [sys.executable, "-ISc", "import json, sys; exec(json.loads(sys.stdin.readline()))"]
# Seconds in addition to the time limit, within which Python starts and the answer is transferred.
START_SECONDS = 30.0

# Words of SQLite's messages -> our error.  Exceptions have no error numbers before Python 3.11.
EXPLANATIONS: tuple[tuple[tuple[str, ...], type[RocksError], str, str], ...] = (
    (
        ("SIGALRM", "still running"),
        Refused,
        "the query exceeded its time limit",
        "narrow it, or raise the limit",
    ),
    (
        ("out of memory", "too big"),
        Refused,
        "the query exceeded its memory limit",
        "narrow it",
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
        try:
            if self._read_only:
                return sqlite_reader.open_read_only(path, HIDDEN_TABLES)
            return _open_for_writing(path)
        except sqlite3.Error as error:
            if not os.path.exists(path):
                raise NotFound("no such database", self.location.url, CREATE_HINT) from None
            raise self.explain(error) from error

    def _create_file(self, path: str) -> None:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return  # another process created it in the meantime
        except OSError as error:
            raise DescriptionError(f"cannot be created ({error.strerror})", path) from error

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
        request = {
            "path": self.location.name,
            "sql": sql,
            "seconds": seconds,
            "limit": limit,
            "hidden": sorted(HIDDEN_TABLES),
        }
        source = inspect.getsource(sqlite_reader)
        stdin = f"{json.dumps(source)}\n{json.dumps(request)}"
        try:
            output = process.run(RUN_SOURCE, timeout=seconds + START_SECONDS, stdin=stdin).stdout
        except CommandError as error:
            raise sqlite3.OperationalError(error.what) from None
        answer = json.loads(output)
        if "error" in answer:
            raise sqlite3.OperationalError(answer["error"])
        rows = [tuple(map(sqlite_reader.decode_value, row)) for row in answer["rows"]]
        return tuple(answer["columns"]), rows

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


def _open_for_writing(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{urllib.parse.quote(path)}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
    )
    try:
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma journal_mode = wal").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection
