# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``POST /rocks/events``: an installing node tells how far it is, that it is done, or why it failed.

Only root on the node is heard, and only in the name of the node's own latest order.  Progress may be written a moment
later (``inbox``); what changes the order's state is written before it is answered.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ...install import order_history, orders
from ...install.drift import store_check
from ...install.model import Order, Progress
from ...install.states import FAILED, INSTALLED, INSTALLING, LIVE, STATES, UP
from ..identify import demand_root, identify
from ..model import JSON, Answer, Denied, Request
from ..node_hardware import HARDWARE, store
from ..node_messages import message_of, progress_of, text_of
from ..request_context import ORDER_AGAIN, Service, audit_of, tell
from .secrets import keep_key

PACKAGES = "packages"
HEARD = Answer(200, b"{}\n", JSON)


class Told(NamedTuple):
    """A message, and the node and the order that it is of."""

    request: Request
    node: int
    order: Order
    progress: Progress
    message: Mapping[str, Any]


def post_event(service: Service, request: Request) -> Answer:
    """Take one message.  Raises Denied: 403 from an unprivileged port, 409 when it is of no live order, 400."""
    demand_root(request, request.address)
    message = message_of(request, request.address)
    progress, uuid = progress_of(message, request.address), text_of(message, "order")
    if progress.phase not in NAMED:
        if progress.phase in STATES:
            raise Denied(400, f"a node does not say that it is {progress.phase!r}", request.address)
        if not request.macs and service.inbox.offer(service.db, request.address, uuid, progress):
            return HEARD
    asker = identify(service, request)
    if asker.order is None or asker.order.uuid != uuid:
        what = "the message is not of the node's last install order"
        raise Denied(409, what, asker.node.name, ORDER_AGAIN % asker.node.name)
    NAMED.get(progress.phase, _progress)(
        service, Told(request, asker.node.id, asker.order, progress, message)
    )
    return HEARD


def _progress(service: Service, told: Told) -> None:
    if told.order.state != INSTALLING:
        raise Denied(
            409,
            f"no progress is expected: the install order is {told.order.state}",
            told.order.node,
        )
    order_history.record_progress(service.db, [(told.order, told.progress)], now=service.now)


def _installed(service: Service, told: Told) -> None:
    """The machine boots from its own disk from now on.  Said twice, it is heard twice: the answer may have been lost."""
    if told.order.state in (INSTALLED, UP):
        return
    with service.db.transaction(exclusive=False):
        _advance(service, told, INSTALLED, 200)
        keep_key(service.db, told.order, told.node)


def _up(service: Service, told: Told) -> None:
    """The installed system runs: it must say that it is what was ordered."""
    pin = told.order.pin
    said = {name: text_of(told.message, name) for name in ("profile", "generation")}
    wrong = [
        f"{name} {said[name] or '(none)'} instead of {wanted}"
        for name, wanted in (("profile", pin.profile), ("generation", pin.generation))
        if said[name] != wanted
    ]
    if wrong:
        reason = f"it came up with {', '.join(wrong)}"
        if told.order.state in LIVE:
            _advance(service, told, FAILED, 409, reason=reason)
        raise Denied(409, reason, told.order.node, ORDER_AGAIN % told.order.node)
    if told.order.state != UP:
        _advance(service, told, UP, 200, manifest=text_of(told.message, "manifest")[:64])


def _failed(service: Service, told: Told) -> None:
    if told.order.state == FAILED:
        return
    # Also at the first boot: a driver that cannot be built.
    if told.order.state not in LIVE:
        raise Denied(409, f"the install order is {told.order.state}", told.order.node)
    _advance(service, told, FAILED, 200, reason=told.progress.message or "the installer failed")


def _hardware(service: Service, told: Told) -> None:
    """In the installer, or at the first boot."""
    if told.order.state not in (INSTALLING, INSTALLED):
        raise Denied(
            409, f"nothing is counted: the install order is {told.order.state}", told.order.node
        )
    store(service.db, told.node, told.message, service.now)
    tell(service, told.request, HARDWARE, 200, told.order)


def _packages(service: Service, told: Told) -> None:
    """Which packages a node that is up has now: whether it drifted is for who asks the database."""
    if told.order.state != UP:
        raise Denied(409, f"the install order is {told.order.state}", told.order.node)
    store_check(service.db, told.order, text_of(told.message, "manifest")[:64], now=service.now)


def _unclean(service: Service, told: Told) -> None:
    """A node that is up was not shut down before it booted: what that means is for the frontend to decide."""
    if told.order.state != UP:
        raise Denied(409, f"the install order is {told.order.state}", told.order.node)
    order_history.add_note(
        service.db,
        told.order,
        order_history.UNCLEAN,
        "it was not shut down before it booted",
        now=service.now,
    )


def _advance(
    service: Service, told: Told, to: str, status: int, *, reason: str = "", manifest: str = ""
) -> None:
    audit = audit_of(told.request, to, status)
    progress = told.progress._replace(phase="")
    orders.advance(
        service.db,
        told.order,
        to,
        now=service.now,
        audit=audit,
        progress=progress,
        reason=reason,
        manifest=manifest,
    )


NAMED = {
    INSTALLED: _installed,
    UP: _up,
    FAILED: _failed,
    HARDWARE: _hardware,
    PACKAGES: _packages,
    order_history.UNCLEAN: _unclean,
}
