# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installations, discovery, logs and the page while machines flood the frontend in every way.

ROCKS_FLOOD_SECONDS is the duration: 60 by default, 3600 for an hour.  The baseline is the same work
without floods.
"""

from __future__ import annotations

import os
import statistics
import sys

from integration.service.conftest import run_stage
from integration.service.under_floods import Figures, measure_under_floods

from support.measure import figure
from support.site import public_folder

SECONDS = float(os.environ.get("ROCKS_FLOOD_SECONDS", "60"))
QUIET_SECONDS = 10.0
LONGEST_SECONDS = 60.0
LOG_MIB = 256.0
MIB = 1024 * 1024


def measure(seconds: float, *, floods: bool) -> Figures:
    with run_stage() as stage, public_folder() as folder:
        return measure_under_floods(stage, folder, seconds, floods=floods)


def main() -> int:
    print(f"floods of all kinds at once, for {SECONDS:.0f} s, on {os.cpu_count()} cores")
    quiet = measure(QUIET_SECONDS, floods=False)
    figures = measure(SECONDS, floods=True)
    within = True
    for what, seconds in figures.seconds.items():
        baseline = (
            f"median {statistics.median(seconds):.2f} s of {len(seconds)}; without floods"
            f" {statistics.median(quiet.seconds[what]):.2f} s"
        )
        within &= figure(f"{what}: longest", max(seconds), "s",
                         limit=LONGEST_SECONDS, baseline=baseline)  # fmt: skip
    for failure in figures.failures[:10]:
        print(f"  {failure}")
    within &= figure("… that failed", len(figures.failures), "", limit=0)
    within &= figure("logs of all nodes", figures.log_bytes / MIB, "MiB", limit=LOG_MIB)
    figure("rows in the audit", figures.audit_rows, "")
    figure("rows in the events of installations", figures.event_rows, "")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
