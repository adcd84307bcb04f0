# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What install orders are made of, as values.  Times are UTC texts as in the database: ``2026-11-22 09:14:05``."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Pin(NamedTuple):
    """What an order installs, fixed when it is made: nothing that is published later changes it.

    profile  SHA-256 of the compiled profile, which is kept with the generation
    """

    distribution: str
    arch: str
    generation: str
    profile: str


class Order(NamedTuple):
    """Permission and duty to install one node once.

    uuid       its name on the wire; a message that carries another one is of an older installation
    wipe       the administrator allows a first installation to wipe disks that are not blank
    batch      the orders that were made together have the same; a second run takes them up by it
    driver     how the node was sent into the installer
    by         who ordered it
    changed    when it was last heard of: a new state, or progress
    phase, done, total, message   how far the installation is; total 0: the phase counts nothing
    delivered  when the secrets were handed over, once; empty: not yet
    suspect    somebody asked for what only the installer may have: the node is parked until it is ordered with ``rearm``
    reason     why it failed, expired or was cancelled
    manifest   SHA-256 of the packages that the node reported when it came up
    """

    id: int
    uuid: str
    node: str
    state: str
    pin: Pin
    by: str
    ordered: str
    expires: str
    changed: str
    wipe: bool = False
    batch: str = ""
    driver: str = ""
    attempts: int = 0
    reason: str = ""
    phase: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    delivered: str = ""
    suspect: bool = False
    manifest: str = ""


class Progress(NamedTuple):
    """What an installing node tells; ``log`` are the last lines of the installer's logs, with a failure."""

    phase: str
    done: int = 0
    total: int = 0
    message: str = ""
    log: str = ""


class OrderProgress(NamedTuple):
    """As much of an order as progress is compared with."""

    id: int
    uuid: str
    phase: str
    total: int


class Event(NamedTuple):
    """A step of an order: it reached ``state``, or the installer began ``phase``; ``seconds`` until the next step.

    message  for people: one line, and below it the last lines of the logs when it tells of a failure
    """

    at: str
    state: str
    phase: str
    done: int
    total: int
    message: str
    seconds: int


class History(NamedTuple):
    """An order and what became of it, step by step."""

    order: Order
    events: tuple[Event, ...]


class Candidate(NamedTuple):
    """A node as far as the rules of ordering look.

    last    its latest order, the only one that can be live
    frontend_conflict  why its machine is the frontend, whatever its row says; empty: it is not
    """

    id: int
    name: str
    appliance: str
    root: str
    distribution: str
    arch: str
    last: Optional[Order]
    frontend_conflict: str


class Verdict(NamedTuple):
    """What ordering a node comes to.

    action  ``order``; ``unchanged``: it runs what is wanted; ``live``: an order for just that is under way; ``refused``
    reason  of an action other than ``order``
    order   the order that was made, or the one that the reason speaks of; None in a preview
    """

    node: str
    action: str
    reason: str = ""
    order: Optional[Order] = None


class Audit(NamedTuple):
    """A row of the audit: who asked for what, and what was decided.  Rows are only ever added.

    actor     ``node`` for a machine that asks over HTTP, ``service`` for what follows by itself, else the person
    decision  ``done``, or for a request the HTTP status that answered it
    """

    actor: str
    action: str
    decision: str
    node: str = ""
    mac: str = ""
    address: str = ""
    port: int = 0
    install: str = ""
    bytes: int = 0
    profile: str = ""
    detail: str = ""
