# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection to the cluster database: one SQL text for both engines, and transactions.

SQL is written in small letters with ``?`` for each parameter; the column ``rank`` stands in backquotes, which both
engines read.  Nothing here knows a table but ``schema_version``.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Iterator, Optional, Sequence

from ..errors import Refused, RocksError, Unavailable
from .engine import Engine, Location, parse_url
from .mariadb import MariaDB
from .schema import CURRENT_VERSION
from .sqlite import SQLite

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Any]]  # SQL and its parameters
SAVEPOINT = "rocks_inner"
# Taking a turn is the one row that every writer changes: they queue for it, also across the machines of a Galera
# cluster, and the number tells a reader whether anything was changed since.
BUMP_REVISION = "update schema_version set revision = revision + 1 where id = 1"


def connect(
    url: str, *, read_only: bool = False, create: bool = False, check: bool = True
) -> Database:
    """Open the cluster database at ``url``; use it in a ``with`` statement.

    read_only  no statement can change anything; on SQLite the secrets cannot be read either (on MariaDB that is
               what the reader's account is for)
    create     make the file, or the database on the server, when there is none.  It has no schema: ``migrate`` makes it
    check      refuse a schema that is not the one this program knows

    One connection serves one thread.  Raises NotFound, Unavailable, Refused, or DescriptionError for the URL.
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
    """The open database.  A lost connection is opened again by the next statement, but never inside a transaction."""

    def __init__(self, engine: Engine, location: Location, read_only: bool) -> None:
        self.location, self.read_only = location, read_only
        self._engine, self._depth = engine, 0
        self._connection: Any = None

    @property
    def engine(self) -> str:
        """``sqlite`` or ``mysql``: only for what no SQL can say for both."""
        return self.location.engine

    def open(self) -> None:
        """Connect, unless connected."""
        if self._connection is None:
            if self._depth:
                raise Unavailable(
                    "the connection was lost within a transaction",
                    self.location.url,
                    "run it again",
                )
            self._connection = self._engine.open()

    def close(self) -> None:
        """Give the connection back; a running transaction is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*self._engine.errors):
                connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query, as tuples."""
        with self._cursor(sql, parameters) as cursor:
            return list(cursor.fetchall())

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Optional[Row]:
        """The first row of a query, or None."""
        with self._cursor(sql, parameters) as cursor:
            found: Optional[Row] = cursor.fetchone()
            return found

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, as ``select *`` shows them."""
        with self._cursor(f"select * from {table} limit 0", ()) as cursor:
            return [column[0] for column in cursor.description]

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it found to change (a compare-and-set that lost: 0)."""
        with self._cursor(sql, parameters) as cursor:
            return int(cursor.rowcount)

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run an ``insert`` of one row; the id that the row got."""
        with self._cursor(sql, parameters) as cursor:
            return int(cursor.lastrowid)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run an ``insert … values (…)`` for each of ``rows``, in as few round trips as the engine can."""
        with self._cursor(sql, list(rows), many=True):
            pass

    def compare_and_set(self, statement: Statement, *follow_ups: Statement) -> bool:
        """Run an update and, if it changed a row, ``follow_ups``, in one transaction.

        Return False, with nothing written, if the update found no row.  Outside of a transaction it
        is one round trip if the engine can: all nodes of a cluster may do this at once.
        """
        statements = (statement, *follow_ups)
        block = (
            "" if self._depth else self._engine.compare_and_set_block([s[0] for s in statements])
        )
        if block:
            values = [value for _sql, parameters in statements for value in parameters]
            return self.row(block, values) == (1,)
        with self.transaction(exclusive=False):
            changed = self.execute(*statement)
            for sql, parameters in follow_ups if changed else ():
                self.execute(sql, parameters)
        return bool(changed)

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
            with self._transaction_scope(
                begin=f"savepoint {savepoint}",
                commit=f"release savepoint {savepoint}",
                undo=f"rollback to savepoint {savepoint}",
                dry_run=dry_run,
            ):
                yield
            return
        self.open()
        with self._translate_errors():
            self._engine.begin(self._connection, exclusive)
        begin = BUMP_REVISION if exclusive else ""
        with self._transaction_scope(begin=begin, commit="commit", undo="", dry_run=dry_run):
            yield

    @contextlib.contextmanager
    def read_transaction(self) -> Iterator[None]:
        """All queries within see one state of the database, whatever is written meanwhile."""
        if self._depth:
            yield
            return
        self.open()
        with self._translate_errors():
            self._engine.begin_read_only(self._connection)
        with self._transaction_scope(begin="", commit="commit", undo="", dry_run=False):
            yield

    def run_user_query(
        self, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Row]]:
        """A user's query, as ``query.select`` runs it."""
        self.open()
        with self._translate_errors():
            return self._engine.run_user_query(self._connection, sql, seconds, limit)

    def revision(self) -> int:
        """A number that grows with each ``transaction()`` that was kept: equal numbers, equal descriptions."""
        found = self.row("select revision from schema_version where id = 1")
        return int(found[0]) if found else 0

    @contextlib.contextmanager
    def _transaction_scope(
        self, *, begin: str, commit: str, undo: str, dry_run: bool
    ) -> Iterator[None]:
        """Count the depth, and end a transaction or a savepoint; no ``undo`` means the whole transaction."""
        self._depth += 1
        try:
            if begin:
                self.execute(begin)
            yield
            if dry_run:
                self._undo(undo)
            else:
                self.execute(commit)
        except BaseException:
            with contextlib.suppress(RocksError):  # the first error is the one to tell
                self._undo(undo)
            raise
        finally:
            self._depth -= 1

    def _undo(self, undo: str) -> None:
        if undo:
            self.execute(undo)
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
        """The engine's exceptions become ours; a lost connection is let go."""
        try:
            yield
        except self._engine.errors as error:
            explained = self._engine.explain(error)
            if self._engine.is_lost(error):
                self.close()
            raise explained from error


def check_schema_version(database: Database) -> None:
    """Refuse a schema that this program does not know.  Raises Refused with the remedy."""
    found = schema_version(database)
    if found == CURRENT_VERSION:
        return
    where = database.location.url
    if found > CURRENT_VERSION:
        raise Refused(
            f"the schema has version {found}, this program knows {CURRENT_VERSION}",
            where,
            "update npaci.rocks",
        )
    what = (
        f"the schema has version {found}, this program needs {CURRENT_VERSION}"
        if found
        else "the database has no schema"
    )
    raise Refused(what, where, "run: ansible localhost -m rocks_database")


def schema_version(database: Database) -> int:
    """The schema's version; 0 where there is none."""
    listed = (
        "select count(*) from sqlite_master where type = 'table' and name = 'schema_version'"
        if database.engine == "sqlite"
        else "select count(*) from information_schema.tables"
        " where table_schema = database() and table_name = 'schema_version'"
    )
    exists = database.row(listed)
    found = (
        database.row("select version from schema_version where id = 1")
        if exists and exists[0]
        else None
    )
    return int(found[0]) if found else 0
