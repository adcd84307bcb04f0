# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write reports from the cluster database without Ansible.

    write-reports [NAME...]

Without a name, all reports that rocks.yml lists.  Units run this before a daemon starts, and after
nodes have reported their hardware.
"""

from __future__ import annotations

import sys
from typing import Any, Sequence

from ..errors import RocksError
from ..workflows.site_reports import write_site_reports


def main(argv: Sequence[str]) -> int:
    """Return 1 after printing the error when a report cannot be written; the others are."""
    params: dict[str, Any] = {"name": list(argv) or None, "options": {}, "database": None}
    try:
        result = write_site_reports(params, dry_run=False, notify=_print_line)
    except RocksError as error:
        _print_line(str(error))
        return 1
    for line in result["warnings"]:
        _print_line(f"warning: {line}")
    if "failed" in result:
        _print_line(result["msg"])
    return int("failed" in result)


def _print_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
