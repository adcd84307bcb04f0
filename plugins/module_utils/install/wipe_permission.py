# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Permit an installation to delete the data on a node's disks, after looking at what is on them.

A first installation stops, and changes nothing, if a disk contains anything that is not the
cluster's (xml/programs/partition.py).  Its reason describes the disks.
"""

from __future__ import annotations

from typing import Sequence

from ..cluster.database import Database
from ..errors import Refused, combine
from . import orders
from .eligibility import MAINTENANCE, REFUSED
from .model import Audit, Candidate, Order
from .order_records import ADD_AUDIT, STATE, audit_row
from .states import BOOTED, ENDED_BADLY, LIVE, ORDERED

STOPPED_AT_DISKS = "%pre partition failed"
"""The start of the reason of an installation that stopped because of a disk."""
PERMIT = f"update installs set wipe = 1 where id = ? and wipe = 0 and {STATE} in (?, ?)"
ACTION = "permit wipe"
SHOW = "look at its disks first: rocks_install_info"


def stopped_at_disks(reason: str) -> bool:
    """Whether an order with this reason ended because of what is on the disks."""
    return reason.startswith(STOPPED_AT_DISKS)


def hint(node: str) -> str:
    """Return how to permit that the data on the disks of this node is deleted."""
    return (
        f"to delete the data, run rocks_install with name={node} state=wipe_permitted,"
        " then restart the machine"
    )


def permit_wipe(db: Database, names: Sequence[str], *, by: str, now: str) -> dict[str, str]:
    """Permit it for the live order of each node, or order a stopped node again with the permission.

    Returns for each node what is known about its disks.  Raises Refused, and changes nothing, if
    a node has neither an order that can still be changed, nor an installation that stopped because
    of its disks.
    """
    messages = {}
    with db.transaction():
        candidates = orders.load_candidates(db, names)
        _require_all(candidates)
        pins = {}
        for node in candidates:
            last = node.last
            if last is None:
                continue
            if last.state in LIVE:
                messages[node.name] = "the installation may delete what is on the disks"
                if not last.wipe:
                    _permit(db, node.name, last, by=by, now=now)
            else:
                messages[node.name] = f"this will be deleted: {last.reason}"
                pins[node.name] = last.pin
        verdicts = orders.create_orders(db, pins, by=by, now=now, wipe=True)
        refused = [verdict for verdict in verdicts if verdict.action in (REFUSED, MAINTENANCE)]
        if refused:
            raise combine([Refused(verdict.reason, verdict.node) for verdict in refused])
    return messages


def _require_all(candidates: Sequence[Candidate]) -> None:
    faults = [Refused(reason, node.name, SHOW) for node in candidates if (reason := _refusal(node))]
    if faults:
        raise combine(faults)


def _refusal(node: Candidate) -> str:
    last = node.last
    if last is None:
        return "it was never ordered; use rocks_reinstall with wipe: true"
    if last.state in (ORDERED, BOOTED):
        return ""
    if last.state in LIVE:
        return f"its order is {last.state}, so its installer has read its kickstart already"
    if last.state in ENDED_BADLY and stopped_at_disks(last.reason):
        return ""
    reason = f" ({last.reason})" if last.reason else ""
    return f"its last order is {last.state}{reason}, and did not stop because of a disk"


def _permit(db: Database, name: str, order: Order, *, by: str, now: str) -> None:
    audit = Audit(actor=by, action=ACTION, decision="done", node=name, install=order.uuid)
    if not db.compare_and_set(
        (PERMIT, (order.id, ORDERED, BOOTED)), (ADD_AUDIT, audit_row(audit, now))
    ):
        raise Refused("its order has changed meanwhile", name, "run the command again")
