# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The WSGI application: the only file that reads HTTP's environment, and the outermost layer.

The status gives the result and the body explains it; a response with status 200 never contains an
error. The source of a connection is what the server reports about its socket or, where nginx is the
only client, what nginx reports about its own.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import Any, Callable, Iterable, Mapping, Optional
from urllib.parse import parse_qsl

from ..cluster.database import Database, connect
from ..errors import Conflict, NotFound, Refused, RocksError, Unavailable
from ..install import timestamps
from ..install.order_records import add_audit
from ..settings import Settings, load
from .identify import normalize_address, parse_mac_headers
from .model import TEXT, Denied, Request, Response
from .node_values import AttributeCache
from .profile_cache import ProfileCache
from .progress_buffer import ProgressBuffer
from .request_context import Context, audit_record
from .retry_after import retry_after
from .routes import Route, find_route

MAX_BODY = 128 * 1024
MAX_QUERY_FIELDS = 20
MAX_USER_AGENT = 200
IDLE_SECONDS = 5.0  # a database connection that was idle for longer is tested before its next use
MAC_HEADER = "HTTP_X_RHN_PROVISIONING_MAC_"  # numbered from 0
# The status of each class of error; the first row that matches counts.
STATUSES: tuple[tuple[type[RocksError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (Unavailable, 503),
    (RocksError, 500),
)
REASONS = {
    200: "OK",
    304: "Not Modified",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
SECURITY_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
log = logging.getLogger(__name__)


def application(
    settings: Settings, now: Callable[[], str] = timestamps.now
) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """Return the WSGI application, for a server with any number of processes and threads."""
    return _Application(settings, now)


def serve() -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """Return the application with the site's settings; gunicorn calls this."""
    return application(load())


class _Application:
    """State of one process: a database connection for each thread, and caches."""

    def __init__(self, settings: Settings, now: Callable[[], str]) -> None:
        self._settings = settings
        self._now = now
        self._url = settings.service or settings.database
        self._profiles = ProfileCache(settings.distributions)
        self._attribute_cache = AttributeCache()
        self._progress_buffer = ProgressBuffer(lambda: connect(self._url))
        self._threads = threading.local()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        response = self._respond(environ)
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            *response.headers,
        ]
        status = f"{response.status} {REASONS[response.status]}"
        start_response(status, [*headers, *SECURITY_HEADERS])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _respond(self, environ: Environ) -> Response:
        """Catch every error, because an installing machine must get a status in any case."""
        address = str(environ.get("REMOTE_ADDR", ""))
        try:
            address, port = _source(environ)
            route = _route(environ)
            return self._handle(route, _request(environ, address, port))
        except RocksError as error:
            return _error_response(error, address)
        except Exception:
            log.exception(
                "%s %s from %s", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"), address
            )
            return Response(500, b"internal error; see journalctl -u rocks-service\n")

    def _handle(self, route: Route, request: Request) -> Response:
        context = Context(
            db=self._database(),
            now=self._now(),
            settings=self._settings,
            profiles=self._profiles,
            attribute_cache=self._attribute_cache,
            progress_buffer=self._progress_buffer,
        )
        try:
            response = route.handler(context, request)
        except RocksError as error:
            if route.action and not isinstance(error, Unavailable):
                node = error.where if isinstance(error, Denied) else ""
                _audit(context, route, request, status=_status(error), node=node, detail=str(error))
            raise
        if route.action and response.audit_detail:
            _audit(
                context,
                route,
                request,
                status=response.status,
                node=response.audit_node,
                detail=response.audit_detail,
            )
        return response

    def _database(self) -> Database:
        """Return this thread's connection, tested if it was idle, since servers close idle ones."""
        threads = self._threads
        now = time.monotonic()
        db: Optional[Database] = getattr(threads, "db", None)
        if db is None:
            db = threads.db = connect(self._url)
        elif now - threads.used > IDLE_SECONDS:
            try:
                db.row("select 1")
            except Unavailable:
                db.open()
        threads.used = now
        return db


def _source(environ: Environ) -> tuple[str, int]:
    """Return source address and port. Raises Denied when the server reports no valid address."""
    port = str(environ.get("REMOTE_PORT", ""))
    address = normalize_address(environ.get("REMOTE_ADDR", ""))
    return address, int(port) if port.isdigit() else 0


def _route(environ: Environ) -> Route:
    route = find_route(environ["PATH_INFO"])
    if route is None:
        raise Denied(404, "page not found")
    if environ["REQUEST_METHOD"] not in route.methods:
        raise _MethodNotAllowed(route.methods)
    return route


class _MethodNotAllowed(Denied):
    def __init__(self, methods: tuple[str, ...]) -> None:
        super().__init__(405, f"the method must be {' or '.join(methods)}")
        self.methods = methods


def _request(environ: Environ, address: str, port: int) -> Request:
    query = environ.get("QUERY_STRING", "")
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        query=dict(parse_qsl(query, max_num_fields=MAX_QUERY_FIELDS)) if query else {},
        address=address,
        port=port,
        macs=parse_mac_headers(_numbered_headers(environ, MAC_HEADER)),
        user_agent=str(environ.get("HTTP_USER_AGENT", ""))[:MAX_USER_AGENT],
        body=_body(environ),
    )


def _numbered_headers(environ: Environ, prefix: str) -> list[str]:
    """Return the headers ``prefix0``, ``prefix1`` and so on, up to the first missing one."""
    names = itertools.takewhile(
        environ.__contains__, (f"{prefix}{number}" for number in itertools.count())
    )
    return [str(environ[name]) for name in names]


def _body(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit():
        raise Denied(400, "the header Content-Length is not a number")
    if int(length) > MAX_BODY:
        raise Denied(413, f"the message has {length} bytes", hint=f"the limit is {MAX_BODY} bytes")
    body: bytes = environ["wsgi.input"].read(int(length))
    if len(body) != int(length):
        raise Denied(400, f"the message ends after {len(body)} of {length} bytes")
    return body


def _status(error: RocksError) -> int:
    if isinstance(error, Denied):
        return error.status
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def _error_response(error: RocksError, address: str) -> Response:
    status = _status(error)
    headers: tuple[tuple[str, str], ...] = ()
    if status == 503:
        headers = (("Retry-After", str(retry_after(address))),)
    if isinstance(error, _MethodNotAllowed):
        headers = (("Allow", ", ".join(error.methods)),)
    if status >= 500:
        log.error("%s", error)
    return Response(status, f"{error}\n".encode("utf-8", "replace"), TEXT, headers)


def _audit(
    context: Context, route: Route, request: Request, *, status: int, node: str, detail: str
) -> None:
    """Add the audit row of a request that changed nothing.

    A refusal names its place, which is the address itself when no node has it: that is not a node.
    """
    record = audit_record(
        request,
        route.action,
        status,
        node=node if node != request.address else "",
        detail=detail,
    )
    add_audit(context.db, record, context.now)
