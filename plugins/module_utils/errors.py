# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The errors of the library, one class for each reaction of a caller.

A subclass exists only because some code catches it.  A message is written where the facts are
known, and printed only by a module, an action plugin or the HTTP service.
"""

from __future__ import annotations

from typing import Sequence


class RocksError(Exception):
    """What is wrong, where, and the remedy.  Raised only through its subclasses.

    what   one statement in the reader's words, with the wrong value in quotes
    where  file:line, row, MAC or address; empty when there is no such place
    hint   the remedy, in the imperative
    """

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        # All three reach Exception, so that the error survives pickle and copy.
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.where, self.advice)))

    @property
    def advice(self) -> str:
        """What is wrong and the remedy, for a caller that has already named the place."""
        return self.what + (f"; {self.hint}" if self.hint else "")


class DescriptionError(RocksError):
    """The administrator's XML, YAML, SQL, option or source is wrong.  Nothing was changed."""


class NotFound(RocksError):
    """A node, root, distribution or attribute of that name does not exist."""


class Refused(RocksError):
    """A rule forbids it: no live order, a frontend, a switch, or the order of another node."""


class Conflict(RocksError):
    """Two claims on one name, MAC or address, or a compare-and-set that lost."""


class Unavailable(RocksError):
    """A database, mirror, daemon or BMC does not answer; the same call can succeed later."""


class CommandError(RocksError):
    """A program failed, was not found, or exceeded its time limit."""


def combine(errors: Sequence[RocksError], where: str = "") -> RocksError:
    """Combine all errors of one input into one, in the given order.  A single error stays as it is.

    The result has the class of the errors, or DescriptionError when their classes differ.
    """
    if len(errors) == 1 and not where:
        return errors[0]
    classes = {type(error) for error in errors}
    error_class = classes.pop() if len(classes) == 1 else DescriptionError
    lines = "".join(f"\n  {error}" for error in errors)
    plural = "s" if len(errors) > 1 else ""
    return error_class(f"{len(errors)} error{plural}, nothing was changed:{lines}", where)
