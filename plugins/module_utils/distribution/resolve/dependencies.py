# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is everything met?  Of all packages together, and of what a profile installs.

A requirement is met when some package of the distribution provides it, as ``dnf repoclosure`` has it.  A package can
be installed when each of its requirements has a provider that can be installed; conflicts between packages are the
installer's to find.
"""

from __future__ import annotations

import fnmatch
import re
from typing import AbstractSet, Callable, Iterable, Mapping, NamedTuple, Sequence

from ..metadata import rich_dependencies
from ..metadata.capabilities import (
    Capability,
    Entries,
    entry_name,
    extract_entries,
    parse_entry,
    satisfies,
)

# Tells which of some absolute paths are files of a package.
FindOwned = Callable[[Iterable[str]], Iterable[str]]
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")


class UnmetRequirement(NamedTuple):
    """A capability that nothing provides, and who asks for it."""

    capability: str
    required_by: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.required_by[:5])
        more = f" and {len(self.required_by) - 5} more" if len(self.required_by) > 5 else ""
        return f"{self.capability}, which {shown}{more} {'needs' if len(self.required_by) == 1 else 'need'}"


class ProviderIndex:
    """What a distribution provides."""

    def __init__(self, provides: AbstractSet[bytes], owns: FindOwned) -> None:
        self.provides, self._owns = provides, owns
        self._versions: dict[str, list[Capability]] = {}
        self._entries: dict[bytes, list[bytes]] = {}
        for name, entry in zip(map(entry_name, provides), provides):
            self._entries.setdefault(name, []).append(entry)
        self._paths: dict[str, bool] = {}

    @property
    def names(self) -> Iterable[str]:
        """The names of everything provided."""
        return (name.decode("utf-8", "replace") for name in self._entries)

    def has_name(self, name: str) -> bool:
        """Whether anything provides the name, in whatever version, or is a file of that path."""
        return name.encode() in self._entries or (name.startswith("/") and self._owned(name))

    def has_capability(self, wanted: Capability) -> bool:
        """Whether anything provides the capability."""
        if not wanted.flags or not self.has_name(wanted.name):
            return self.has_name(wanted.name)
        if wanted.name not in self._versions:
            self._versions[wanted.name] = [
                parse_entry(entry) for entry in self._entries.get(wanted.name.encode(), ())
            ]
        return any(satisfies(provided, wanted) for provided in self._versions[wanted.name])

    def can_meet(self, requirement: Capability) -> bool:
        """Whether the requirement can be met; it may be a boolean dependency."""
        if requirement.name.startswith("("):
            return rich_dependencies.is_satisfiable(
                rich_dependencies.parse_rich(requirement.name), self.has_capability
            )
        return self.has_capability(requirement)

    def find_paths(self, paths: Iterable[str]) -> None:
        """Find out about many paths at once, as ``has`` will ask for them."""
        unknown = [
            path for path in paths if path.encode() not in self._entries and path not in self._paths
        ]
        found = set(self._owns(unknown)) if unknown else set()
        self._paths.update({path: path in found for path in unknown})

    def _owned(self, path: str) -> bool:
        self.find_paths([path])
        return self._paths.get(path, False)


def find_unsatisfied(
    supply: ProviderIndex, requires: AbstractSet[bytes], accepted: Sequence[str] = ()
) -> list[bytes]:
    """The requirements, as they stand in the XML, that nothing provides, sorted.

    accepted  globs on capabilities that may stay unmet
    """
    # What is provided in the very words in which it is asked for is met, and that is a third of it.
    capabilities = {entry: parse_entry(entry) for entry in requires - supply.provides}
    supply.find_paths(
        {wanted.name for wanted in capabilities.values() if wanted.name.startswith("/")}
    )
    return sorted(
        entry
        for entry, wanted in capabilities.items()
        if not supply.can_meet(wanted)
        and not any(fnmatch.fnmatchcase(str(wanted), glob) for glob in accepted)
    )


def find_requiring(
    missing: Sequence[bytes], packages: Iterable[tuple[str, bytes]]
) -> list[UnmetRequirement]:
    """Who asks for each of the missing requirements.

    packages  NEVRA and XML of every package that may
    """
    seekers: dict[bytes, list[str]] = {entry: [] for entry in missing}
    for nevra, text in packages:
        if any(entry in text for entry in missing):
            for entry in extract_entries(text).requires & seekers.keys():
                seekers[entry].append(nevra)
    return [
        UnmetRequirement(str(parse_entry(entry)), tuple(sorted(seekers[entry])))
        for entry in missing
    ]


class CandidatePackage(NamedTuple):
    """A package as the question of what can be installed sees it."""

    nevra: str
    name: str
    entries: Entries
    files: frozenset[str]


def read_candidate(nevra: str, name: str, text: bytes) -> CandidatePackage:
    """A package, from its XML."""
    files = frozenset(path.decode("utf-8", "replace") for path in _FILE.findall(text))
    return CandidatePackage(nevra, name, extract_entries(text), files)


def find_uninstallable(
    members: Sequence[CandidatePackage], missing: Iterable[bytes], owns: FindOwned
) -> dict[str, str]:
    """The packages that cannot be installed because of what is missing: NEVRA -> why.

    A package is broken when it asks for something missing, or for something that only broken packages provide.

    owns  for the paths that are in no package's XML but only in the file lists
    """
    lacking = set(missing)
    reasons: dict[str, str] = {}
    fresh = _affected(members, lacking, "nothing provides")
    while fresh:
        reasons.update(fresh)
        whole = [one for one in members if one.nevra not in reasons]
        supply = ProviderIndex(
            frozenset().union(*(one.entries.provides for one in whole)),
            _Files(whole, members, owns),
        )
        every = frozenset().union(*(one.entries.requires for one in whole))
        fresh = _affected(
            whole,
            set(find_unsatisfied(supply, every)) - lacking,
            "only packages provide that cannot be installed",
        )
    return reasons


def _affected(members: Iterable[CandidatePackage], lost: set[bytes], why: str) -> dict[str, str]:
    found = {}
    for one in members:
        for entry in sorted(one.entries.requires & lost)[:1]:
            found[one.nevra] = f"{one.nevra} needs {parse_entry(entry)}, which {why}"
    return found


class _Files:
    """Which paths some whole packages own: by their XML, and for paths that no XML names by the file lists."""

    def __init__(
        self,
        whole: Iterable[CandidatePackage],
        members: Iterable[CandidatePackage],
        owns: FindOwned,
    ) -> None:
        self._whole = frozenset().union(*(one.files for one in whole))
        self._known = frozenset().union(*(one.files for one in members))
        self._owns = owns

    def __call__(self, paths: Iterable[str]) -> Iterable[str]:
        asked = set(paths)
        return (asked & self._whole) | set(self._owns(asked - self._known))


Groups = Mapping[str, Sequence[str]]


def invalid_entries(wanted: Iterable[str], supply: ProviderIndex, groups: Groups) -> dict[str, str]:
    """The entries of a package list that name nothing in the distribution, sorted, each with what it is not.

    wanted  as in %packages: ``name``, ``name.arch``, globs, ``@group``, ``@^environment``; ``-name`` is not checked
    """
    faults = {}
    for entry in sorted(set(wanted)):
        if entry.startswith("-"):
            continue
        if entry.startswith("@"):
            if entry[1:] not in groups and f"^{entry[1:]}" not in groups and not _is_module(entry):
                faults[entry] = "is no group of this distribution"
        elif not _names(entry, supply):
            faults[entry] = "is no package of this distribution"
    return faults


def _is_module(entry: str) -> bool:
    """``@name:stream`` enables a module stream."""
    return ":" in entry


def _names(entry: str, supply: ProviderIndex) -> bool:
    if any(sign in entry for sign in "*?["):
        matches = re.compile(fnmatch.translate(entry)).match
        return any(matches(name) for name in supply.names)
    stem, _dot, _arch = entry.rpartition(".")
    return supply.has_name(entry) or (bool(stem) and supply.has_name(stem))


def expand_groups(wanted: Iterable[str], groups: Groups) -> list[str]:
    """The package names that a list stands for: groups and environments are replaced by their members."""
    names: list[str] = []
    seen: set[str] = set()
    waiting = [entry for entry in wanted if not entry.startswith("-")]
    while waiting:
        entry = waiting.pop()
        if entry in seen:
            continue
        seen.add(entry)
        if entry.startswith("@"):
            waiting += groups.get(entry[1:], groups.get(f"^{entry[1:]}", ()))
        else:
            names.append(entry)
    return sorted(names)
