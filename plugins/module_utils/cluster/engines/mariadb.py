# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine of ``mysql://USER@HOST/NAME``: MariaDB, through PyMySQL.

An account authenticates with the server's socket authentication, or with the password in an option
file that not everyone can read.
"""

from __future__ import annotations

import functools
import os
import socket
import ssl
import stat
from typing import Any, Optional, Sequence

from ...errors import Conflict, DescriptionError, NotFound, Refused, RocksError, Unavailable
from . import pymysql_driver
from .engine import Location

SOCKETS = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/run/mysql/mysql.sock")
CONNECT_SECONDS = 5
LOCK_SECONDS = 30
ANSWER_SECONDS = 300  # a server that hangs counts as one that does not answer

# The same behaviour on every server, whatever its my.cnf contains: a value that does not fit is an
# error, || concatenates as in SQLite, a statement reads what is committed, and group_concat never
# truncates.
SESSION = (
    "set names utf8mb4,"
    " session sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,"
    "PIPES_AS_CONCAT',"
    f" session innodb_lock_wait_timeout = {LOCK_SECONDS}, session group_concat_max_len = 268435456",
    "set session transaction isolation level read committed",
)
COLLATION = "character set utf8mb4 collate utf8mb4_nopad_bin"
READ_ONLY = "set session transaction read only"

# CLIENT_FOUND_ROWS: an update counts the rows that it matched, as on SQLite, not those that differ.
FOUND_ROWS = 2

LOST_CONNECTION = frozenset((0, 1053, 1927, 2006, 2013, 2014, 2055))
# Error numbers of the server and of PyMySQL -> our error.
EXPLANATIONS: tuple[tuple[frozenset[int], type[RocksError], str, str], ...] = (
    (
        frozenset((1317, 1969)),
        Refused,
        "the query exceeded its time limit",
        "narrow it, or raise the limit",
    ),
    (
        frozenset((1048, 1062, 1216, 1217, 1451, 1452, 4025)),
        Conflict,
        "the database rejects the row",
        "nothing was changed",
    ),
    (
        frozenset((1020, 1205, 1213)),
        Unavailable,
        "the database is locked by another writer",
        "try again when it has finished",
    ),
    (
        LOST_CONNECTION | {1040, 1041, 1203, 2002, 2003, 2005},
        Unavailable,
        "the database server does not answer",
        "check that it is running",
    ),
    (
        frozenset((pymysql_driver.NO_TLS,)),
        Unavailable,
        "the connection to the database server would not be encrypted",
        "configure a certificate on the server (ssl_cert, ssl_key), or correct the URL's tls_ca=",
    ),
    (
        frozenset((1049,)),
        NotFound,
        "no such database",
        "run: ansible localhost -m rocks_database",
    ),
    (
        frozenset((1290, 1792)),
        Refused,
        "this connection is read-only",
        "use the administrator's account",
    ),
    (
        frozenset((1044, 1045, 1227, 1370, 1698)),
        Refused,
        "the server rejects this account",
        "use another account, or set credentials= in the URL",
    ),
    (
        frozenset((1142, 1143)),
        Refused,
        "the server denies this account the table",
        "secrets cannot be queried; for other tables, use an account with the privilege",
    ),
)
OTHER = ((), DescriptionError, "MariaDB rejects the statement", "")


class MariaDB:
    """An ``Engine``.  With ``create``, a missing database is created on the server."""

    def __init__(self, location: Location, *, read_only: bool, create: bool = False) -> None:
        self.location = location
        self._read_only = read_only
        self._create = create
        self._pymysql = _load_driver(location)
        self.errors: tuple[type[Exception], ...] = (self._pymysql.err.MySQLError, OSError)

    def open(self) -> Any:
        connection = pymysql_driver.create_connection(**self._arguments())
        try:
            connection.connect(_connect_socket(connection))
            with connection.cursor() as cursor:
                for statement in self._first_statements():
                    cursor.execute(statement)
        except self.errors as error:
            raise self.explain(error) from error
        return connection

    def _arguments(self) -> dict[str, Any]:
        arguments = _connection_arguments(self.location)
        if not self._create:
            arguments["database"] = self.location.name
        return arguments

    def _first_statements(self) -> Sequence[str]:
        if self._create:
            name = f"`{self.location.name}`"
            return (*SESSION, f"create database if not exists {name} {COLLATION}", f"use {name}")
        return (*SESSION, READ_ONLY) if self._read_only else SESSION

    def adapt_placeholders(self, sql: str) -> str:
        return _percent_style(sql)

    def begin(self, connection: Any, exclusive: bool) -> None:
        connection.query("start transaction")

    def begin_read_only(self, connection: Any) -> None:
        connection.query("set transaction isolation level repeatable read")
        connection.query("start transaction with consistent snapshot, read only")

    def rollback(self, connection: Any) -> None:
        connection.rollback()

    def compare_and_set_block(self, statements: Sequence[str]) -> str:
        follow_ups = "".join(f"{statement}; " for statement in statements[1:])
        return (
            "begin not atomic declare exit handler for sqlexception begin rollback; resignal; end;"
            f" start transaction; {statements[0]}; if row_count() = 0 then rollback; select 0;"
            f" else {follow_ups}commit; select 1; end if; end"
        )

    def run_user_query(
        self, connection: Any, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Any]]:
        # The server needs the row limit too: PyMySQL reads all remaining rows before it closes.
        connection.query(
            f"set session max_statement_time = {seconds:f},"
            f" session sql_select_limit = {limit + 1:d}"
        )
        try:
            with connection.cursor(self._pymysql.cursors.SSCursor) as cursor:
                cursor.execute(sql)
                columns = tuple(column[0] for column in cursor.description or ())
                return columns, list(cursor.fetchmany(limit + 1))
        finally:
            connection.query(
                "set session max_statement_time = 0, session sql_select_limit = default"
            )

    def explain(self, error: Exception) -> RocksError:
        number = _number(error) if isinstance(error, self._pymysql.err.MySQLError) else 2013
        rows = (row for row in EXPLANATIONS if number in row[0])
        _numbers, error_class, what, hint = next(rows, OTHER)
        details = "" if error_class is NotFound else f" ({_text(error)})"
        return error_class(what + details, self.location.url, hint)

    def is_lost(self, error: Exception) -> bool:
        return _number(error) in LOST_CONNECTION or not isinstance(
            error, self._pymysql.err.MySQLError
        )


def _load_driver(location: Location) -> Any:
    try:
        return pymysql_driver.load_pymysql()
    except ImportError:
        raise Unavailable(
            "PyMySQL is not installed for this Python",
            location.url,
            "install python3-PyMySQL (RPM) or PyMySQL (pip)",
        ) from None


def _connection_arguments(location: Location) -> dict[str, Any]:
    """Return the arguments of ``pymysql_driver.create_connection``."""
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "write_timeout": ANSWER_SECONDS,
        "local_infile": False,
        "client_flag": FOUND_ROWS,
        "tls": _tls_context(location.tls_ca) if location.tls_ca else None,
        "socket": "" if location.host else _socket_path(location),
    }
    if location.user:
        arguments["user"] = location.user
    if location.credentials:
        _check_private(location.credentials)
        arguments.update(read_default_file=location.credentials, read_default_group="client")
    if location.host:
        arguments.update(host=location.host, port=location.port or 3306)
    return arguments


def _socket_path(location: Location) -> str:
    return location.socket or next(filter(os.path.exists, SOCKETS), SOCKETS[0])


def _tls_context(ca: str) -> ssl.SSLContext:
    try:
        return pymysql_driver.tls_context(ca)
    except OSError as error:  # includes ssl.SSLError: the file contains no certificate
        hint = "tls_ca= of the database URL names a file of certificates (PEM)"
        raise DescriptionError(f"cannot be read ({error.strerror or error})", ca, hint) from None


def _check_private(path: str) -> None:
    """Refuse a password file that everyone can read, as ssh does for keys."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        hint = "credentials= of the database URL names it; rocks_database creates such files"
        raise DescriptionError(f"cannot be read ({error.strerror})", path, hint) from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Refused(
            f"everyone can read or write this password file (mode {mode & 0o777:04o})",
            path,
            f"run: chmod o= {path}",
        )


def _connect_socket(connection: Any) -> Optional[socket.socket]:
    """Connect to a server on this machine; return None for another, so that PyMySQL connects.

    PyMySQL would leave the file descriptor of a refused Unix socket open.
    """
    if not connection.unix_socket:
        return None
    unix_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        unix_socket.settimeout(CONNECT_SECONDS)
        unix_socket.connect(connection.unix_socket)
    except BaseException:
        unix_socket.close()
        raise
    return unix_socket


@functools.lru_cache(maxsize=256)
def _percent_style(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _number(error: Exception) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else -1


def _text(error: Exception) -> str:
    """Return the server's message as one line."""
    return " ".join(str(error.args[-1] if error.args else error).split()) or type(error).__name__
