# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``database`` asks of an engine, and where a database is (contract C2's URLs).

A URL never holds a password: it would stand in the process list, in a log and in ``rocks.yml``.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, NamedTuple, Protocol, Sequence

from ..errors import DescriptionError, RocksError

URL_FORMS = "write sqlite:///PATH or mysql://USER@HOST/NAME"
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
OPTIONS = ("credentials", "socket", "tls_ca")


class Location(NamedTuple):
    """Where a cluster database is.

    url          as it was given; safe to show
    engine       ``sqlite`` or ``mysql``
    name         the path of the file, or the name of the database on the server
    user, host, port   of the server; port 0 is the default one, no host is the local socket
    credentials  a MySQL option file whose ``[client]`` section holds the password
    socket       the server's Unix socket, where it is not at the usual places
    tls_ca       the certificates that the server's must descend from; given: TLS is demanded
    """

    url: str
    engine: str
    name: str
    user: str = ""
    host: str = ""
    port: int = 0
    credentials: str = ""
    socket: str = ""
    tls_ca: str = ""


class Engine(Protocol):
    """What SQLite and MariaDB do differently.  Everything else is one SQL text for both."""

    location: Location
    errors: tuple[type[Exception], ...]

    def open(self) -> Any:
        """A DB-API connection in which each statement commits by itself."""

    def adapt_placeholders(self, text: str) -> str:
        """Our SQL, whose parameters are question marks, in the engine's own parameter style."""

    def begin(self, connection: Any, exclusive: bool) -> None:
        """Start a transaction; ``exclusive``: no other such transaction runs until it ends."""

    def begin_read_only(self, connection: Any) -> None:
        """Start a transaction that only reads, and sees one state."""

    def rollback(self, connection: Any) -> None:
        """Undo the running transaction."""

    def compare_and_set_block(self, statements: Sequence[str]) -> str:
        """One statement that runs these in a transaction, the others only when the first changed a row.

        It answers 1, or 0 when nothing was changed.  Empty where the engine has no such statement.
        """

    def run_user_query(
        self, connection: Any, sql: str, seconds: float, limit: int
    ) -> tuple[tuple[str, ...], list[Any]]:
        """Run a user's query under a time limit: the columns' names, and at most ``limit + 1`` rows."""

    def explain(self, error: Exception) -> RocksError:
        """The engine's exception in our words."""

    def is_lost(self, error: Exception) -> bool:
        """True when the connection is of no more use."""


def parse_url(url: str) -> Location:
    """Take a database URL apart.  Raises DescriptionError that says which form is expected."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or 0
    except ValueError as error:
        raise DescriptionError(f"not a database URL ({error})", _shown(url), URL_FORMS) from None
    if parts.password is not None:
        raise DescriptionError(
            "a database URL holds no password",
            _shown(url),
            "put it into a file as MySQL's option files are written, and name it: ?credentials=/etc/rocks/FILE.cnf",
        )
    if parts.scheme == "sqlite":
        return _locate_sqlite(url, parts)
    if parts.scheme in ("mysql", "mariadb"):
        return _locate_server(url, parts, port)
    raise DescriptionError("not a database URL", url, URL_FORMS)


def _shown(url: str) -> str:
    """The URL without what stands before its ``@``, which may hold a password."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}…@{rest.rpartition('@')[2]}" if mark and "@" in rest else url


def _locate_sqlite(url: str, parts: urllib.parse.SplitResult) -> Location:
    if parts.netloc or not parts.path.startswith("/") or parts.query:
        raise DescriptionError(
            "the path of an SQLite database is absolute", url, "write sqlite:///PATH"
        )
    return Location(url, "sqlite", "/" + urllib.parse.unquote(parts.path).lstrip("/"))


def _locate_server(url: str, parts: urllib.parse.SplitResult, port: int) -> Location:
    name = parts.path.strip("/")
    if not _NAME.fullmatch(name):
        raise DescriptionError(
            "names no database", url, f"{URL_FORMS}; NAME is letters, digits and _"
        )
    options = _options(url, parts.query)
    host = parts.hostname or ""
    return Location(
        url,
        "mysql",
        name,
        urllib.parse.unquote(parts.username or ""),
        "" if host == "localhost" and not port else host,
        port,
        **options,
    )


def _options(url: str, query: str) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    unknown = sorted({name for name, _value in pairs} - set(OPTIONS))
    if unknown:
        raise DescriptionError(
            f"unknown option {unknown[0]!r}", url, f"known options: {', '.join(OPTIONS)}"
        )
    return dict(pairs)
