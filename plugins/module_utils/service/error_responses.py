# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turn errors into responses: the only place that maps an error to a status.

The status gives the result and the body explains it, as plain text; a response with status 200
never contains an error.
"""

from __future__ import annotations

import logging

from flask import Flask, request
from flask.wrappers import Response
from werkzeug.exceptions import HTTPException

from ..errors import Conflict, NotFound, Refused, RocksError, Unavailable
from .model import Denied
from .retry_after import retry_after

# The status of each class of error; the first row that matches counts.
STATUSES: tuple[tuple[type[RocksError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (Unavailable, 503),
    (RocksError, 500),
)
log = logging.getLogger(__name__)


def register_error_handlers(app: Flask) -> None:
    """Handle every error of the application, because an installing machine must get a status."""
    app.register_error_handler(RocksError, _respond_to_error)
    app.register_error_handler(HTTPException, _respond_to_http_error)
    app.register_error_handler(Exception, _respond_to_unexpected_error)


def error_status(error: RocksError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Denied):
        return error.status
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def _respond_to_error(error: RocksError) -> Response:
    status = error_status(error)
    if status >= 500:
        log.error("%s", error)
    response = _text_response(str(error), status)
    if status == 503:
        response.headers["Retry-After"] = str(retry_after(request.remote_addr or ""))
    return response


def _respond_to_http_error(error: HTTPException) -> Response:
    """Respond to an error of Flask itself: an unknown path, a method, a truncated message."""
    response = _text_response(error.name.lower(), error.code or 500)
    if error.code == 405:
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


def _respond_to_unexpected_error(_error: Exception) -> Response:
    log.exception("%s %s from %s", request.method, request.path, request.remote_addr)
    return _text_response("internal error; see journalctl -u rocks-service", 500)


def _text_response(text: str, status: int) -> Response:
    return Response(f"{text}\n".encode("utf-8", "replace"), status, mimetype="text/plain")
