"""Floods from nodes fill no disk, and stop no installation, no discovery and no page.

`make bench` does the same for longer (tests/benchmarks/bench_floods.py).
"""

from __future__ import annotations

import time

from ansible_collections.npaci.rocks.plugins.module_utils.commands.store_logs import LIMITS
from support.site import public_folder

from .conftest import Stage
from .under_floods import STRANGERS, measure_under_floods

SECONDS = 5.0
SENDERS = STRANGERS + 3


def test_all_floods_at_once(stage: Stage) -> None:
    started = time.monotonic()
    with public_folder() as folder:
        figures = measure_under_floods(stage, folder, SECONDS)
    seconds = time.monotonic() - started
    assert figures.failures == []
    assert 0 < figures.log_bytes <= SENDERS * (LIMITS.burst + seconds * LIMITS.per_second)
