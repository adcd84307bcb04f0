# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interface of a database engine, and database URLs (contract C2).

A URL contains no password: it appears in the process list, in logs and in ``rocks.yml``.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Literal, NamedTuple, Protocol, Sequence

from ...errors import DescriptionError, RocksError

EngineName = Literal["sqlite", "mysql"]

URL_FORMS = "write sqlite:///PATH or mysql://USER@HOST/NAME"
OPTIONS = ("credentials", "socket", "tls_ca")
_DATABASE_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class Location(NamedTuple):
    """Where a cluster database is."""

    url: str
    """The URL as the user wrote it; it contains no secret."""
    engine: EngineName
    name: str
    """The path of the SQLite file, or the name of the database on the server."""
    user: str = ""
    host: str = ""
    """The server; empty: the server on this machine, through its Unix socket."""
    port: int = 0
    """0 is the default port."""
    credentials: str = ""
    """A MySQL option file whose section ``[client]`` contains the password."""
    socket: str = ""
    """The server's Unix socket; empty: the usual paths are tried."""
    tls_ca: str = ""
    """A file of CA certificates; if set, TLS is required and verified against it."""


class Engine(Protocol):
    """The differences between SQLite and MariaDB.  Everything else is one SQL text for both."""

    location: Location
    errors: tuple[type[Exception], ...]

    def open(self) -> Any:
        """Return a DB-API connection in autocommit mode."""

    def adapt_placeholders(self, sql: str) -> str:
        """Return SQL with ``?`` placeholders in the parameter style of the driver."""

    def begin(self, connection: Any, exclusive: bool) -> None:
        """Start a transaction; see ``Database.transaction``."""

    def begin_read_only(self, connection: Any) -> None:
        """Start a transaction that only reads, and reads one state."""

    def rollback(self, connection: Any) -> None:
        """Roll back the transaction."""

    def compare_and_set_block(self, statements: Sequence[str]) -> str:
        """Return one statement that runs all these in a transaction.

        It runs the others only if the first matched a row, and returns 1 then, else 0.  Return an
        empty text if the engine has no such statement.
        """

    def run_user_query(
        self, connection: Any, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Any]]:
        """Run a query with a time limit; return the columns and at most ``limit + 1`` rows."""

    def explain(self, error: Exception) -> RocksError:
        """Return the RocksError for an exception of the driver."""

    def is_lost(self, error: Exception) -> bool:
        """Whether the connection cannot be used any more."""


def parse_url(url: str) -> Location:
    """Parse a database URL.  Raises DescriptionError with the form that is expected."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or 0
    except ValueError as error:
        raise DescriptionError(
            f"not a database URL ({error})", _without_login(url), URL_FORMS
        ) from None
    if parts.password is not None:
        raise DescriptionError(
            "a database URL must not contain a password",
            _without_login(url),
            "write it to a MySQL option file and name that: ?credentials=/etc/rocks/FILE.cnf",
        )
    if parts.scheme == "sqlite":
        return _parse_sqlite(url, parts)
    if parts.scheme in ("mysql", "mariadb"):
        return _parse_server(url, parts, port)
    raise DescriptionError("not a database URL", url, URL_FORMS)


def _without_login(url: str) -> str:
    """Return the URL without user and password."""
    scheme, separator, remainder = url.partition("://")
    has_login = separator and "@" in remainder
    return f"{scheme}{separator}…@{remainder.rpartition('@')[2]}" if has_login else url


def _parse_sqlite(url: str, parts: urllib.parse.SplitResult) -> Location:
    if parts.netloc or not parts.path.startswith("/") or parts.query:
        raise DescriptionError(
            "the path of an SQLite database must be absolute", url, "write sqlite:///PATH"
        )
    path = "/" + urllib.parse.unquote(parts.path).lstrip("/")
    return Location(url=url, engine="sqlite", name=path)


def _parse_server(url: str, parts: urllib.parse.SplitResult, port: int) -> Location:
    name = parts.path.strip("/")
    if not _DATABASE_NAME.fullmatch(name):
        hint = f"{URL_FORMS}; NAME consists of letters, digits and _"
        raise DescriptionError("the URL names no database", url, hint)
    host = parts.hostname or ""
    return Location(
        url=url,
        engine="mysql",
        name=name,
        user=urllib.parse.unquote(parts.username or ""),
        host="" if host == "localhost" and not port else host,
        port=port,
        **_parse_options(url, parts.query),
    )


def _parse_options(url: str, query: str) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    unknown = sorted({name for name, _value in pairs} - set(OPTIONS))
    if unknown:
        raise DescriptionError(
            f"unknown option {unknown[0]!r}", url, f"known options: {', '.join(OPTIONS)}"
        )
    return dict(pairs)
