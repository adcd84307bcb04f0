# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PyMySQL from 0.10 (Enterprise Linux 9) to 1.2, with one behaviour: above all, the same TLS."""

from __future__ import annotations

import functools
import inspect
import ssl
from typing import Any, Optional

NO_TLS = 2026  # CR_SSL_CONNECTION_ERROR of MySQL's client library


def load_pymysql() -> Any:
    """The module ``pymysql``.  Raises ImportError where it is not installed."""
    import pymysql  # here, so that a site on SQLite needs none

    return pymysql


def create_connection(*, tls: Optional[ssl.SSLContext], socket: str, **arguments: Any) -> Any:
    """A connection of PyMySQL that is not open yet.

    tls        TLS is required: where it fails, the login is not sent
    socket     the server's Unix socket, on which TLS is never used, whatever an option file asks;
               empty: the server is on the network
    arguments  further ones of ``pymysql.connect``, which every supported release has

    With neither, PyMySQL and the option file decide.
    """
    if tls and not socket:
        arguments["ssl"] = tls
    if socket:
        arguments["unix_socket"] = socket
    return _connection_class()(plain=bool(socket), defer_connect=True, **arguments)


def tls_context(ca: str) -> ssl.SSLContext:
    """TLS with a certificate of the server's name that descends from those in the file ``ca``.

    Raises OSError.
    """
    context = ssl.create_default_context(cafile=ca)
    # Python 3.13 would refuse an authority without keyUsage; PyMySQL 1.2 permits it as well.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@functools.lru_cache(maxsize=1)
def _connection_class() -> Any:
    """PyMySQL's class with both rules; the second holds between the server's greeting and the login."""
    driver = load_pymysql()
    parent: Any = driver.connections.Connection
    flag = driver.constants.CLIENT.SSL
    # PyMySQL 0.10 has no such argument, and no TLS unless ``ssl`` or the option file asks for it.
    can_disable = "ssl_disabled" in inspect.signature(parent.__init__).parameters

    class Connection(parent):  # type: ignore[misc]
        def __init__(self, *, plain: bool, **arguments: Any) -> None:
            if plain and can_disable:
                # Otherwise PyMySQL 1.x loads the system's certificates each time: 30 ms.
                arguments["ssl_disabled"] = True
            elif plain:
                # Any context, so that no file that the option file names is loaded.
                arguments["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            super().__init__(**arguments)
            if plain:
                self.ssl = False
                self.client_flag &= ~flag

        def _request_authentication(self) -> None:
            # PyMySQL before 1.2 goes on in clear text when the server offers no TLS.
            if self.ssl and self.client_flag & flag and not self.server_capabilities & flag:
                raise driver.err.OperationalError(NO_TLS, "the server offers no TLS")
            super()._request_authentication()

    return Connection
