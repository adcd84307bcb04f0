# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write reports from the cluster database without Ansible.

    write-reports [NAME...]

Without a name, all reports that rocks.yml lists.  Units run this before a daemon starts, and after
nodes have reported their hardware.
"""

from __future__ import annotations

import sys
from typing import Sequence

from .. import settings
from ..cluster.connections import connect_as_admin
from ..errors import RocksError
from ..reports.write import write_reports


def main(argv: Sequence[str]) -> int:
    """Return 1 after printing the error when a report cannot be written."""
    try:
        with connect_as_admin(None) as database:
            write_reports(database, settings.load(), list(argv) or None)
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
