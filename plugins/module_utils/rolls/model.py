# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types of rolls, as ``roll.yml`` describes them.  docs/rolls.md documents each field."""

from __future__ import annotations

import dataclasses
import os
from typing import Mapping, NamedTuple, Sequence

from ..xml_folders import ROLL

PACKAGES = "packages.txt"
"""The packages that a roll installs, the releases that have each, and where this is known from."""
README = "README.md"


class RollKey(NamedTuple):
    """A vendor's public key."""

    name: str
    """Name of the file that keeps it."""
    url: str
    fingerprints: tuple[str, ...]
    """Of all primary keys that the file can contain: 40 hexadecimal digits each."""


class RollSource(NamedTuple):
    """A repository.  ``url`` and ``keys`` can contain {release}, {major} and {arch}."""

    name: str
    url: str
    keys: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    """Empty: all releases of the roll."""
    arches: tuple[str, ...] = ()
    arch_names: Mapping[str, str] = {}
    """Architecture -> the vendor's name of it in the URL."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    wins: tuple[str, ...] = ()
    skip_metadata: tuple[str, ...] = ()
    signed: bool = True


class RollProfile(NamedTuple):
    """A profile that tests of the roll compile."""

    root: str
    attributes: Mapping[str, str]
    nodes: tuple[str, ...]
    """Nodes of the graph that the profile must include."""


class Overrides(NamedTuple):
    """What the roll may replace."""

    nodes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """Patterns: packages of the stock that the roll's sources replace, whatever the versions."""


NO_OVERRIDES = Overrides()


@dataclasses.dataclass(frozen=True)
class Roll:
    name: str
    folder: str
    version: str
    description: str
    homepage: str
    releases: tuple[str, ...]
    arches: tuple[str, ...]
    lines: Mapping[str, int] = dataclasses.field(compare=False)
    """Field of roll.yml -> its line."""
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    """Rolls that are on by default with this one."""
    conflicts: tuple[str, ...] = ()
    scheduler: str = ""
    """The scheduler whose default roll this is."""
    repositories: tuple[str, ...] = ()
    """Repositories of the stock, by their names on EL 9, such as CRB."""
    keys: tuple[RollKey, ...] = ()
    sources: tuple[RollSource, ...] = ()
    overrides: Overrides = NO_OVERRIDES
    profiles: tuple[RollProfile, ...] = ()

    def where(self, field: str = "name") -> str:
        """Return file and line of a field, for errors."""
        return f"{os.path.join(self.folder, ROLL)}:{self.lines.get(field, 1)}"

    def supports(self, release: str, arch: str) -> bool:
        return release in self.releases and arch in self.arches


class ActiveRoll(NamedTuple):
    roll: Roll
    reason: str
    """Why it is on."""


class Selection(NamedTuple):
    """The rolls of a distribution, and what they add.  The order is that of their layers."""

    active: Sequence[ActiveRoll]
    sources: Sequence[Mapping[str, object]]
    """In the form of the option ``sources`` of rocks_dist; gpg_keys contains names of keys."""
    keys: Sequence[RollKey]
    repositories: Sequence[str]
    xml: Sequence[str]
    """The folders of the rolls, which are layers of graph and node files."""
