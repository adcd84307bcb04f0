# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens to a frontend: a service goes away, its power goes; and what it says about that afterwards."""

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

AWAY_SECONDS, RESTART_SECONDS = 60.0, 180.0


@contextlib.contextmanager
def away(fe: Frontend, unit: str) -> Iterator[None]:
    """The frontend without this service, until the block ends."""
    fe.run("systemctl", "stop", unit)
    try:
        yield
    finally:
        fe.run("systemctl", "start", unit)


def wait_a_minute(since: float) -> None:
    """Until a minute from that moment (``time.monotonic``) is over."""
    until(lambda: time.monotonic() >= since + AWAY_SECONDS, 2 * AWAY_SECONDS, "a minute to pass")


def restart(net: Network, fe: Frontend) -> Frontend:
    """The frontend's power is cut, and it starts again: the same machine, all of its memory gone."""
    environment = {"RUN": str(fe.folder), "NETNS": net.server.name}
    process.run([str(CONTAINER), "restart"], timeout=RESTART_SECONDS, env=environment)
    return _running(fe)


@contextlib.contextmanager
def witness(fe: Frontend) -> Iterator[None]:
    """When the block fails, the frontend's journal is kept beside its console."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, RocksError):
            (fe.folder / "journal.log").write_text(_running(fe).run("journalctl", "--no-pager"))
        raise


def _running(fe: Frontend) -> Frontend:
    return replace(fe, leader=int((fe.folder / "leader").read_text()))
