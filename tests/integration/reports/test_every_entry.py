# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The daemons' own checkers accept every report, whatever was accepted when it was entered."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from typing import Callable

from hypothesis import HealthCheck, given, settings

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from support import reports
from support.entries import Entry, sequences

NAMES = [report.name for report in REPORTS]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequences())
def test_every_checker_accepts_the_reports_of_every_accepted_entry(
    sqlite_template: Callable[[], pathlib.Path], entries: list[Entry]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copyfile(sqlite_template(), folder / "cluster.sqlite")
        with connect(f"sqlite://{folder}/cluster.sqlite") as database:
            for entry in entries:
                entry.enter(database)
            reports.write(database, reports.settings(folder, *NAMES), dry_run=True)
