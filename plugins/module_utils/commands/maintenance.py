# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expire install orders, and write the metrics for node_exporter.

    maintenance [TEXTFILE]

A timer runs this every minute on one frontend.
"""

from __future__ import annotations

import os
import sys
from typing import Sequence

from .. import settings
from ..cluster.database import connect
from ..errors import RocksError
from ..files import replace
from ..install import orders, timestamps
from ..service.metrics_collector import format_metrics


def run_maintenance(url: str, textfile: str, now: str) -> None:
    """Do what is due, with the database account of ``url``.

    textfile  file for node_exporter's textfile collector; empty: no metrics are written
    now       UTC, as in the database
    """
    with connect(url) as database:
        orders.expire(database, now=now)
        if textfile:
            replace(textfile, format_metrics(database).decode(), mode=0o644)
            # node_exporter exports the age of the file, which must grow only when this fails.
            os.utime(textfile)


def main(argv: Sequence[str]) -> int:
    """Return 1 after printing the error when the database or the folder is not available."""
    site = settings.load()
    try:
        run_maintenance(site.service or site.database, "".join(argv[:1]), timestamps.now())
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
