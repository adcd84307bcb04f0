# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What request handlers work with: database connection, time, settings, caches; and the audit."""

from __future__ import annotations

import functools
import threading
import time
from typing import Any, Callable, NamedTuple, Optional, TypeVar, cast

from flask import current_app, g

from ..cluster.database import Database, connect
from ..errors import RocksError, Unavailable
from ..install import orders
from ..install.model import Audit, Order
from ..install.order_records import add_audit
from ..install.states import FAILED
from ..settings import Settings
from .audit_limit import AuditLimit
from .error_responses import error_status
from .model import Denied, Sender
from .node_values import AttributeCache
from .profile_cache import ProfileCache
from .report_interval import ReportInterval
from .sender import current_sender

IDLE_SECONDS = 5.0  # a database connection that was idle for longer is tested before its next use
REFUSED = "refused"
"""The kind of audit rows of all refused requests."""
ORDER_AGAIN = "order the node again: ansible %s -m rocks_reinstall"

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Context(NamedTuple):
    """The frontend as one request uses it, and who sent the request."""

    db: Database
    """The connection of the request's thread."""
    now: str
    settings: Settings
    profiles: ProfileCache
    attribute_cache: AttributeCache
    report_interval: ReportInterval
    audit_limit: AuditLimit
    sender: Sender


class ServiceState:
    """State of one process: a database connection for each thread, and caches."""

    def __init__(self, settings: Settings, now: Callable[[], str]) -> None:
        self._settings = settings
        self._now = now
        self._url = settings.service or settings.database
        self._profiles = ProfileCache(settings.distributions)
        self._attribute_cache = AttributeCache()
        self._report_interval = ReportInterval()
        self._audit_limit = AuditLimit()
        self._threads = threading.local()

    def make_context(self, sender: Sender) -> Context:
        """Return the context of a request. Raises Unavailable without a database."""
        return Context(
            db=self._database(),
            now=self._now(),
            settings=self._settings,
            profiles=self._profiles,
            attribute_cache=self._attribute_cache,
            report_interval=self._report_interval,
            audit_limit=self._audit_limit,
            sender=sender,
        )

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


def current_context() -> Context:
    """Return the context of the current request.

    Raises Denied (400) when the source address or a MAC header is not valid, Unavailable without a
    database.
    """
    if "context" not in g:
        g.context = current_app.extensions["rocks"].make_context(current_sender())
    return cast(Context, g.context)


def audited(action: str) -> Callable[[Handler], Handler]:
    """Add an audit row when the decorated handler refuses a request, unless the database is down.

    The handler writes the row of a request that it accepts. The methods that Flask adds to GET are
    refused: a mere check (HEAD) must not use up what is served only once.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            context = current_context()
            try:
                return handler(*args, **kwargs)
            except Unavailable:
                raise
            except RocksError as error:
                _audit_refusal(context, action, error)
                raise

        wrapper.provide_automatic_options = False  # type: ignore[attr-defined]  # of Flask
        wrapper.refuses_head = True  # type: ignore[attr-defined]
        return cast(Handler, wrapper)

    return decorate


def _audit_refusal(context: Context, action: str, error: RocksError) -> None:
    """Add a row; the place of an error is the address itself when no node has it."""
    node = error.where if isinstance(error, Denied) else ""
    record = audit_record(
        context.sender,
        action,
        error_status(error),
        node=node if node != context.sender.address else "",
        detail=str(error),
    )
    add_limited_audit(context, record, kind=REFUSED)


def add_limited_audit(context: Context, record: Audit, *, kind: str) -> None:
    """Add the row of a request that changed nothing, unless its address has added too many."""
    omitted = context.audit_limit.admit(context.sender.address, kind)
    if omitted is None:
        return
    if omitted:
        omission = f"{omitted} more requests were not recorded"
        detail = f"{record.detail} ({omission})" if record.detail else omission
        record = record._replace(detail=detail)
    add_audit(context.db, record, context.now)


def audit_record(sender: Sender, action: str, status: int, **fields: object) -> Audit:
    """Return the audit row of a request; ``fields`` are further fields of Audit."""
    record = Audit(
        actor="node",
        action=action,
        decision=str(status),
        mac=sender.macs[0] if sender.macs else "",
        address=sender.address,
        port=sender.port,
    )
    return record._replace(**fields)  # type: ignore[arg-type]


def audit(context: Context, order: Order, *, action: str, status: int, **fields: object) -> None:
    """Add the audit row of a request that did not change its order's state."""
    record = audit_record(
        context.sender, action, status, node=order.node, install=order.uuid, **fields
    )
    add_limited_audit(context, record, kind=action)


def fail_as_suspect(context: Context, order: Order, *, action: str, reason: str) -> None:
    """Fail an order because another machine may use the node's address.

    The node cannot be ordered again until an administrator sets ``rearm``.
    """
    orders.advance(
        context.db,
        order,
        FAILED,
        now=context.now,
        audit=audit_record(context.sender, action, 403),
        reason=f"suspect: {reason}",
        suspect=True,
    )
