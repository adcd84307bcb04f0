# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The entry point for gunicorn behind nginx, which vouches for the source of each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from flask import Flask

from .app import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ADDRESS = "HTTP_X_REAL_IP"
PORT = "HTTP_X_REAL_PORT"


class BehindNginx:
    """WSGI middleware that takes the source address and port from nginx's headers.

    Only for a socket that nginx alone can open. nginx sets both headers and thereby replaces those
    of the client (roles/frontend/templates/nginx-rocks-service.conf.j2). Without them, the source
    is empty, and the request is refused. werkzeug's ProxyFix does the same for the address, but has
    no header for the source port.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = environ.get(ADDRESS, "")
        environ["REMOTE_PORT"] = environ.get(PORT, "")
        return self._application(environ, start_response)


def serve() -> Flask:
    """Return the application with the site's settings."""
    app = create_app()
    app.wsgi_app = BehindNginx(app.wsgi_app)  # type: ignore[method-assign]
    return app
