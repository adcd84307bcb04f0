# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the rolls of a search path."""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, Sequence

from ..errors import DescriptionError, NotFound, RocksError
from ..suggestions import suggest
from ..xml_folders import ROLL
from .model import Roll
from .reader import read_roll


class Catalog(NamedTuple):
    rolls: Mapping[str, Roll]
    errors: Mapping[str, RocksError]
    """Name of a folder -> the fault of its roll.yml."""
    hidden: Mapping[str, Roll]
    """Name -> the roll of an earlier folder, which one of the same name replaces."""

    def find(self, name: str, where: str) -> Roll:
        """Return a roll.  Raises NotFound, or the fault of its roll.yml."""
        if name in self.errors:
            raise self.errors[name]
        if name not in self.rolls:
            raise NotFound(f'unknown roll "{name}"', where, suggest(name, self.rolls))
        return self.rolls[name]


def read_catalog(folders: Sequence[str]) -> Catalog:
    """Return the rolls in these folders.  A roll of a later folder replaces one of its name.

    A folder that does not exist has no rolls.  A faulty roll is an error only where it is used.
    """
    rolls: dict[str, Roll] = {}
    errors: dict[str, RocksError] = {}
    hidden: dict[str, Roll] = {}
    for folder in folders:
        for name in _roll_names(folder):
            if name in rolls:
                hidden[name] = rolls.pop(name)
            errors.pop(name, None)
            try:
                rolls[name] = read_roll(os.path.join(folder, name))
            except (DescriptionError, NotFound) as error:
                errors[name] = error
    return Catalog({name: rolls[name] for name in sorted(rolls)}, errors, hidden)


def _roll_names(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted(
        name
        for name in os.listdir(folder)
        if not name.startswith(".") and os.path.exists(os.path.join(folder, name, ROLL))
    )
