# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The progress of a long step is written as lines of text."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Progress
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.progress_log import (
    format_progress,
    periodic_reporter,
)

HALF = Progress(
    step="packages",
    source="updates",
    current="Packages/bash-5.1.8-9.el9.x86_64.rpm",
    files=1500,
    files_total=3000,
    bytes=340_000_000,
    bytes_total=1_200_000_000,
    rate=85e6,
)


def test_a_line_contains_files_bytes_rate_and_current_file() -> None:
    assert format_progress(HALF) == (
        'packages of source "updates", 1,500 of 3,000 files, 340.0 of 1,200.0 MB, 85.0 MB/s, '
        "Packages/bash-5.1.8-9.el9.x86_64.rpm"
    )


def test_unknown_totals_are_left_out() -> None:
    event = Progress(step="waiting for another run", source="updates", current="/srv/.cache/lock")
    assert format_progress(event) == 'waiting for another run of source "updates", /srv/.cache/lock'


def test_a_new_step_is_written_at_once_and_its_progress_at_intervals() -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0])
    lines: list[str] = []
    report = periodic_reporter(5, lines.append, now=lambda: next(clock))
    metadata = HALF._replace(step="metadata")
    for event in (metadata, metadata._replace(files=1), metadata._replace(files=2), HALF):
        report(event)
    assert lines == [
        format_progress(metadata),
        format_progress(metadata._replace(files=2)),
        format_progress(HALF),
    ]
