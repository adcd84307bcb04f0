# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values that install orders consist of.

Times are UTC texts as the database stores them, such as ``2026-11-22 09:14:05``.  The records are
named tuples because the service builds some of them for every request, directly from a row.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Optional

from .states import OrderState

Action = Literal["order", "unchanged", "live", "refused", "maintenance"]
"""What happens to a node when it is ordered; ``eligibility`` explains the values."""


class Pin(NamedTuple):
    """What an order installs.

    It is fixed when the order is created; later publications do not change it.
    """

    distribution: str
    arch: str
    generation: str
    profile: str
    """SHA-256 of the compiled profile, which is stored with the generation."""


class Order(NamedTuple):
    """Permission and obligation to install one node once."""

    id: int
    uuid: str
    """Identifies the order in messages; one with another uuid belongs to an older installation."""
    node: str
    state: OrderState
    pin: Pin
    by: str
    """The user who created the order."""
    ordered: str
    expires: str
    changed: str
    """Time of the last message from the node: a new state, or progress."""
    wipe: bool = False
    """Whether a first installation may wipe disks that are not blank."""
    batch: str = ""
    """A label that all orders created by one call share."""
    driver: str = ""
    """The boot method that started the installer."""
    attempts: int = 0
    """How often a command has restarted the machine for this order; ``install.sending`` explains.
    """
    reason: str = ""
    """Why the order failed, expired or was cancelled; of an installed node, which scripts of its
    kickstart failed."""
    phase: str = ""
    """The installation's phase; ``done``, ``total`` and ``message`` describe the progress in it."""
    done: int = 0
    total: int = 0
    """0 when the phase does not count anything."""
    message: str = ""
    delivered: str = ""
    """When the secrets were delivered, which happens once; empty before."""
    suspect: bool = False
    """An unexpected client asked for data that only the installer may have.  The node cannot be
    ordered again without ``rearm``."""
    manifest: str = ""
    """SHA-256 of the package list that the node reported when it came up."""


class Progress(NamedTuple):
    """A progress report of an installing node."""

    phase: str
    done: int = 0
    total: int = 0
    message: str = ""
    log: str = ""
    """The last lines of the installer's logs, when the installation failed."""
    age: int = 0
    """Seconds between the step and the message that reports it."""


class Event(NamedTuple):
    """A step of an order: it reached ``state``, or the installer started ``phase``."""

    at: str
    state: str
    phase: str
    done: int
    total: int
    message: str
    """One line for people; a failure adds the last lines of the logs below it."""
    seconds: int
    """Seconds until the next step."""


class History(NamedTuple):
    """An order and its steps."""

    order: Order
    events: tuple[Event, ...]


class Candidate(NamedTuple):
    """The properties of a node that decide whether it can be ordered."""

    id: int
    name: str
    appliance: str
    root: str
    distribution: str
    arch: str
    last: Optional[Order]
    """Its latest order, the only one that can be live."""
    frontend_conflict: str
    """Why its machine is the frontend, although its row differs; empty if it is another machine."""
    maintenance: str = ""
    """Since when and why it is out of service; empty if it is in service."""


class Verdict(NamedTuple):
    """The decision about ordering one node."""

    node: str
    action: Action
    reason: str = ""
    order: Optional[Order] = None
    """The new order, or the one that ``reason`` describes; None in a preview."""


class Audit(NamedTuple):
    """A row of the audit: a request or action and its outcome.  Rows are never changed."""

    actor: str
    """``node`` for a machine that sends a request over HTTP, ``service`` for automatic changes,
    otherwise the user."""
    action: str
    decision: str
    """``done``, or the HTTP status of the answer to a request."""
    node: str = ""
    mac: str = ""
    address: str = ""
    port: int = 0
    install: str = ""
    bytes: int = 0
    profile: str = ""
    detail: str = ""
