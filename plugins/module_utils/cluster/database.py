# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection to the cluster database: one SQL text for both engines, and transactions.

SQL is written in lower case with ``?`` for each parameter.  The column ``rank`` is a reserved word
in MariaDB and always in backquotes, which SQLite reads too.  ``schema_version`` is the only table
that this file knows.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Iterator, Optional, Sequence

from ..errors import Refused, RocksError, Unavailable
from .engines.engine import Engine, EngineName, Location, parse_url
from .engines.mariadb import MariaDB
from .engines.sqlite import SQLite
from .schema import CURRENT_VERSION

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters."""

SAVEPOINT = "rocks_inner"
BUMP_REVISION = "update schema_version set revision = revision + 1 where id = 1"
"""Every exclusive transaction begins with it.

The row serialises the writers, also across the machines of a Galera cluster, and its number shows a
reader whether anything has changed.
"""


def connect(
    url: str, *, read_only: bool = False, create: bool = False, check: bool = True
) -> Database:
    """Open the cluster database at ``url``; use the result in a ``with`` statement.

    read_only  reject every statement that writes; on SQLite secrets cannot be read either (on
               MariaDB the privileges of the reader's account ensure that)
    create     create the file, or the database on the server, if it does not exist; it has no
               schema until ``migrate`` runs
    check      reject a schema of another version than CURRENT_VERSION

    Use one connection for each thread.  Raises NotFound, Unavailable, Refused, or DescriptionError
    for the URL.
    """
    location = parse_url(url)
    engine: Engine
    if location.engine == "sqlite":
        engine = SQLite(location, read_only=read_only, create=create)
    else:
        engine = MariaDB(location, read_only=read_only, create=create)
    database = Database(engine, location, read_only)
    try:
        database.open()
        if check:
            check_schema_version(database)
    except BaseException:
        database.close()
        raise
    return database


class Database:
    """An open database.  The next statement reopens a lost connection, except in a transaction."""

    def __init__(self, engine: Engine, location: Location, read_only: bool) -> None:
        self.location = location
        self.read_only = read_only
        self._engine = engine
        self._depth = 0
        self._connection: Any = None

    @property
    def engine(self) -> EngineName:
        """The engine, for the few statements that differ."""
        return self.location.engine

    def open(self) -> None:
        """Connect, unless connected."""
        if self._connection is None:
            if self._depth:
                raise Unavailable(
                    "the connection was lost during a transaction", self.location.url, "try again"
                )
            self._connection = self._engine.open()

    def close(self) -> None:
        """Close the connection; a transaction in progress is rolled back."""
        connection = self._connection
        self._connection = None
        if connection is not None:
            with contextlib.suppress(*self._engine.errors):
                connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        with self._cursor(sql, parameters) as cursor:
            return list(cursor.fetchall())

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Optional[Row]:
        """Return the first row of a query, or None."""
        with self._cursor(sql, parameters) as cursor:
            row: Optional[Row] = cursor.fetchone()
            return row

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in the order of ``select *``."""
        with self._cursor(f"select * from {table} limit 0", ()) as cursor:
            return [column[0] for column in cursor.description]

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement, and return the number of rows that it matched (0: not found)."""
        with self._cursor(sql, parameters) as cursor:
            return int(cursor.rowcount)

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Insert one row, and return its id."""
        with self._cursor(sql, parameters) as cursor:
            return int(cursor.lastrowid)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run an ``insert … values (…)`` for each of ``rows``, in few round trips."""
        with self._cursor(sql, list(rows), many=True):
            pass

    def compare_and_set(self, statement: Statement, *follow_ups: Statement) -> bool:
        """Run an update and, if it matched a row, ``follow_ups``, in one transaction.

        Return False, with nothing written, if no row matched.  Outside of a transaction it is one
        round trip if the engine supports that: all nodes of a cluster may do this at once.
        """
        statements = (statement, *follow_ups)
        block = (
            "" if self._depth else self._engine.compare_and_set_block([s[0] for s in statements])
        )
        if block:
            values = [value for _sql, parameters in statements for value in parameters]
            return self.row(block, values) == (1,)
        with self.transaction(exclusive=False):
            matched = self.execute(*statement)
            for sql, parameters in follow_ups if matched else ():
                self.execute(sql, parameters)
        return bool(matched)

    @contextlib.contextmanager
    def transaction(self, *, dry_run: bool = False, exclusive: bool = True) -> Iterator[None]:
        """Run all statements of the block, or none of them; an exception rolls them back.

        dry_run    roll back at the end as well: results are those of the real transaction
        exclusive  wait until every other exclusive transaction has ended, read what it wrote, and
                   let none begin before this one ends.  Without it only rows exclude each other:
                   enough for a compare-and-set with its event and its audit row

        Inside another transaction it is a savepoint of that.
        """
        if self._depth:
            savepoint = f"{SAVEPOINT}{self._depth}"
            with self._scope(
                begin=f"savepoint {savepoint}",
                commit=f"release savepoint {savepoint}",
                rollback=f"rollback to savepoint {savepoint}",
                dry_run=dry_run,
            ):
                yield
            return
        self.open()
        with self._translate_errors():
            self._engine.begin(self._connection, exclusive)
        begin = BUMP_REVISION if exclusive else ""
        with self._scope(begin=begin, commit="commit", rollback="", dry_run=dry_run):
            yield

    @contextlib.contextmanager
    def read_transaction(self) -> Iterator[None]:
        """Let all queries of the block read one state, whatever is written in the meantime."""
        if self._depth:
            yield
            return
        self.open()
        with self._translate_errors():
            self._engine.begin_read_only(self._connection)
        with self._scope(begin="", commit="commit", rollback="", dry_run=False):
            yield

    def run_user_query(
        self, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Row]]:
        """Run a query for ``query.select``, and return the column names and the rows."""
        self.open()
        with self._translate_errors():
            return self._engine.run_user_query(self._connection, sql, seconds, limit)

    def revision(self) -> int:
        """Return the number of exclusive transactions that were committed so far."""
        row = self.row("select revision from schema_version where id = 1")
        return int(row[0]) if row else 0

    @contextlib.contextmanager
    def _scope(self, *, begin: str, commit: str, rollback: str, dry_run: bool) -> Iterator[None]:
        """Run the block, and end its transaction or savepoint.

        An empty ``rollback`` rolls back the whole transaction.
        """
        self._depth += 1
        try:
            if begin:
                self.execute(begin)
            yield
            if dry_run:
                self._roll_back(rollback)
            else:
                self.execute(commit)
        except BaseException:
            with contextlib.suppress(RocksError):  # the first error is the one to report
                self._roll_back(rollback)
            raise
        finally:
            self._depth -= 1

    def _roll_back(self, statement: str) -> None:
        if statement:
            self.execute(statement)
        elif self._connection is not None:
            with self._translate_errors():
                self._engine.rollback(self._connection)

    @contextlib.contextmanager
    def _cursor(self, sql: str, parameters: Sequence[Any], many: bool = False) -> Iterator[Any]:
        self.open()
        with self._translate_errors(), contextlib.closing(self._connection.cursor()) as cursor:
            if many:
                cursor.executemany(self._engine.adapt_placeholders(sql), parameters)
            elif parameters:
                cursor.execute(self._engine.adapt_placeholders(sql), tuple(parameters))
            else:
                cursor.execute(sql)
            yield cursor

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise the engine's exceptions as RocksError, and close a lost connection."""
        try:
            yield
        except self._engine.errors as error:
            translated = self._engine.explain(error)
            if self._engine.is_lost(error):
                self.close()
            raise translated from error


def check_schema_version(database: Database) -> None:
    """Raise Refused if the schema is not of CURRENT_VERSION; the hint names the remedy."""
    version = schema_version(database)
    if version == CURRENT_VERSION:
        return
    if version > CURRENT_VERSION:
        raise Refused(
            f"the schema has version {version}, this program supports {CURRENT_VERSION}",
            database.location.url,
            "update npaci.rocks",
        )
    raise Refused(
        f"the schema has version {version}, this program needs {CURRENT_VERSION}"
        if version
        else "the database has no schema",
        database.location.url,
        "run: ansible localhost -m rocks_database",
    )


def schema_version(database: Database) -> int:
    """Return the version of the schema; 0 if there is none."""
    count_tables = (
        "select count(*) from sqlite_master where type = 'table' and name = 'schema_version'"
        if database.engine == "sqlite"
        else "select count(*) from information_schema.tables"
        " where table_schema = database() and table_name = 'schema_version'"
    )
    if database.row(count_tables) != (1,):
        return 0
    row = database.row("select version from schema_version where id = 1")
    return int(row[0]) if row else 0
