# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The WSGI application: the only file that knows HTTP's environment, and the outermost frame of every request.

A status tells, a body explains; there is no page with an error in it and status 200.  The source of a connection is
what the server says about its socket, or, where only nginx can be the client, what nginx says about its own.
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
from .identify import address_of, macs_of
from .model import TEXT, Answer, Denied, Request
from .node_values import Shared
from .profile_cache import Profiles
from .progress_buffer import Inbox
from .request_context import Service, audit_of
from .retry_after import retry_after
from .routes import Route, find

MAX_BODY = 128 * 1024
IDLE_SECONDS = 5.0  # after which a connection to the database is tried before it is trusted
MAC_HEADER = "HTTP_X_RHN_PROVISIONING_MAC_"  # numbered from 0
# The class of an error says what the caller does next; the first row that fits.
STATUSES: tuple[tuple[type[RocksError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (Unavailable, 503),
    (RocksError, 500),
)
REASONS = {
    200: "OK", 304: "Not Modified", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 410: "Gone", 413: "Content Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
EVERYWHERE = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
log = logging.getLogger(__name__)


def application(
    settings: Settings, now: Callable[[], str] = timestamps.now
) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """The HTTP face of a frontend, for a WSGI server with any number of processes and threads."""
    face = _Face(settings, now)
    return face.answer


def serve() -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """The application with the site's settings: what gunicorn is told to run."""
    return application(load())


class _Face:
    """What lives as long as the process: a database connection for each thread, and caches."""

    def __init__(self, settings: Settings, now: Callable[[], str]) -> None:
        self._settings, self._now = settings, now
        self._url = settings.service or settings.database
        self._profiles, self._shared = Profiles(settings.distributions), Shared()
        self._inbox = Inbox(lambda: connect(self._url))
        self._threads = threading.local()

    def answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        headers = [
            ("Content-Type", answer.type),
            ("Content-Length", str(len(answer.body))),
            *answer.headers,
        ]
        start_response(f"{answer.status} {REASONS[answer.status]}", [*headers, *EVERYWHERE])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        """The one place that catches everything: a machine that installs must get a status in any case."""
        address = str(environ.get("REMOTE_ADDR", ""))
        try:
            address, port = _source(environ)
            route = _route(environ)
            return self._handle(route, _request(environ, address, port))
        except RocksError as error:
            return _refusal(error, address)
        except Exception:
            log.exception(
                "%s %s from %s", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"), address
            )
            return Answer(500, b"the service made a mistake; its log says which\n")

    def _handle(self, route: Route, request: Request) -> Answer:
        service = Service(
            self._database(), self._now(), self._settings, self._profiles, self._shared, self._inbox
        )
        try:
            answer = route.handler(service, request)
        except RocksError as error:
            if route.audited and not isinstance(error, Unavailable):
                _tell(
                    service,
                    route,
                    request,
                    _status(error),
                    error.where if isinstance(error, Denied) else "",
                    str(error),
                )
            raise
        if route.audited and answer.detail:
            _tell(service, route, request, answer.status, answer.node, answer.detail)
        return answer

    def _database(self) -> Database:
        """This thread's connection; one that was idle is tried first, since servers close what is idle."""
        threads, now = self._threads, time.monotonic()
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
    """Address and port of the machine that asks.  Raises Denied when nobody vouches for them."""
    address, port = environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", "")
    return address_of(address), int(port) if str(port).isdigit() else 0


def _route(environ: Environ) -> Route:
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    found = find(path)
    if found is None:
        raise Denied(404, "there is nothing here")
    if method not in found.methods:
        raise _NotAllowed(found.methods)
    return found


class _NotAllowed(Denied):
    def __init__(self, methods: tuple[str, ...]) -> None:
        super().__init__(405, f"this takes {', '.join(methods)}")
        self.methods = methods


def _request(environ: Environ, address: str, port: int) -> Request:
    query = environ.get("QUERY_STRING", "")
    return Request(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        dict(parse_qsl(query, max_num_fields=20)) if query else {},
        address,
        port,
        macs_of(_numbered(environ, MAC_HEADER)),
        str(environ.get("HTTP_USER_AGENT", ""))[:200],
        _body(environ),
    )


def _numbered(environ: Environ, header: str) -> list[str]:
    """The headers ``header0``, ``header1`` and so on, until there is no next."""
    names = itertools.takewhile(
        environ.__contains__, (f"{header}{number}" for number in itertools.count())
    )
    return [str(environ[name]) for name in names]


def _body(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit():
        raise Denied(400, "the message has no length")
    if int(length) > MAX_BODY:
        raise Denied(413, f"the message has {length} bytes", hint=f"at most {MAX_BODY} are read")
    body: bytes = environ["wsgi.input"].read(int(length))
    if len(body) != int(length):
        raise Denied(400, f"the message ends after {len(body)} of {length} bytes")
    return body


def _status(error: RocksError) -> int:
    if isinstance(error, Denied):
        return error.status
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def _refusal(error: RocksError, address: str) -> Answer:
    status = _status(error)
    headers: tuple[tuple[str, str], ...] = ()
    if status == 503:
        headers = (("Retry-After", str(retry_after(address))),)
    if isinstance(error, _NotAllowed):
        headers = (("Allow", ", ".join(error.methods)),)
    if status >= 500:
        log.error("%s", error)
    return Answer(status, f"{error}\n".encode("utf-8", "replace"), TEXT, headers)


def _tell(service: Service, route: Route, request: Request, status: int, *about: str) -> None:
    """The audit row of a request that changed nothing.  ``about``: the node or another place, and what there is to say."""
    place, detail = about
    audit = audit_of(
        request, route.action, status, node=place if place != request.address else "", detail=detail
    )
    add_audit(service.db, audit, service.now)
