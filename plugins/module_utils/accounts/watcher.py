# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the accounts whenever they change: what the frontend runs all the time.

It looks at three files once a second. A watch of the kernel's would lose what changes while a bundle is made.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Iterator, Optional, Sequence

from ..errors import Conflict, RocksError
from .model import Outcome, Place
from .notify import hint, targets
from .publish import SOURCES, publish

SECONDS = 1.0

Marks = tuple[tuple[int, int, int], ...]


def follow(
    place: Place,
    networks: Sequence[str] = (),
    *,
    passwords: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Publish now and after each change, for ever, and tell the nodes of these networks; yields what there is to say.

    What cannot be published is said once, and tried again when somebody has edited it.
    """
    addresses = targets(networks)
    seen: Optional[Marks] = None
    while True:
        marks = _marks(place.etc)
        if marks != seen:
            seen = marks
            try:
                outcome = publish(place, passwords=passwords)
                if outcome.changed:
                    yield _said(outcome)
                    hint(addresses, outcome.version)
            except Conflict as error:
                seen = None  # somebody was in the way; the next turn may succeed
                yield str(error)
            except RocksError as error:
                yield str(error)
        sleep(SECONDS)


def _marks(etc: str) -> Marks:
    """What tells that a file is another one than before; a missing one has none."""
    paths = (os.path.join(etc, name) for name in SOURCES)
    states = (os.stat(path) for path in paths if os.path.exists(path))
    return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in states)


def _said(outcome: Outcome) -> str:
    names = outcome.differences()
    changes = ", ".join(f"{kind} {' '.join(names[kind])}" for kind in names if names[kind])
    return f"version {outcome.version}: {changes or 'signed anew'}"
