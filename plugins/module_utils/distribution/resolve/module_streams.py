# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types of the choice between builds of module streams."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, AbstractSet, Iterable, Mapping, NamedTuple, Optional, Sequence

from ..model import Package

if TYPE_CHECKING:
    from ..metadata.module_documents import ModuleDocument

MAX_LISTED = 10
"""Names that a remark lists."""


class Membership(NamedTuple):
    """The decision about a package of a module."""

    current: bool
    """Whether the package is in the chosen build of its stream."""
    reason: str


@dataclasses.dataclass(frozen=True)
class Streams:
    """The decision about every package of a module."""

    members: Mapping[str, Membership]
    """NEVRA, with the epoch even if it is 0 -> decision."""
    names: frozenset[str]
    """Names of all members."""

    def membership_of(self, package: Package) -> Optional[Membership]:
        """Return the decision about a package; None when it is not of a module."""
        return self.members.get(full_nevra(package)) if package.name in self.names else None


NO_STREAMS = Streams({}, frozenset())


class ModuleInputs(NamedTuple):
    """The module documents of all sources."""

    documents: Sequence[ModuleDocument] = ()
    """In the order of preference of their sources."""
    skipped: Sequence[ModuleDocument] = ()
    """Documents of sources that leave their modules out."""
    remarks: Sequence[str] = ()
    """Repairs, and the documents that cannot be read."""


NO_MODULES = ModuleInputs()


class ModuleChoice(NamedTuple):
    """The chosen builds."""

    streams: Streams = NO_STREAMS
    text: str = ""
    """The modules.yaml of the distribution."""
    remarks: tuple[str, ...] = ()
    digest: str = ""
    """Digest of all decisions; empty when no package is of a module."""


def full_nevra(package: Package) -> str:
    """Return the NEVRA as in module documents, with the epoch even if it is 0."""
    return f"{package.name}-{package.epoch}:{package.version}-{package.release}.{package.arch}"


def package_names(nevras: Iterable[str]) -> set[str]:
    return {nevra.rsplit("-", 2)[0] for nevra in nevras}


def list_some(names: AbstractSet[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(sorted(names)[:MAX_LISTED]) + more
