# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a user's own SQL: one statement that reads, by an account that sees no secret, with limits.

The account and the read-only connection enforce this.  The check of the statement's first word only
gives a clearer error.
"""

from __future__ import annotations

import decimal
import re
from typing import Any, NamedTuple

from ..errors import DescriptionError, Refused, RocksError
from .database import Database, Row
from .naming import is_utf8
from .schema import HIDDEN_TABLES

DEFAULT_SECONDS = 10.0
DEFAULT_LIMIT = 1_000_000
MAX_SECONDS = 240.0
READING_VERBS = ("select", "with", "values", "explain", "show", "describe", "desc")
SHOWN_LENGTH = 200
# A server executes them, so that they could take away the limits.
EXECUTABLE_COMMENT = re.compile(r"/\*M?!")

_SKIPPED = re.compile(r"\s+|--[^\n]*(\n|\Z)|#[^\n]*(\n|\Z)|/\*.*?\*/|\(", re.DOTALL)


class QueryResult(NamedTuple):
    """The result of a query."""

    columns: tuple[str, ...]
    rows: list[Row]


def select(
    database: Database, sql: str, *, seconds: float = DEFAULT_SECONDS, limit: int = DEFAULT_LIMIT
) -> QueryResult:
    """Run a user's query.

    database  opened with ``read_only=True``; on MariaDB with the reader's account
    seconds   the time limit; at most MAX_SECONDS
    limit     the largest number of rows; more rows are an error, so that no result is incomplete

    Raises DescriptionError or Refused that quotes the query; nothing is changed.
    """
    statement = sql.strip().rstrip(";").rstrip()
    where = f"SQL {' '.join(statement.split())[:SHOWN_LENGTH]!r}"
    if first_word(statement) not in READING_VERBS:
        hint = f"begin it with {', '.join(READING_VERBS)}"
        raise Refused("the statement is not a query", where, hint)
    if EXECUTABLE_COMMENT.search(statement):
        hint = "write the statement without /*! and /*M!"
        raise Refused("the statement contains a comment that MariaDB executes", where, hint)
    if not 0 < seconds <= MAX_SECONDS or limit < 0:
        raise DescriptionError(
            f"the limits are {seconds:g} s and {limit} rows",
            where,
            f"set more than 0 and at most {MAX_SECONDS:g} seconds, and 0 or more rows",
        )
    if not is_utf8(statement):
        raise DescriptionError("contains a lone surrogate", where, "save the query as UTF-8")
    _check_account(database)
    try:
        columns, rows = database.run_user_query(statement, seconds, limit)
    except RocksError as error:
        raise type(error)(error.what, where, error.hint) from error
    if len(rows) > limit:
        raise Refused(f"more than {limit} rows", where, "narrow it, or raise the limit")
    return QueryResult(columns, [tuple(map(to_plain_value, row)) for row in rows])


def to_plain_value(value: Any) -> Any:
    """Return a number, text or None.  MariaDB has other types for sums, times and bytes."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def first_word(sql: str) -> str:
    """Return the verb of a statement in lower case, after spaces, comments and parentheses."""
    start = 0
    while True:
        skipped = _SKIPPED.match(sql, start)
        if not skipped or skipped.end() == start:
            break
        start = skipped.end()
    word = re.match(r"[A-Za-z]*", sql[start:])
    return word[0].lower() if word else ""


def _check_account(database: Database) -> None:
    """Raise Refused if a user's SQL could write or read a secret."""
    if not database.read_only:
        raise Refused(
            "this connection can write", database.location.url, "open it with read_only=True"
        )
    if database.engine == "sqlite":
        return  # its authorizer hides the secrets
    for table in sorted(HIDDEN_TABLES):
        try:
            database.rows(f"select 1 from {table} limit 0")
        except Refused:
            continue
        raise Refused(
            "this account can read secrets",
            database.location.url,
            "set `reader` in /etc/rocks/rocks.yml to an account that rocks_database created",
        )
