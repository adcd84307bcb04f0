# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expire install orders, write the metrics for node_exporter, and probe and compare the nodes.

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
from ..install.probe import probe
from ..service.metrics_collector import format_metrics
from ..workflows.node_states import Probe, update_node_states


def run_maintenance(
    site: settings.Settings, textfile: str, now: str, probe_addresses: Probe = probe
) -> None:
    """Do what is due, with the database account of the service.

    textfile  file for node_exporter's textfile collector; empty: no metrics are written
    now       UTC, as in the database
    """
    with connect(site.service or site.database) as database:
        orders.expire(database, now=now)
        if textfile:
            replace(textfile, format_metrics(database, now).decode(), mode=0o644)
            # node_exporter exports the age of the file, which must grow only when this fails.
            os.utime(textfile)
        update_node_states(database, site, now, probe_addresses)


def main(argv: Sequence[str]) -> int:
    """Return 1 after printing the error when the database or the folder is not available."""
    site = settings.load()
    try:
        run_maintenance(site, "".join(argv[:1]), timestamps.now())
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
