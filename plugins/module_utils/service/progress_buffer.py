# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Progress that is not written at once: one transaction a moment for all nodes instead of one for each message.

Only for a node whose order was seen installing in the database a few seconds ago, and only for counts, which the next
message tells anew. A process that dies loses what the last moment brought, and no state.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, Mapping

from ..cluster.database import Database
from ..errors import RocksError
from ..install import order_history, timestamps
from ..install.model import OrderProgress, Progress
from ..install.states import INSTALLING

FLUSH_SECONDS = 2.0  # of two reports that a node makes meanwhile only the newer one costs anything
TRUST_SECONDS = 10.0
LEARN_SECONDS = (
    1.0  # a cluster that begins at once is looked up together; who comes in between, by himself
)
CHUNK = 400  # twice in one statement; SQLite allowed 999 parameters for long
# Every address that a node may report from, with its order that installs.
INSTALLS = (
    "select n.ip, {columns} from installs i join nodes n on n.id = i.node where i.live = 1 and i.state = ?{at}"
    " union all"
    " select f.ip, {columns} from installs i join interfaces f on f.node = i.node where i.live = 1 and i.state = ?{further}"
    " and f.kind <> 'bmc' and f.ip is not null"
)

log = logging.getLogger(__name__)


class Inbox:
    """What nodes told and is not written yet; it is shared by the threads of one process.

    connect  opens the database for the thread that writes
    """

    def __init__(
        self, connect: Callable[[], Database], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect, self._monotonic = connect, monotonic
        self._lock = threading.Lock()
        self._waiting: dict[
            str, tuple[str, Progress]
        ] = {}  # order -> address, progress: a node has several addresses
        self._trusted: dict[str, tuple[str, float]] = {}
        self._learning, self._learned = threading.Lock(), -LEARN_SECONDS
        self._awake, self._never = threading.Event(), threading.Event()
        self._writer: threading.Thread | None = None

    def offer(self, db: Database, address: str, uuid: str, progress: Progress) -> bool:
        """Keep progress to be written in a moment; False when this node must be looked up by itself."""
        if not self._trusts(address, uuid):
            self._learn(db)
            if not self._trusts(address, uuid):
                return False
        with self._lock:
            self._waiting[uuid] = (address, progress)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_on, name="inbox", daemon=True)
                self._writer.start()
        self._awake.set()
        return True

    def _trusts(self, address: str, uuid: str) -> bool:
        order, until = self._trusted.get(address, ("", 0.0))
        return order == uuid and self._monotonic() <= until

    def _learn(self, db: Database) -> None:
        """Look up every order that is installing, unless that was done a moment ago; who asks meanwhile waits for it."""
        with self._learning:
            now = self._monotonic()
            if now - self._learned >= LEARN_SECONDS:
                installing = db.rows(
                    INSTALLS.format(columns="i.uuid", at="", further=""), (INSTALLING, INSTALLING)
                )
                self._trusted = {
                    address: (uuid, now + TRUST_SECONDS) for address, uuid in installing
                }
                self._learned = now

    def flush(self, db: Database, now: str) -> int:
        """Write what waits; how many orders it was of.  What is of no order any more is dropped, with its trust."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
        try:
            current = _orders(db, [address for address, _progress in taken.values()])
            reports = [
                (current[address], progress)
                for uuid, (address, progress) in taken.items()
                if address in current and current[address].uuid == uuid
            ]
            order_history.record_progress(db, reports, now=now)
        except RocksError:
            with self._lock:
                self._waiting = {**taken, **self._waiting}  # what came meanwhile is newer
            raise
        until = self._monotonic() + TRUST_SECONDS
        for uuid, (address, _progress) in taken.items():
            if address in current and current[address].uuid == uuid:
                self._trusted[address] = (uuid, until)
            else:
                self._trusted.pop(address, None)
        return len(reports)

    def _write_on(self) -> None:
        """The writing thread; a database that is away for a while finds the newest progress when it is back."""
        db = None
        while True:
            self._awake.wait()
            self._never.wait(FLUSH_SECONDS)  # collect what comes meanwhile
            self._awake.clear()
            try:
                db = db or self._connect()
                self.flush(db, timestamps.now())
            except RocksError as error:
                log.warning("progress waits: %s", error)
                self._awake.set()


def _orders(db: Database, addresses: list[str]) -> Mapping[str, OrderProgress]:
    """The orders that are installing at these addresses."""
    found: dict[str, OrderProgress] = {}
    for start in range(0, len(addresses), CHUNK):
        some = addresses[start : start + CHUNK]
        marks = ", ".join("?" * len(some))
        sql = INSTALLS.format(
            columns="i.id, i.uuid, i.phase, i.total",
            at=f" and n.ip in ({marks})",
            further=f" and f.ip in ({marks})",
        )
        rows = db.rows(sql, (INSTALLING, *some, INSTALLING, *some))
        found.update({row[0]: OrderProgress._make(row[1:]) for row in rows})
    return found
