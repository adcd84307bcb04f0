# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect all errors of one input, so that a user can correct them together."""

from __future__ import annotations

from types import TracebackType
from typing import Iterable, Optional

from ..errors import RocksError, combine


class Faults:
    """The errors of one input, each with its line or item."""

    def __init__(self, errors: Iterable[RocksError] = ()) -> None:
        self.errors = list(errors)

    def add(self, where: str, error: RocksError) -> None:
        """Add an error; ``where`` is put before the place that the error names itself."""
        place = ": ".join(filter(None, (where, error.where)))
        self.errors.append(type(error)(error.what, place, error.hint))

    def at(self, where: str) -> _Collector:
        """Use in a ``with`` statement: add the RocksError of the block, and continue after it."""
        return _Collector(self, where)

    def raise_all(self) -> None:
        """Raise one error that lists all of them, if there are any."""
        if self.errors:
            raise combine(self.errors)


class _Collector:
    # Not a generator: mypy must know that code after the block runs although the block failed.
    def __init__(self, faults: Faults, where: str) -> None:
        self._faults = faults
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _type: Optional[type[BaseException]],
        error: Optional[BaseException],
        _traceback: Optional[TracebackType],
    ) -> bool:
        if isinstance(error, RocksError):
            self._faults.add(self._where, error)
            return True
        return False
