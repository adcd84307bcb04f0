# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the accounts whenever they change; the frontend's service rocks-accounts runs this.

The three files are polled once a second.  inotify would lose changes that happen while a bundle is
written.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Iterator, Optional, Sequence

from ..errors import Conflict, RocksError
from .model import AccountPaths, PublishResult
from .notify import broadcast_addresses, notify_nodes
from .publish import SOURCES, publish

POLL_SECONDS = 1.0

FileStates = tuple[tuple[int, int, int], ...]


def watch_accounts(
    paths: AccountPaths,
    networks: Sequence[str] = (),
    *,
    passwords: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Publish now and after each change, without end, and notify the nodes of these networks.

    Yields messages for the log.  An error or the fault of a row is reported once for each change.
    The next attempt follows the next change, or after a Conflict, the next poll.
    """
    addresses = broadcast_addresses(networks)
    last_states: Optional[FileStates] = None
    while True:
        states = _file_states(paths.etc)
        if states != last_states:
            last_states = states
            try:
                result = publish(paths, passwords=passwords)
                for fault in result.faults:
                    yield f"left out: {fault}"
                if result.changed:
                    yield _message(result)
                    notify_nodes(addresses, result.version)
            except Conflict as error:
                last_states = None  # try again at the next poll
                yield str(error)
            except RocksError as error:
                yield str(error)
        sleep(POLL_SECONDS)


def _file_states(etc: str) -> FileStates:
    """Return what differs when a file was changed or replaced; missing files are omitted."""
    paths = (os.path.join(etc, name) for name in SOURCES)
    statuses = (os.stat(path) for path in paths if os.path.exists(path))
    return tuple((status.st_ino, status.st_size, status.st_mtime_ns) for status in statuses)


def _message(result: PublishResult) -> str:
    by_kind = result.changes()
    changes = ", ".join(f"{kind} {' '.join(by_kind[kind])}" for kind in by_kind if by_kind[kind])
    return f"version {result.version}: {changes or 'signed with a new key'}"
