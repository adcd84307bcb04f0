# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MariaDB, the database of a real frontend, through PyMySQL.

An account proves itself by the server's socket authentication, or by a password in an option file that only its
owner may read.
"""

from __future__ import annotations

import functools
import os
import socket
import ssl
import stat
from typing import Any, Optional, Sequence

from ..errors import Conflict, DescriptionError, NotFound, Refused, RocksError, Unavailable
from . import driver
from .engine import Location

SOCKETS = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/run/mysql/mysql.sock")
CONNECT_SECONDS = 5
LOCK_SECONDS = 30
ANSWER_SECONDS = 300  # a server that hangs is one that does not answer

# One behaviour on every server, whatever its my.cnf says: a value that does not fit is an error, || joins texts as in
# SQLite, a statement sees what is committed, and group_concat is never cut.
SESSION = (
    "set names utf8mb4,"
    " session sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT',"
    f" session innodb_lock_wait_timeout = {LOCK_SECONDS}, session group_concat_max_len = 268435456",
    "set session transaction isolation level read committed",
)
COLLATION = "character set utf8mb4 collate utf8mb4_nopad_bin"
READ_ONLY = "set session transaction read only"

FOUND_ROWS = (
    2  # an update counts the rows it found, as on SQLite, not only those whose values differ
)

LOST = frozenset((0, 1053, 1927, 2006, 2013, 2014, 2055))
# The server's error numbers -> what they mean and what to do.
EXPLAINED: tuple[tuple[frozenset[int], type[RocksError], str, str], ...] = (
    (
        frozenset((1317, 1969)),
        Refused,
        "the query took too long and was stopped",
        "narrow it, or raise the time limit",
    ),
    (
        frozenset((1048, 1062, 1216, 1217, 1451, 1452, 4025)),
        Conflict,
        "the database refuses the row",
        "nothing was changed",
    ),
    (
        frozenset((1020, 1205, 1213)),
        Unavailable,
        "another writer is in the way",
        "run it again when it ended",
    ),
    (
        LOST | {1040, 1041, 1203, 2002, 2003, 2005},
        Unavailable,
        "the database server does not answer",
        "is it running?",
    ),
    (
        frozenset((driver.NO_TLS,)),
        Unavailable,
        "the connection to the database server would not be encrypted",
        "give the server a certificate (ssl_cert, ssl_key), or correct the URL's tls_ca=",
    ),
    (
        frozenset((1049,)),
        NotFound,
        "no such database",
        "create it: ansible localhost -m rocks_database",
    ),
    (
        frozenset((1290, 1792)),
        Refused,
        "this connection only reads",
        "use the administrator's account",
    ),
    (
        frozenset((1044, 1045, 1227, 1370, 1698)),
        Refused,
        "the server refuses this account",
        "name another, or its credentials",
    ),
    (
        frozenset((1142, 1143)),
        Refused,
        "the server refuses this account",
        "secrets cannot be queried; for anything else name the account that may",
    ),
)
OTHER = ((), DescriptionError, "MariaDB does not accept it", "")


class MariaDB:
    """The engine of ``mysql://USER@HOST/NAME``.

    create  make the database on the server when there is none
    """

    def __init__(self, location: Location, *, read_only: bool, create: bool = False) -> None:
        self.location, self._read_only, self._create = location, read_only, create
        self._pymysql = _driver(location)
        self.errors: tuple[type[Exception], ...] = (self._pymysql.err.MySQLError, OSError)

    def open(self) -> Any:
        connection = driver.create_connection(**self._arguments())
        try:
            connection.connect(_dial(connection))
            with connection.cursor() as cursor:
                for statement in self._greeting():
                    cursor.execute(statement)
        except self.errors as error:
            raise self.explain(error) from error
        return connection

    def _arguments(self) -> dict[str, Any]:
        arguments = _arguments(self.location)
        if not self._create:
            arguments["database"] = self.location.name
        return arguments

    def _greeting(self) -> Sequence[str]:
        """What is said to the server at the beginning."""
        if self._create:
            name = f"`{self.location.name}`"
            return (*SESSION, f"create database if not exists {name} {COLLATION}", f"use {name}")
        return (*SESSION, READ_ONLY) if self._read_only else SESSION

    def adapt_placeholders(self, text: str) -> str:
        return _percent_style(text)

    def begin(self, connection: Any, exclusive: bool) -> None:
        connection.query("start transaction")

    def begin_read_only(self, connection: Any) -> None:
        connection.query("set transaction isolation level repeatable read")
        connection.query("start transaction with consistent snapshot, read only")

    def rollback(self, connection: Any) -> None:
        connection.rollback()

    def compare_and_set_block(self, statements: Sequence[str]) -> str:
        first, then = statements[0], "".join(f"{statement}; " for statement in statements[1:])
        return (
            "begin not atomic declare exit handler for sqlexception begin rollback; resignal; end;"
            f" start transaction; {first}; if row_count() = 0 then rollback; select 0;"
            f" else {then}commit; select 1; end if; end"
        )

    def run_user_query(
        self, connection: Any, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Any]]:
        # The server stops at the limit too: a driver that gives up reads to the end before it lets go.
        connection.query(
            f"set session max_statement_time = {seconds:f}, session sql_select_limit = {limit + 1:d}"
        )
        try:
            with connection.cursor(self._pymysql.cursors.SSCursor) as cursor:
                cursor.execute(sql)
                return tuple(column[0] for column in cursor.description or ()), list(
                    cursor.fetchmany(limit + 1)
                )
        finally:
            connection.query(
                "set session max_statement_time = 0, session sql_select_limit = default"
            )

    def explain(self, error: Exception) -> RocksError:
        number = _number(error) if isinstance(error, self._pymysql.err.MySQLError) else 2013
        _numbers, kind, what, hint = next((row for row in EXPLAINED if number in row[0]), OTHER)
        told = "" if kind is NotFound else f" ({_text(error)})"
        return kind(what + told, self.location.url, hint)

    def is_lost(self, error: Exception) -> bool:
        return _number(error) in LOST or not isinstance(error, self._pymysql.err.MySQLError)


def _driver(location: Location) -> Any:
    try:
        return driver.load_pymysql()
    except ImportError:
        raise Unavailable(
            "PyMySQL is not installed for this Python",
            location.url,
            "install python3-PyMySQL (RPM) or PyMySQL (pip)",
        ) from None


def _arguments(location: Location) -> dict[str, Any]:
    """What ``driver.connection`` is given."""
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "write_timeout": ANSWER_SECONDS,
        "local_infile": False,
        "client_flag": FOUND_ROWS,
        "tls": _tls(location.tls_ca) if location.tls_ca else None,
        "socket": "" if location.host else _socket(location),
    }
    if location.user:
        arguments["user"] = location.user
    if location.credentials:
        _guard(location.credentials)
        arguments.update(read_default_file=location.credentials, read_default_group="client")
    if location.host:
        arguments.update(host=location.host, port=location.port or 3306)
    return arguments


def _socket(location: Location) -> str:
    return location.socket or next(filter(os.path.exists, SOCKETS), SOCKETS[0])


def _tls(ca: str) -> ssl.SSLContext:
    try:
        return driver.tls_context(ca)
    except OSError as error:  # ssl.SSLError too: what is in the file is no certificate
        hint = "it is the database URL's tls_ca=, a file of certificates (PEM)"
        raise DescriptionError(f"cannot be read ({error.strerror or error})", ca, hint) from None


def _guard(path: str) -> None:
    """A file of passwords that everyone may read is refused, as ssh refuses such a key."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        hint = (
            "it is the database URL's credentials=; rocks_database makes accounts and their files"
        )
        raise DescriptionError(f"cannot be read ({error.strerror})", path, hint) from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Refused(
            f"everyone may read this file of passwords (mode {mode & 0o777:04o})",
            path,
            "chmod o= it",
        )


def _dial(connection: Any) -> Optional[socket.socket]:
    """The socket to a server on this machine; None lets PyMySQL dial, which leaves a refused Unix socket open."""
    if not connection.unix_socket:
        return None
    dialled = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        dialled.settimeout(CONNECT_SECONDS)
        dialled.connect(connection.unix_socket)
    except BaseException:
        dialled.close()
        raise
    return dialled


@functools.lru_cache(maxsize=256)
def _percent_style(text: str) -> str:
    return text.replace("%", "%%").replace("?", "%s")


def _number(error: Exception) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else -1


def _text(error: Exception) -> str:
    """The server's words, in one line."""
    return " ".join(str(error.args[-1] if error.args else error).split()) or type(error).__name__
