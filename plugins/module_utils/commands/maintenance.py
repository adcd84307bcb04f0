# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is due although no machine asks: a timer runs this every minute, on one frontend.

``python -m ansible_collections.npaci.rocks.plugins.module_utils.commands.maintenance [TEXTFILE]`` ends the orders whose time is
over, and writes the metrics where node_exporter's textfile collector reads them, when it is told where.
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
from ..service import prometheus_format
from ..service.api.metrics import measured


def go_round(url: str, textfile: str, now: str) -> None:
    """One round, as the account of the database's URL.  An empty ``textfile``: none is written."""
    with connect(url) as database:
        orders.expire(database, now=now)
        if textfile:
            replace(textfile, prometheus_format.text(measured(database)), mode=0o644)
            os.utime(textfile)  # node_exporter tells how old it is, also when nothing changed


def main(arguments: Sequence[str]) -> None:
    """Leaves with status 1, and the reason on standard error, when the database or the textfile's folder is not there."""
    site = settings.load()
    try:
        go_round(site.service or site.database, "".join(arguments[:1]), timestamps.now())
    except RocksError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(sys.argv[1:])
