# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write progress reports of many nodes in one transaction every few seconds instead of one by one.

This is only for nodes whose order was seen installing in the database a few seconds ago, and only
for counts, which the next report repeats. A process that dies loses the reports of the last
seconds, and never a state.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, Mapping, Optional

from ..cluster.database import Database
from ..errors import RocksError
from ..install import order_history, timestamps
from ..install.model import OrderProgress, Progress
from ..install.states import INSTALLING

FLUSH_SECONDS = 2.0  # of several reports of one node in this time, only the last one is written
TRUST_SECONDS = 10.0
# At most one look-up a second for the whole cluster; a node that starts in between is identified by
# its own request.
REFRESH_SECONDS = 1.0
CHUNK = 400  # each address is used twice; older SQLite allows 999 parameters
# Every address that a node can report from, with its order that is installing.
INSTALLING_ORDERS = (
    "select n.ip, {columns} from installs i join nodes n on n.id = i.node"
    " where i.live = 1 and i.state = ?{node_filter}"
    " union all"
    " select f.ip, {columns} from installs i join interfaces f on f.node = i.node"
    " where i.live = 1 and i.state = ?{interface_filter}"
    " and f.kind <> 'bmc' and f.ip is not null"
)

log = logging.getLogger(__name__)


class ProgressBuffer:
    """Reports that are not written yet; the threads of one process share it."""

    def __init__(
        self, connect: Callable[[], Database], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """``connect`` opens the database for the thread that writes."""
        self._connect = connect
        self._monotonic = monotonic
        self._lock = threading.Lock()
        # By order, because a node has several addresses: the address of its last report, and that.
        self._pending: dict[str, tuple[str, Progress]] = {}
        self._trusted: dict[str, tuple[str, float]] = {}  # address -> order, end of the trust
        self._refresh_lock = threading.Lock()
        self._refreshed = -REFRESH_SECONDS
        self._not_empty = threading.Event()
        self._never = threading.Event()
        self._writer: Optional[threading.Thread] = None

    def offer(self, db: Database, address: str, uuid: str, progress: Progress) -> bool:
        """Buffer a report of an order; return False if the caller must identify the node."""
        if not self._is_trusted(address, uuid):
            self._refresh(db)
            if not self._is_trusted(address, uuid):
                return False
        with self._lock:
            self._pending[uuid] = (address, progress)
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._run_writer, name="progress", daemon=True
                )
                self._writer.start()
        self._not_empty.set()
        return True

    def _is_trusted(self, address: str, uuid: str) -> bool:
        order, until = self._trusted.get(address, ("", 0.0))
        return order == uuid and self._monotonic() <= until

    def _refresh(self, db: Database) -> None:
        """Look up every order that is installing, unless another thread has just done so."""
        with self._refresh_lock:
            now = self._monotonic()
            if now - self._refreshed >= REFRESH_SECONDS:
                sql = INSTALLING_ORDERS.format(
                    columns="i.uuid", node_filter="", interface_filter=""
                )
                self._trusted = {
                    address: (uuid, now + TRUST_SECONDS)
                    for address, uuid in db.rows(sql, (INSTALLING, INSTALLING))
                }
                self._refreshed = now

    def flush(self, db: Database, now: str) -> int:
        """Write the pending reports, and return for how many orders.

        A report whose order is not installing any more is dropped, and its address is not trusted
        any more.
        """
        with self._lock:
            reports = self._pending
            self._pending = {}
        try:
            current = _find_orders(db, [address for address, _progress in reports.values()])
            valid = [
                (current[address], progress)
                for uuid, (address, progress) in reports.items()
                if address in current and current[address].uuid == uuid
            ]
            order_history.record_progress(db, valid, now=now)
        except RocksError:
            with self._lock:
                self._pending = {**reports, **self._pending}  # newer reports take precedence
            raise
        until = self._monotonic() + TRUST_SECONDS
        for uuid, (address, _progress) in reports.items():
            if address in current and current[address].uuid == uuid:
                self._trusted[address] = (uuid, until)
            else:
                self._trusted.pop(address, None)
        return len(valid)

    def _run_writer(self) -> None:
        """Write every FLUSH_SECONDS; while the database is down, keep the newest reports."""
        db = None
        while True:
            self._not_empty.wait()
            self._never.wait(FLUSH_SECONDS)  # collect more reports
            self._not_empty.clear()
            try:
                db = db or self._connect()
                self.flush(db, timestamps.now())
            except RocksError as error:
                log.warning("progress reports are not written yet: %s", error)
                self._not_empty.set()


def _find_orders(db: Database, addresses: list[str]) -> Mapping[str, OrderProgress]:
    """Return the orders that are installing at these addresses, by address."""
    orders: dict[str, OrderProgress] = {}
    for start in range(0, len(addresses), CHUNK):
        chunk = addresses[start : start + CHUNK]
        placeholders = ", ".join("?" * len(chunk))
        sql = INSTALLING_ORDERS.format(
            columns="i.id, i.uuid, i.phase, i.total",
            node_filter=f" and n.ip in ({placeholders})",
            interface_filter=f" and f.ip in ({placeholders})",
        )
        rows = db.rows(sql, (INSTALLING, *chunk, INSTALLING, *chunk))
        orders.update({row[0]: OrderProgress._make(row[1:]) for row in rows})
    return orders
