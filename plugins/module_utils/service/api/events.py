# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``POST /rocks/events``: an installing node reports its progress, its end, or why it failed.

Only root on the node can send a message, and only about the node's own latest order. What it
reports is written before the response is sent; the response of a progress report contains the
number of seconds until the next one (``next``).
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from flask import Blueprint, Response, jsonify, request

from ...install import order_history, orders
from ...install.drift import store_check
from ...install.installer_start import start_installation
from ...install.model import Order, Progress
from ...install.states import FAILED, INSTALLED, INSTALLING, LIVE, STATES, UP, OrderState
from ..identify import identify
from ..model import Denied
from ..node_hardware import HARDWARE, store_hardware
from ..node_messages import parse_message, parse_steps, text_field
from ..request_context import (
    ORDER_AGAIN,
    Context,
    audit,
    audit_record,
    audited,
    current_context,
)
from ..sender import require_privileged_port
from .secrets import store_node_key

blueprint = Blueprint("events", __name__)
PACKAGES = "packages"
SHA256_CHARACTERS = 64


class NodeMessage(NamedTuple):
    """A message, with the node and the order that it is about.

    One for each report: a NamedTuple.
    """

    node_id: int
    order: Order
    steps: Sequence[Progress]
    """What the node has done since its last message; the last one is what it does now."""
    fields: Mapping[str, Any]
    """The JSON object that was posted."""

    @property
    def progress(self) -> Progress:
        """What the node does now."""
        return self.steps[-1]

    def manifest(self) -> str:
        """Return the SHA-256 of the node's list of packages."""
        return text_field(self.fields, "manifest")[:SHA256_CHARACTERS]

    def require_state(self, *states: OrderState) -> None:
        """Raise Denied (409) when the order is in another state."""
        if self.order.state not in states:
            raise Denied(409, f"the install order is {self.order.state}", self.order.node)


@blueprint.post("/rocks/events")
@audited("events")
def post_event() -> Response:
    """Process one message.

    Raises Denied: 400 for a malformed message, 403 from an unprivileged port, 409 when the message
    is not about a live order.
    """
    context = current_context()
    address = context.sender.address
    require_privileged_port(context.sender, address)
    fields = parse_message(request, address)
    steps = parse_steps(fields, address)
    phase = steps[-1].phase
    for step in steps:
        if step.phase in STATES and not (step is steps[-1] and phase in HANDLERS):
            raise Denied(400, f"a node cannot set its order to {step.phase!r}", address)
    uuid = text_field(fields, "order")
    client = identify(context)
    if client.order is None or client.order.uuid != uuid:
        raise Denied(
            409,
            "the message is not about the node's last install order",
            client.node.name,
            ORDER_AGAIN % client.node.name,
        )
    message = NodeMessage(
        node_id=client.node.id,
        order=client.order,
        steps=steps,
        fields=fields,
    )
    HANDLERS.get(phase, _handle_progress)(context, message)
    return jsonify(next=context.report_interval.seconds(context.db))


def _start(context: Context, message: NodeMessage) -> NodeMessage:
    """Start the installation, if this is the installer's first message."""
    record = audit_record(context.sender, INSTALLING, 200)
    order = start_installation(context.db, message.order, now=context.now, audit=record)
    return message._replace(order=order)


def _handle_installing(context: Context, message: NodeMessage) -> None:
    """Start the installation; the response to an earlier message may have been lost."""
    order = _start(context, message).order
    if order.state != INSTALLING or order.phase != INSTALLING or order.delivered:
        raise Denied(409, f"the install order is {order.state} already", order.node)


def _handle_progress(context: Context, message: NodeMessage) -> None:
    message = _start(context, message)
    message.require_state(INSTALLING)
    order_history.record_progress(context.db, message.order, message.steps, now=context.now)


def _handle_installed(context: Context, message: NodeMessage) -> None:
    """Let the machine boot from its own disk; the reason names scripts that failed before.

    A repetition is accepted, because the response may have been lost.
    """
    if message.order.state in (INSTALLED, UP):
        return
    message = _start(context, message)
    with context.db.transaction(exclusive=False):
        _advance(context, message, INSTALLED, 200, reason=message.progress.message)
        store_node_key(context.db, message.order, message.node_id)


def _handle_up(context: Context, message: NodeMessage) -> None:
    """Accept the installed system if it has the profile and generation that were ordered."""
    order = message.order
    expected = {"profile": order.pin.profile, "generation": order.pin.generation}
    reported = {name: text_field(message.fields, name) for name in expected}
    differences = [
        f"{name} {reported[name] or '(none)'} instead of {value}"
        for name, value in expected.items()
        if reported[name] != value
    ]
    if differences:
        reason = f"it came up with {', '.join(differences)}"
        if order.state in LIVE:
            _advance(context, message, FAILED, 409, reason=reason)
        raise Denied(409, reason, order.node, ORDER_AGAIN % order.node)
    if order.state != UP:
        _advance(context, message, UP, 200, reason=order.reason, manifest=message.manifest())


def _handle_failed(context: Context, message: NodeMessage) -> None:
    """Fail the order, also at the first boot, for example when a driver cannot be built."""
    if message.order.state == FAILED:
        return
    message.require_state(*LIVE)
    if message.order.state == INSTALLING and message.steps[:-1]:
        order_history.record_progress(
            context.db, message.order, message.steps[:-1], now=context.now
        )
    reason = message.progress.message or "the installer failed"
    _advance(context, message, FAILED, 200, reason=reason)


def _handle_hardware(context: Context, message: NodeMessage) -> None:
    """Store what the installer, or the first boot, has counted."""
    message = _start(context, message)
    message.require_state(INSTALLING, INSTALLED)
    store_hardware(context.db, message.node_id, message.fields, context.now)
    audit(context, message.order, action=HARDWARE, status=200)


def _handle_packages(context: Context, message: NodeMessage) -> None:
    """Store which packages a node that is up has now; the database's reader decides about drift."""
    message.require_state(UP)
    store_check(context.db, message.order, message.manifest(), now=context.now)


def _handle_unclean(context: Context, message: NodeMessage) -> None:
    """Record that a node that is up booted without a shutdown; the frontend decides what to do."""
    message.require_state(UP)
    order_history.add_note(
        context.db,
        message.order,
        order_history.UNCLEAN,
        "it was not shut down before it booted",
        now=context.now,
    )


def _advance(
    context: Context,
    message: NodeMessage,
    state: OrderState,
    status: int,
    *,
    reason: str = "",
    manifest: str = "",
) -> None:
    orders.advance(
        context.db,
        message.order,
        state,
        now=context.now,
        audit=audit_record(context.sender, state, status),
        progress=message.progress._replace(phase=""),
        reason=reason,
        manifest=manifest,
    )


HANDLERS = {
    INSTALLING: _handle_installing,
    INSTALLED: _handle_installed,
    UP: _handle_up,
    FAILED: _handle_failed,
    HARDWARE: _handle_hardware,
    PACKAGES: _handle_packages,
    order_history.UNCLEAN: _handle_unclean,
}
