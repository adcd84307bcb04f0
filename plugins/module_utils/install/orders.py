# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create, advance, cancel and expire install orders in the database (contract C6).

Each transition is one compare-and-set together with its event and its audit row, in one
transaction: if two clients request the same transition, one succeeds and the other gets a Conflict
that names the current state.  The user and the time are arguments.
"""

from __future__ import annotations

import uuid
from types import MappingProxyType
from typing import Callable, Iterable, Mapping, Optional, Sequence

from ..cluster.database import Database
from ..cluster.model import MAINTENANCE
from ..errors import Conflict, NotFound, Refused
from . import frontend_machine, timestamps
from .eligibility import ORDER, decide
from .install_codes import NODE_KEY, add_codes
from .model import Audit, Candidate, Order, Pin, Progress, Verdict
from .order_records import (
    ADD_AUDIT,
    ADD_EVENT,
    ORDER_COLUMNS,
    STATE,
    audit_row,
    event_row,
    optional_order_from_row,
    order_from_row,
)
from .recipes import Comparison
from .states import (
    CANCELLED,
    ENDED_BADLY,
    EXPIRED,
    FAILED,
    LIVE,
    OPEN,
    ORDERED,
    REACHED_FROM,
    OrderState,
)

LIFETIME_SECONDS = 6 * 3600
CHUNK = 500  # names in one query: SQLite allows 32,766 parameters, older versions 999
REASON_CHARACTERS = 255
NO_PROGRESS = Progress("")
FOREVER = "9999"  # sorts after every time

SELECT_CANDIDATES = (
    "select n.id, n.name, a.name, a.root, m.distribution, n.arch,"
    " coalesce((select value from attributes where scope = 'node' and owner = n.id"
    f" and name = '{MAINTENANCE}'), ''), {ORDER_COLUMNS} from nodes n"
    " join memberships m on m.id = n.membership join appliances a on a.id = m.appliance"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)"
)
SELECT_ORDERS = f"select {ORDER_COLUMNS} from installs i join nodes n on n.id = i.node"
INSERT_ORDER = (
    "insert into installs (uuid, node, state, live, distribution, arch, generation, profile, wipe,"
    " batch, driver, ordered_by, ordered, expires, changed)"
    " values (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_STATE = (
    "update installs set state = ?, live = ?, changed = ?, reason = ?, phase = coalesce(?, phase),"
    " done = coalesce(?, done), total = coalesce(?, total), message = coalesce(?, message),"
    " suspect = ?, manifest = ?"
)
NO_COMPARISONS: Mapping[str, Comparison] = MappingProxyType({})
DELETE_KEY = "delete from secrets where scope = 'node' and owner = ? and name = ?"


def load_candidates(db: Database, names: Sequence[str]) -> list[Candidate]:
    """Return these nodes, in this order, with their latest orders.

    Raises NotFound with the list of unknown names.
    """
    by_name: dict[str, Candidate] = {}
    conflicts = frontend_machine.frontend_conflicts(db, names)
    for chunk in _chunks(names):
        query = f"{SELECT_CANDIDATES} where n.name in ({_placeholders(chunk)})"
        for row in db.rows(query, chunk):
            by_name[row[1]] = Candidate._make(
                (*row[:6], optional_order_from_row(row[7:]), conflicts.get(row[1], ""), row[6])
            )
    missing = sorted(set(names) - set(by_name))
    if missing:
        raise NotFound(
            f"no node {', '.join(map(repr, missing))}",
            db.location.url,
            "ansible-inventory --graph lists them",
        )
    return [by_name[name] for name in names]


def preview(
    db: Database,
    pins: Mapping[str, Pin],
    comparisons: Mapping[str, Comparison] = NO_COMPARISONS,
    *,
    force: bool = False,
    rearm: bool = False,
) -> list[Verdict]:
    """Return the verdict that ``create_orders`` would reach for each node.  Changes nothing."""
    return [
        decide(node, pins[node.name], comparisons.get(node.name), force=force, rearm=rearm)
        for node in load_candidates(db, list(pins))
    ]


def create_orders(
    db: Database,
    pins: Mapping[str, Pin],
    comparisons: Mapping[str, Comparison] = NO_COMPARISONS,
    *,
    by: str,
    now: str,
    lifetime: int = LIFETIME_SECONDS,
    force: bool = False,
    rearm: bool = False,
    wipe: bool = False,
    batch: str = "",
    driver: str = "",
    new_uuid: Callable[[], object] = uuid.uuid4,
) -> list[Verdict]:
    """Order each node once, in one transaction, and return a verdict for each.

    pins         node -> what to install
    comparisons  node -> what a reinstallation would change; nodes without one are compared by pin
    by           the user
    lifetime     seconds until an order expires if the machine does not follow it
    force        also install nodes in which nothing would change
    rearm        the administrator clears the machine: a suspect node is ordered, and the node does
                 not need the key from its last installation (its disk is new)
    wipe         a first installation may wipe disks that are not blank
    batch        a label that these orders share
    driver       how the machines boot the installer already, so that no command restarts them;
                 empty: they do not yet

    Frontends (by membership or by address), switches and busy nodes are refused, each with its
    reason.  Raises NotFound for an unknown node; then nothing is ordered.
    """
    with db.transaction():
        expire(db, now=now, names=list(pins))
        candidates = load_candidates(db, list(pins))
        verdicts = [
            decide(node, pins[node.name], comparisons.get(node.name), force=force, rearm=rearm)
            for node in candidates
        ]
        selected = [node for node, verdict in zip(candidates, verdicts) if verdict.action == ORDER]
        if not selected:
            return verdicts
        _supersede(db, selected, by=by, now=now)
        expires = timestamps.add_seconds(now, lifetime)
        uuids = [str(new_uuid()) for _node in selected]
        rows = [
            (
                order_uuid,
                node.id,
                ORDERED,
                *pins[node.name],
                int(wipe),
                batch,
                driver,
                by,
                now,
                expires,
                now,
            )
            for order_uuid, node in zip(uuids, selected)
        ]
        db.execute_many(INSERT_ORDER, rows)
        new_orders = {order.node: order for order in find_by_uuid(db, uuids)}
        _record_orders(db, list(new_orders.values()), by=by, now=now)
        if rearm:
            for node in selected:
                db.execute(DELETE_KEY, (node.id, NODE_KEY))
        add_codes(db, list(new_orders.values()))
    return [
        verdict._replace(order=new_orders.get(verdict.node, verdict.order)) for verdict in verdicts
    ]


def advance(
    db: Database,
    order: Order,
    to: OrderState,
    *,
    now: str,
    audit: Audit,
    progress: Progress = NO_PROGRESS,
    reason: str = "",
    suspect: bool = False,
    manifest: str = "",
) -> Order:
    """Move an order to the state ``to``, if its *current* state in the database allows it.

    audit     the actor and the request; the order's node, uuid and profile are filled in
    progress  what the node reported together with the transition
    suspect   the node cannot be ordered again until the administrator clears it

    Raises Conflict, which names the current state, if another client changed the order first or the
    transition is not allowed.
    """
    sources = REACHED_FROM.get(to, ())
    stored_reason = reason[:REASON_CHARACTERS]
    step = (None,) * 4 if to in ENDED_BADLY else (progress.phase or to, *progress[1:4])
    values = (to, 1 if to in LIVE else None, now, stored_reason, *step, int(suspect), manifest)
    detail = audit.detail or f"{order.state} -> {to}" + (f": {reason}" if reason else "")
    audit = audit._replace(
        node=order.node, install=order.uuid, profile=order.pin.profile, detail=detail
    )
    event = progress._replace(message=progress.message or reason)
    condition = f"where id = ? and {STATE} in ({_placeholders(sources)})"
    if not db.compare_and_set(
        (f"{UPDATE_STATE} {condition}", (*values, order.id, *sources)),
        (ADD_EVENT, event_row(order.id, now, to, event)),
        (ADD_AUDIT, audit_row(audit, now)),
    ):
        _raise_conflict(db, order, to)
    if to not in ENDED_BADLY:
        order = order._replace(
            phase=progress.phase or to,
            done=progress.done,
            total=progress.total,
            message=progress.message,
        )
    return order._replace(
        state=to, changed=now, reason=stored_reason, suspect=suspect, manifest=manifest
    )


def cancel(
    db: Database, orders: Iterable[Order], *, by: str, now: str, reason: str = ""
) -> list[Order]:
    """Cancel live orders, and return those that were cancelled.  Ended orders do not change."""
    message = f"cancelled by {by}" + (f": {reason}" if reason else "")
    return _end(db, orders, CANCELLED, by=by, now=now, reason=message)


def fail(db: Database, orders: Iterable[Order], *, by: str, now: str, reason: str) -> list[Order]:
    """Let live orders fail, for example after a deadline, and return those that were changed."""
    return _end(db, orders, FAILED, by=by, now=now, reason=reason)


def expire(db: Database, *, now: str, names: Optional[Sequence[str]] = None) -> list[Order]:
    """Expire the open orders of these nodes, or of all, whose lifetime is over, and return them."""
    expired = []
    for order in list_live(db, names, until=now):
        if order.state in OPEN:
            reason = f"it was not finished before {order.expires}"
            expired += _end(db, [order], EXPIRED, by="service", now=now, reason=reason)
    return expired


def list_live(
    db: Database, names: Optional[Sequence[str]] = None, *, until: str = FOREVER
) -> list[Order]:
    """Return the live orders of these nodes, or of all, sorted by node.

    until  only orders whose lifetime ends at this time or before
    """
    query = f"{SELECT_ORDERS} where i.live = 1 and i.expires <= ?"
    if names is None:
        return [order_from_row(row) for row in db.rows(f"{query} order by n.name", (until,))]
    rows = [
        row
        for chunk in _chunks(names)
        for row in db.rows(f"{query} and n.name in ({_placeholders(chunk)})", (until, *chunk))
    ]
    return sorted(map(order_from_row, rows), key=lambda order: order.node)


def find_by_uuid(db: Database, uuids: Sequence[str]) -> list[Order]:
    """Return the orders with these uuids, in this order; unknown ones are left out."""
    by_uuid = {}
    for chunk in _chunks(uuids):
        for row in db.rows(f"{SELECT_ORDERS} where i.uuid in ({_placeholders(chunk)})", chunk):
            by_uuid[row[1]] = order_from_row(row)
    return [by_uuid[order_uuid] for order_uuid in uuids if order_uuid in by_uuid]


def retry(
    db: Database, names: Sequence[str], *, by: str, now: str, rearm: bool = False
) -> list[Verdict]:
    """Order again what each node's last order was for, whatever has been published since.

    A node that is up is left alone.  Raises Refused for a node that was never ordered.
    """
    pins = {}
    for candidate in load_candidates(db, names):
        if candidate.last is None:
            raise Refused(
                "it was never ordered, so there is no order to repeat",
                candidate.name,
                "order it: rocks_reinstall",
            )
        pins[candidate.name] = candidate.last.pin
    return create_orders(db, pins, by=by, now=now, rearm=rearm)


def _supersede(db: Database, selected: Sequence[Candidate], *, by: str, now: str) -> None:
    """Cancel the live orders of installed nodes that never came up and are ordered again."""
    stale = [node.last for node in selected if node.last and node.last.state in LIVE]
    _end(db, stale, CANCELLED, by=by, now=now, reason="ordered again before it came up")


def _end(
    db: Database, orders: Iterable[Order], to: OrderState, *, by: str, now: str, reason: str
) -> list[Order]:
    ended = []
    for order in orders:
        audit = Audit(actor=by, action=to, decision="done")
        try:
            ended.append(advance(db, order, to, now=now, audit=audit, reason=reason))
        except Conflict:
            continue  # it has ended in another way
    return ended


def _record_orders(db: Database, orders: Sequence[Order], *, by: str, now: str) -> None:
    """Add the events and audit rows of new orders."""
    db.execute_many(ADD_EVENT, [event_row(order.id, now, ORDERED, NO_PROGRESS) for order in orders])
    audits = [
        Audit(
            actor=by,
            action="order",
            decision="done",
            node=order.node,
            install=order.uuid,
            profile=order.pin.profile,
        )
        for order in orders
    ]
    db.execute_many(ADD_AUDIT, [audit_row(audit, now) for audit in audits])


def _raise_conflict(db: Database, order: Order, to: str) -> None:
    row = db.row("select state, reason from installs where id = ?", (order.id,))
    if row is None:
        raise Conflict("the order was removed with its node", order.node)
    current = f"{row[0]} ({row[1]})" if row[1] else row[0]
    raise Conflict(f"the install order is {current}, so it cannot become {to}", order.node)


def _placeholders(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
