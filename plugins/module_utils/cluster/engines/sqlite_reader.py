# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a user's query on SQLite in a process of its own, which can be killed and limited.

SQLite checks a time limit between two instructions, and a single call of a function on a long value
can last for minutes and take gigabytes.  The engine passes the source of this file to Python,
because the file can be inside a module's archive; so it imports nothing of the collection.

The program reads a request and writes an answer, both JSON.
"""

from __future__ import annotations

import base64
import json
import resource
import signal
import sqlite3
import sys
import urllib.parse
from typing import Any, Callable, Collection, Optional

BUSY_SECONDS = 30.0
MEMORY_BYTES = 1 << 30
RECURSIVE = 33  # missing in the module sqlite3
READ_ACTIONS = frozenset(
    (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_TRANSACTION,
        RECURSIVE,
    )
)
FORBIDDEN_FUNCTIONS = frozenset(("load_extension",))

Authorizer = Callable[[int, Optional[str], Optional[str], Optional[str], Optional[str]], int]


def authorizer(hidden: Collection[str]) -> Authorizer:
    """Return a callback of set_authorizer that allows reading, except of the hidden tables."""

    def authorize(
        action: int,
        table: Optional[str],
        column_or_function: Optional[str],
        _database: Optional[str],
        _trigger: Optional[str],
    ) -> int:
        if action not in READ_ACTIONS:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_READ and table in hidden:
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION and column_or_function in FORBIDDEN_FUNCTIONS:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    return authorize


def open_read_only(path: str, hidden: Collection[str]) -> sqlite3.Connection:
    """Open a database that can only be read, and whose hidden tables cannot.  Raises sqlite3.Error.

    It has three safeguards: the file is opened read-only, the connection rejects writes, and the
    authorizer rejects everything else.
    """
    uri = f"file:{urllib.parse.quote(path)}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma query_only = on")
        connection.set_authorizer(authorizer(hidden))
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return the columns and rows of a query, or its error; bytes are {"base64": TEXT}.

    The process ends by SIGALRM when the query exceeds its time limit.
    """
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        connection = open_read_only(request["path"], request["hidden"])
        cursor = connection.execute(request["sql"])
        columns = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchmany(request["limit"] + 1)
    except (sqlite3.Error, sqlite3.Warning) as error:
        return {"error": str(error)}
    except (MemoryError, OverflowError):
        return {"error": "out of memory"}
    return {"columns": columns, "rows": rows}


def _encode(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()}


def decode_value(value: Any) -> Any:
    """Return a value of an answer as SQLite returned it."""
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(answer(json.load(sys.stdin)), default=_encode))
    except MemoryError:
        raise SystemExit("out of memory") from None
