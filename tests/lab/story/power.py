# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults of a frontend: a stopped service and a power failure; and its journal after them."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Iterator

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from support.namespaces import Network
from support.waiting import until

from ..evidence import CONTAINER
from .frontend import Frontend

AWAY_SECONDS = 60.0
RESTART_SECONDS = 180.0


@contextlib.contextmanager
def away(fe: Frontend, unit: str) -> Iterator[None]:
    """Stop this service of the frontend until the block ends."""
    fe.run("systemctl", "stop", unit)
    try:
        yield
    finally:
        fe.run("systemctl", "start", unit)


def wait_a_minute(since: float) -> None:
    """Wait until a minute after that time (``time.monotonic``)."""
    until(lambda: time.monotonic() >= since + AWAY_SECONDS, 2 * AWAY_SECONDS, "a minute to pass")


def restart(net: Network, fe: Frontend) -> Frontend:
    """Cut the frontend's power and start it again: the same machine without its memory."""
    environment = {"RUN": str(fe.folder), "NETNS": net.server.name}
    process.run([str(CONTAINER), "restart"], timeout=RESTART_SECONDS, env=environment)
    return _running(fe)


@contextlib.contextmanager
def witness(fe: Frontend) -> Iterator[None]:
    """If the block fails, write the frontend's journal next to its console."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, RocksError):
            (fe.folder / "journal.log").write_text(_running(fe).run("journalctl", "--no-pager"))
        raise


def _running(fe: Frontend) -> Frontend:
    return replace(fe, leader=int((fe.folder / "leader").read_text()))
