# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person reads while a mirror runs."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Progress
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.progress_log import (
    format_progress,
    periodic_reporter,
)

HALF = Progress(
    "packages", "updates", "Packages/bash-5.1.8-9.el9.x86_64.rpm", 1500, 3000, 340e6, 1200e6, 85e6
)


def test_a_line_tells_files_bytes_rate_and_what_is_fetched() -> None:
    assert format_progress(HALF) == (
        'packages of source "updates", 1,500 of 3,000 files, 340.0 of 1,200.0 MB, 85.0 MB/s, '
        "Packages/bash-5.1.8-9.el9.x86_64.rpm"
    )


def test_what_is_not_known_is_not_told() -> None:
    event = Progress("waiting for another run", "updates", "/srv/.cache/lock", 0, 0, 0, 0, 0.0)
    assert format_progress(event) == 'waiting for another run of source "updates", /srv/.cache/lock'


def test_a_new_step_is_told_at_once_and_an_old_one_now_and_then() -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0])
    said: list[str] = []
    report = periodic_reporter(5, said.append, now=lambda: next(clock))
    metadata = HALF._replace(step="metadata")
    for event in (metadata, metadata._replace(files=1), metadata._replace(files=2), HALF):
        report(event)
    assert said == [
        format_progress(metadata),
        format_progress(metadata._replace(files=2)),
        format_progress(HALF),
    ]
