# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install orders in the database: made, moved on, cancelled, expired (contract C6).

Each change is one compare-and-set with its event and its audit row, in one transaction: of two that want the same
change one wins, and the other is told what holds now.  Who asks, and the clock, are arguments.
"""

from __future__ import annotations

import uuid
from typing import Callable, Iterable, Mapping, Optional, Sequence

from ..cluster.database import Database
from ..errors import Conflict, NotFound, Refused
from . import frontend_machine, timestamps
from .eligibility import ORDER, decide
from .model import Audit, Candidate, Order, Pin, Progress, Verdict
from .order_records import (
    ADD_AUDIT,
    ADD_EVENT,
    ORDER_COLUMNS,
    audit_row,
    event_row,
    optional_order_from_row,
    order_from_row,
)
from .states import CANCELLED, ENDED_BADLY, EXPIRED, FAILED, LIVE, OPEN, ORDERED, REACHED_FROM

LIFETIME_SECONDS = 6 * 3600
NODE_KEY = "node_key"  # the secret that a node keeps on its preserved partition
CHUNK = 500  # names in one query: SQLite allows 32,766 parameters, older ones 999
NO_PROGRESS = Progress("")

SELECT_CANDIDATES = (
    f"select n.id, n.name, a.name, a.root, m.distribution, n.arch, {ORDER_COLUMNS} from nodes n"
    " join memberships m on m.id = n.membership join appliances a on a.id = m.appliance"
    " left join installs i on i.id = (select max(id) from installs where node = n.id)"
)
SELECT_ORDERS = f"select {ORDER_COLUMNS} from installs i join nodes n on n.id = i.node"
INSERT_ORDER = (
    "insert into installs (uuid, node, state, live, distribution, arch, generation, profile, wipe, batch, driver,"
    " ordered_by, ordered, expires, changed) values (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_STATE = (
    "update installs set state = ?, live = ?, changed = ?, reason = ?, phase = coalesce(?, phase),"
    " done = coalesce(?, done), total = coalesce(?, total), message = coalesce(?, message), suspect = ?, manifest = ?"
)


def load_candidates(db: Database, names: Sequence[str]) -> list[Candidate]:
    """The nodes of these names, in this order, with their latest orders.  Raises NotFound that lists the unknown."""
    found: dict[str, Candidate] = {}
    conflicts = frontend_machine.frontend_conflicts(db, names)
    for some in _chunks(names):
        for row in db.rows(f"{SELECT_CANDIDATES} where n.name in ({_placeholders(some)})", some):
            found[row[1]] = Candidate._make(
                (*row[:6], optional_order_from_row(row[6:]), conflicts.get(row[1], ""))
            )
    missing = sorted(set(names) - set(found))
    if missing:
        raise NotFound(
            f"no node {', '.join(map(repr, missing))}",
            db.location.url,
            "ansible-inventory --graph lists them",
        )
    return [found[name] for name in names]


def preview(
    db: Database, wanted: Mapping[str, Pin], *, force: bool = False, rearm: bool = False
) -> list[Verdict]:
    """What ordering ``wanted`` (node -> what to install) would come to, node by node.  Changes nothing."""
    return [
        decide(candidate, wanted[candidate.name], force=force, rearm=rearm)
        for candidate in load_candidates(db, list(wanted))
    ]


def create_orders(
    db: Database,
    wanted: Mapping[str, Pin],
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
    """Order each node of ``wanted`` (node -> what to install) once, in one transaction; a verdict for each.

    lifetime  seconds until an order that the machine did not follow expires
    force     install also what the node runs already
    rearm     the administrator vouches for the machine: a suspect node is ordered, and the key that it kept from its
              last installation is not asked for (its disk is new)
    wipe      a first installation may wipe disks that are not blank
    batch     what makes these orders one piece of work, for those who follow it

    Frontends (by membership or by address), switches and busy nodes are refused, each with its
    reason; an unknown node raises NotFound, and nothing is ordered then.
    """
    with db.transaction():
        expire(db, now=now, names=list(wanted))
        known = load_candidates(db, list(wanted))
        verdicts = [decide(one, wanted[one.name], force=force, rearm=rearm) for one in known]
        chosen = [one for one, said in zip(known, verdicts) if said.action == ORDER]
        _supersede(db, chosen, by=by, now=now)
        expires = timestamps.add_seconds(now, lifetime)
        rows = [
            (
                str(new_uuid()),
                one.id,
                ORDERED,
                *wanted[one.name],
                int(wipe),
                batch,
                driver,
                by,
                now,
                expires,
                now,
            )
            for one in chosen
        ]
        if not rows:
            return verdicts
        db.execute_many(INSERT_ORDER, rows)
        made = {one.node: one for one in find_by_uuid(db, [row[0] for row in rows])}
        _record_orders(db, list(made.values()), now, by=by, action="order", state=ORDERED)
        if rearm:
            for one in chosen:
                db.execute(
                    "delete from secrets where scope = 'node' and owner = ? and name = ?",
                    (one.id, NODE_KEY),
                )
    return [said._replace(order=made.get(said.node, said.order)) for said in verdicts]


def advance(
    db: Database,
    order: Order,
    to: str,
    *,
    now: str,
    audit: Audit,
    progress: Progress = NO_PROGRESS,
    reason: str = "",
    suspect: bool = False,
    manifest: str = "",
) -> Order:
    """Move an order to the state ``to``, if the table of states allows it from the state that it has *now*.

    audit     who did it and why; the order's node and uuid are put in
    progress  what the node said with it
    suspect   park the node: it is not ordered again until the administrator vouches for it

    Raises Conflict, naming the state that holds, when somebody else was faster or the change is not allowed.
    """
    sources = REACHED_FROM.get(to, ())
    shown = (None,) * 4 if to in ENDED_BADLY else (progress.phase or to, *progress[1:4])
    values = (to, 1 if to in LIVE else None, now, reason[:255], *shown, int(suspect), manifest)
    full = audit._replace(node=order.node, install=order.uuid, profile=order.pin.profile)
    told = full._replace(
        detail=full.detail or f"{order.state} -> {to}" + (f": {reason}" if reason else "")
    )
    step = progress._replace(message=progress.message or reason)
    if not db.compare_and_set(
        (
            f"{UPDATE_STATE} where id = ? and state in ({_placeholders(sources)})",
            (*values, order.id, *sources),
        ),
        (ADD_EVENT, event_row(order.id, now, to, step)),
        (ADD_AUDIT, audit_row(told, now)),
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
        state=to, changed=now, reason=reason[:255], suspect=suspect, manifest=manifest
    )


def cancel(
    db: Database, orders: Iterable[Order], *, by: str, now: str, reason: str = ""
) -> list[Order]:
    """Take live orders back; one that ended meanwhile stays as it is.  Returns those that were cancelled."""
    told = f"cancelled by {by}" + (f": {reason}" if reason else "")
    return _end(db, orders, CANCELLED, by=by, now=now, reason=told)


def fail(db: Database, orders: Iterable[Order], *, by: str, now: str, reason: str) -> list[Order]:
    """End live orders as failed: a deadline passed, a power unit did not answer.  Returns those that were ended."""
    return _end(db, orders, FAILED, by=by, now=now, reason=reason)


def expire(db: Database, *, now: str, names: Optional[Sequence[str]] = None) -> list[Order]:
    """End the orders whose time is over (of these nodes, or of all), which no machine began to follow or finished."""
    late = [one for one in list_live(db, names, until=now) if one.state in OPEN]
    return [
        ended
        for one in late
        for ended in _end(
            db,
            [one],
            EXPIRED,
            by="service",
            now=now,
            reason=f"nobody finished it before {one.expires}",
        )
    ]


def list_live(
    db: Database, names: Optional[Sequence[str]] = None, *, until: str = "9999"
) -> list[Order]:
    """The live orders, of these nodes or of all, sorted by node.

    until  only those whose time is over then
    """
    of_all = f"{SELECT_ORDERS} where i.live = 1 and i.expires <= ?"
    if names is None:
        return [order_from_row(row) for row in db.rows(f"{of_all} order by n.name", (until,))]
    rows = [
        row
        for some in _chunks(names)
        for row in db.rows(f"{of_all} and n.name in ({_placeholders(some)})", (until, *some))
    ]
    return sorted(map(order_from_row, rows), key=lambda one: one.node)


def find_by_uuid(db: Database, uuids: Sequence[str]) -> list[Order]:
    """The orders with these names, in this order; an unknown one is left out."""
    found = {}
    for some in _chunks(uuids):
        for row in db.rows(f"{SELECT_ORDERS} where i.uuid in ({_placeholders(some)})", some):
            found[row[1]] = order_from_row(row)
    return [found[one] for one in uuids if one in found]


def retry(
    db: Database, names: Sequence[str], *, by: str, now: str, rearm: bool = False
) -> list[Verdict]:
    """Order again what each node's last order was for, whatever was published since; a node that is up is left alone.

    Raises Refused for a node that was never ordered.
    """
    wanted = {}
    for one in load_candidates(db, names):
        if one.last is None:
            raise Refused(
                "it was never ordered, so there is nothing to repeat",
                one.name,
                "order it: rocks_reinstall",
            )
        wanted[one.name] = one.last.pin
    return create_orders(db, wanted, by=by, now=now, rearm=rearm)


def _supersede(db: Database, chosen: Sequence[Candidate], *, by: str, now: str) -> None:
    """An installed node that never came up is ordered anew: its order ends."""
    stale = [one.last for one in chosen if one.last and one.last.state in LIVE]
    _end(db, stale, CANCELLED, by=by, now=now, reason="ordered again before it came up")


def _end(
    db: Database, orders: Iterable[Order], to: str, *, by: str, now: str, reason: str
) -> list[Order]:
    ended = []
    for one in orders:
        try:
            ended.append(advance(db, one, to, now=now, audit=Audit(by, to, "done"), reason=reason))
        except Conflict:
            continue  # it ended in another way meanwhile
    return ended


def _record_orders(
    db: Database, orders: Sequence[Order], now: str, *, by: str, action: str, state: str
) -> None:
    db.execute_many(ADD_EVENT, [event_row(one.id, now, state, NO_PROGRESS) for one in orders])
    db.execute_many(
        ADD_AUDIT,
        [
            audit_row(Audit(by, action, "done", one.node, install=one.uuid, profile=one.pin.profile), now)
            for one in orders
        ],
    )  # fmt: skip


def _raise_conflict(db: Database, order: Order, to: str) -> None:
    row = db.row("select state, reason from installs where id = ?", (order.id,))
    if row is None:
        raise Conflict("the order was removed with its node", order.node)
    holds = f"{row[0]} ({row[1]})" if row[1] else row[0]
    raise Conflict(f"the install order is {holds}, so it cannot become {to}", order.node)


def _placeholders(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
