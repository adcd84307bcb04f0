# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run one call for many nodes, pass on its events, and build one result of them.

For modules, and for the action plugins of the same names.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Generator, Mapping, Optional, Sequence

from .errors import RocksError

Environment = Mapping[str, str]
Work = Callable[
    [Mapping[str, Any], Sequence[str], bool, Optional[Environment]], Generator[Any, None, None]
]
"""Called with options, names of nodes, check_mode and environment; yields events."""


def collect(
    work: Work,
    result_of: Callable[[Sequence[Any]], dict[str, Any]],
    options: Mapping[str, Any],
    names: Sequence[str],
    *,
    check_mode: bool,
    environment: Optional[Environment] = None,
    show: Callable[[Any], None] = lambda _event: None,
) -> dict[str, Any]:
    """Run ``work``, pass each event to ``show``, and return ``result_of`` all events.

    After a RocksError, the result contains the earlier events and has ``failed``.  However the run
    ends, also by KeyboardInterrupt, the generator is closed first, so that ``work`` can clean up.
    """
    events: list[Any] = []
    try:
        with contextlib.closing(work(options, names, check_mode, environment)) as generator:
            for event in generator:
                events.append(event)
                show(event)
    except RocksError as error:
        return {**result_of(events), "failed": True, "msg": str(error)}
    return result_of(events)
