# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can go wrong, cut by what the caller does next.

A subclass exists only because some code catches it. The message is made where the facts are; it is printed by a
module, by an action plugin or by the HTTP face, and nowhere else.
"""

from __future__ import annotations

from typing import Sequence


class RocksError(Exception):
    """What is wrong, where it stands, and what to do about it.  Raised only through its subclasses.

    what   one statement in the reader's words, with the offending value in quotes
    where  file:line, row, MAC or address; empty when there is no such place
    hint   what to do
    """

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        # All three reach Exception, so that the error survives pickle and copy.
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.where, self.advice)))

    @property
    def advice(self) -> str:
        """What is wrong and what to do, for who has said already where."""
        return self.what + (f"; {self.hint}" if self.hint else "")


class DescriptionError(RocksError):
    """The administrator's XML, YAML, SQL, option or source is wrong.  Nothing was changed."""


class NotFound(RocksError):
    """A node, root, distribution or attribute of that name does not exist."""


class Refused(RocksError):
    """A rule forbids it: no live order, a frontend, a switch, the order of another node."""


class Conflict(RocksError):
    """Two claims on one name, MAC or address; or a compare-and-set that lost."""


class Unavailable(RocksError):
    """A database, mirror, daemon or BMC does not answer now; the same call may succeed later."""


class CommandError(RocksError):
    """A program failed, was not found, or ran out of time."""


def combine(errors: Sequence[RocksError], where: str = "") -> RocksError:
    """All faults of one input as one error, in the given order; a single one stays as it is.

    The class is that of all of them, or DescriptionError when they differ.
    """
    if len(errors) == 1 and not where:
        return errors[0]
    kinds = {type(error) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else DescriptionError
    lines = "".join(f"\n  {error}" for error in errors)
    return kind(f"{len(errors)} fault{'s' * (len(errors) > 1)}, nothing was changed:{lines}", where)
