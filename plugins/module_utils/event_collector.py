# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One call for many nodes that tells of each as it happens, turned into one result: for modules,
and the actions of their names."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Generator, Mapping, Optional, Sequence

from .errors import RocksError

Environment = Mapping[str, str]
Work = Callable[
    [Mapping[str, Any], Sequence[str], bool, Optional[Environment]], Generator[Any, None, None]
]


def collect(
    work: Work,
    result_of: Callable[[Sequence[Any]], dict[str, Any]],
    options: Mapping[str, Any],
    names: Sequence[str],
    *,
    check_mode: bool,
    environment: Optional[Environment] = None,
    show: Callable[[Any], None] = lambda _news: None,
) -> dict[str, Any]:
    """Do the work, ``show`` its news as they come, and give the result of all of them.

    An error fails the result and keeps what came before it. Whatever else ends this, an interrupt
    too, lets the work put its things in order first.
    """
    told: list[Any] = []
    try:
        with contextlib.closing(work(options, names, check_mode, environment)) as coming:
            for news in coming:
                told.append(news)
                show(news)
    except RocksError as error:
        return {**result_of(told), "failed": True, "msg": str(error)}
    return result_of(told)
