# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the bundle holds, where everything lies, and what a publication changed.

An account is a user or group whose number is in the range of people.  All others belong to an operating system: what
they mean differs from machine to machine, so that they are neither published nor taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple

# login.defs begins with 1000.  Debian gives 60000 to 64999 to its packages, systemd 61184 to 65519 to services;
# 65534 is nobody, and the two highest numbers stand for nobody and for -1.
PEOPLE = (range(1000, 60000), range(65536, 2**32 - 2))
# "users" is the one group of an operating system that has its number everywhere.
USERS_GROUP = 100


def is_of_people(number: int) -> bool:
    """Whether a uid or gid belongs to an account, and not to an operating system."""
    return any(number in numbers for numbers in PEOPLE)


class Accounts(NamedTuple):
    """Rows as in passwd(5), group(5) and shadow(5), each sorted by number and name."""

    passwd: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where the accounts are read, and where what follows from them lies.

    etc     the folder of passwd, group and shadow
    bundle  the file that nodes take; its folder is only for root and the web server
    key     the private key that bundles are signed with
    """

    etc: str = "/etc"
    bundle: str = "/var/lib/rocks/accounts/bundle"
    key: str = "/etc/rocks/accounts.key"


@dataclass(frozen=True)
class Outcome:
    """What a publication did: the version that nodes can take now, and the accounts before and after it."""

    changed: bool
    version: int
    public_key: str
    before: Accounts
    after: Accounts

    def to_data(self) -> dict[str, object]:
        """For a module's result; names only, no password."""
        return {
            "version": self.version,
            "public_key": self.public_key,
            "users": len(self.after.passwd),
            "groups": len(self.after.group),
            **self.differences(),
        }

    def names(self) -> dict[str, str]:
        """Who was published and who is, for a module's diff."""
        old, new = (
            "".join(f"{name}\n" for name in sorted(_by_name(some)))
            for some in (self.before, self.after)
        )
        return {"before": old, "after": new}

    def differences(self) -> dict[str, list[str]]:
        """The names of the users and groups that came, went, or are not what they were."""
        old, new = _by_name(self.before), _by_name(self.after)
        return {
            "added": sorted(set(new) - set(old)),
            "removed": sorted(set(old) - set(new)),
            "modified": sorted(name for name in set(old) & set(new) if old[name] != new[name]),
        }


def _by_name(accounts: Accounts) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rows in accounts:
        for row in rows:
            found.setdefault(row.partition(":")[0], []).append(row)
    return found
