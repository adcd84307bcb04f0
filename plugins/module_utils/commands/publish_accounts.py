# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publish the frontend's users and groups, now and after each change, and notify the nodes.

    publish-accounts [--network SUBNET] [--no-passwords]

The unit rocks-accounts.service runs this; it does not end.
"""

from __future__ import annotations

import argparse
import sys
from typing import Sequence

from ..accounts.model import AccountPaths
from ..accounts.watcher import watch_accounts


def main(argv: Sequence[str]) -> None:
    """Publish until the process is stopped, and print what was published."""
    parser = argparse.ArgumentParser(prog="publish-accounts", description="Publish the accounts.")
    parser.add_argument(
        "--network", action="append", default=[], help="notify the nodes of this network"
    )
    parser.add_argument(
        "--no-passwords", action="store_true", help="publish accounts without password hashes"
    )
    options = parser.parse_args(argv)
    passwords = not options.no_passwords
    for message in watch_accounts(AccountPaths(), options.network, passwords=passwords):
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
