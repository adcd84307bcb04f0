# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PyMySQL from 0.10 (Enterprise Linux 9) to 1.2, with the same behaviour, above all of TLS."""

from __future__ import annotations

import functools
import inspect
import ssl
from typing import Any, Optional

NO_TLS = 2026  # CR_SSL_CONNECTION_ERROR of MySQL's client library


def load_pymysql() -> Any:
    """Return the module ``pymysql``.  Raises ImportError if it is not installed."""
    import pymysql  # not at the top: a site on SQLite does not need it

    return pymysql


def create_connection(*, tls: Optional[ssl.SSLContext], socket: str, **arguments: Any) -> Any:
    """Return a PyMySQL connection that is not open yet.

    tls        require TLS; if it fails, no login is sent.  None: PyMySQL and the option file decide
    socket     the server's Unix socket, on which TLS is never used, whatever the option file
               requires; empty: the server is on the network
    arguments  of ``pymysql.connect``, in every supported release
    """
    if tls and not socket:
        arguments["ssl"] = tls
    if socket:
        arguments["unix_socket"] = socket
    return _connection_class()(plain=bool(socket), defer_connect=True, **arguments)


def tls_context(ca: str) -> ssl.SSLContext:
    """Return a context that verifies the server's name and its certificate against ``ca``.

    Raises OSError.
    """
    context = ssl.create_default_context(cafile=ca)
    # Python 3.13 would reject a CA without keyUsage; PyMySQL 1.2 accepts it as well.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@functools.lru_cache(maxsize=1)
def _connection_class() -> Any:
    """Return a subclass of PyMySQL's Connection with the rules of ``create_connection``."""
    pymysql = load_pymysql()
    parent: Any = pymysql.connections.Connection
    flag = pymysql.constants.CLIENT.SSL
    # PyMySQL 0.10 has no such argument, and uses TLS only if ``ssl`` or the option file sets it.
    can_disable = "ssl_disabled" in inspect.signature(parent.__init__).parameters

    class Connection(parent):  # type: ignore[misc]
        def __init__(self, *, plain: bool, **arguments: Any) -> None:
            if plain and can_disable:
                # Otherwise PyMySQL 1.x loads the system's certificates every time (30 ms).
                arguments["ssl_disabled"] = True
            elif plain:
                # Any context prevents that the files named in the option file are loaded.
                arguments["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            super().__init__(**arguments)
            if plain:
                self.ssl = False
                self.client_flag &= ~flag

        def _request_authentication(self) -> None:
            # Before 1.2, PyMySQL continues in clear text if the server offers no TLS.
            if self.ssl and self.client_flag & flag and not self.server_capabilities & flag:
                raise pymysql.err.OperationalError(NO_TLS, "the server offers no TLS")
            super()._request_authentication()

    return Connection
