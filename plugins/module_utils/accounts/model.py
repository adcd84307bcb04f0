# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values of accounts: which IDs are published, the rows, the paths, and a result.

Only users and groups of people are published, by their number.  The others belong to an operating
system; their meaning differs from machine to machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple

from ..errors import RocksError

# login.defs starts at 1000. Debian assigns 60000 to 64999 to packages, systemd 61184 to 65519 to
# services; 65534 is nobody, and the two highest numbers mean nobody and -1.
ACCOUNT_IDS = (range(1000, 60000), range(65536, 2**32 - 2))
# The only group of an operating system that has the same number everywhere: "users".
USERS_GROUP = 100


def is_account_id(number: int) -> bool:
    """Whether a uid or gid belongs to a person's account, and not to an operating system."""
    return any(number in numbers for numbers in ACCOUNT_IDS)


class Accounts(NamedTuple):
    """Rows of passwd(5), group(5) and shadow(5), each sorted by number and name."""

    passwd: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccountPaths:
    """The files of a publication."""

    etc: str = "/etc"
    """The folder of passwd, group and shadow."""
    bundle: str = "/var/lib/rocks/accounts/bundle"
    """The file that nodes fetch.  Only root and the web server should have access to its folder."""
    key: str = "/etc/rocks/accounts.key"
    """The private key that signs bundles."""


@dataclass(frozen=True)
class PublishResult:
    """The result of a publication."""

    changed: bool
    version: int
    """The version that nodes can fetch now."""
    public_key: str
    """PEM; empty in a dry run without a key."""
    before: Accounts
    after: Accounts
    faults: tuple[RocksError, ...] = ()
    """Of the rows that were left out, or whose user was locked."""

    def to_data(self) -> dict[str, object]:
        """Return the module's return values; they contain names and no passwords."""
        return {
            "version": self.version,
            "public_key": self.public_key,
            "users": len(self.after.passwd),
            "groups": len(self.after.group),
            "faults": [str(fault) for fault in self.faults],
            **self.changes(),
        }

    def diff(self) -> dict[str, str]:
        """Return the names before and after, for Ansible's diff mode."""
        return {"before": _name_lines(self.before), "after": _name_lines(self.after)}

    def changes(self) -> dict[str, list[str]]:
        """Return the names of added, removed and modified users and groups."""
        old = _rows_by_name(self.before)
        new = _rows_by_name(self.after)
        return {
            "added": sorted(set(new) - set(old)),
            "removed": sorted(set(old) - set(new)),
            "modified": sorted(name for name in set(old) & set(new) if old[name] != new[name]),
        }


def _name_lines(accounts: Accounts) -> str:
    return "".join(f"{name}\n" for name in sorted(_rows_by_name(accounts)))


def _rows_by_name(accounts: Accounts) -> Mapping[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for rows in accounts:
        for row in rows:
            by_name.setdefault(row.partition(":")[0], []).append(row)
    return by_name
