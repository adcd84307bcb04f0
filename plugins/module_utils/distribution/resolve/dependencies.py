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
from ..metadata.capabilities import Capability, Entries, entries, meets, name_of, parse

# Tells which of some absolute paths are files of a package.
Owns = Callable[[Iterable[str]], Iterable[str]]
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")


class Missing(NamedTuple):
    """A capability that nothing provides, and who asks for it."""

    capability: str
    wanted_by: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.wanted_by[:5])
        more = f" and {len(self.wanted_by) - 5} more" if len(self.wanted_by) > 5 else ""
        return f"{self.capability}, which {shown}{more} {'needs' if len(self.wanted_by) == 1 else 'need'}"


class Supply:
    """What a distribution provides."""

    def __init__(self, provides: AbstractSet[bytes], owns: Owns) -> None:
        self.provides, self._owns = provides, owns
        self._versions: dict[str, list[Capability]] = {}
        self._entries: dict[bytes, list[bytes]] = {}
        for name, entry in zip(map(name_of, provides), provides):
            self._entries.setdefault(name, []).append(entry)
        self._paths: dict[str, bool] = {}

    @property
    def names(self) -> Iterable[str]:
        """The names of everything provided."""
        return (name.decode("utf-8", "replace") for name in self._entries)

    def has_name(self, name: str) -> bool:
        """Whether anything provides the name, in whatever version, or is a file of that path."""
        return name.encode() in self._entries or (name.startswith("/") and self._owned(name))

    def has(self, wanted: Capability) -> bool:
        """Whether anything provides the capability."""
        if not wanted.flags or not self.has_name(wanted.name):
            return self.has_name(wanted.name)
        if wanted.name not in self._versions:
            self._versions[wanted.name] = [
                parse(entry) for entry in self._entries.get(wanted.name.encode(), ())
            ]
        return any(meets(provided, wanted) for provided in self._versions[wanted.name])

    def meets(self, requirement: Capability) -> bool:
        """Whether the requirement can be met; it may be a boolean dependency."""
        if requirement.name.startswith("("):
            return rich_dependencies.satisfiable(
                rich_dependencies.parse(requirement.name), self.has
            )
        return self.has(requirement)

    def look_for(self, paths: Iterable[str]) -> None:
        """Find out about many paths at once, as ``has`` will ask for them."""
        unknown = [
            path for path in paths if path.encode() not in self._entries and path not in self._paths
        ]
        found = set(self._owns(unknown)) if unknown else set()
        self._paths.update({path: path in found for path in unknown})

    def _owned(self, path: str) -> bool:
        self.look_for([path])
        return self._paths.get(path, False)


def unmet(
    supply: Supply, requires: AbstractSet[bytes], accepted: Sequence[str] = ()
) -> list[bytes]:
    """The requirements, as they stand in the XML, that nothing provides, sorted.

    accepted  globs on capabilities that may stay unmet
    """
    # What is provided in the very words in which it is asked for is met, and that is a third of it.
    capabilities = {entry: parse(entry) for entry in requires - supply.provides}
    supply.look_for(
        {wanted.name for wanted in capabilities.values() if wanted.name.startswith("/")}
    )
    return sorted(
        entry
        for entry, wanted in capabilities.items()
        if not supply.meets(wanted)
        and not any(fnmatch.fnmatchcase(str(wanted), glob) for glob in accepted)
    )


def wanting(missing: Sequence[bytes], packages: Iterable[tuple[str, bytes]]) -> list[Missing]:
    """Who asks for each of the missing requirements.

    packages  NEVRA and XML of every package that may
    """
    seekers: dict[bytes, list[str]] = {entry: [] for entry in missing}
    for nevra, text in packages:
        if any(entry in text for entry in missing):
            for entry in entries(text).requires & seekers.keys():
                seekers[entry].append(nevra)
    return [Missing(str(parse(entry)), tuple(sorted(seekers[entry]))) for entry in missing]


class Member(NamedTuple):
    """A package as the question of what can be installed sees it."""

    nevra: str
    name: str
    entries: Entries
    files: frozenset[str]


def member(nevra: str, name: str, text: bytes) -> Member:
    """A package, from its XML."""
    files = frozenset(path.decode("utf-8", "replace") for path in _FILE.findall(text))
    return Member(nevra, name, entries(text), files)


def broken(members: Sequence[Member], missing: Iterable[bytes], owns: Owns) -> dict[str, str]:
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
        supply = Supply(
            frozenset().union(*(one.entries.provides for one in whole)),
            _Files(whole, members, owns),
        )
        every = frozenset().union(*(one.entries.requires for one in whole))
        fresh = _affected(
            whole,
            set(unmet(supply, every)) - lacking,
            "only packages provide that cannot be installed",
        )
    return reasons


def _affected(members: Iterable[Member], lost: set[bytes], why: str) -> dict[str, str]:
    found = {}
    for one in members:
        for entry in sorted(one.entries.requires & lost)[:1]:
            found[one.nevra] = f"{one.nevra} needs {parse(entry)}, which {why}"
    return found


class _Files:
    """Which paths some whole packages own: by their XML, and for paths that no XML names by the file lists."""

    def __init__(self, whole: Iterable[Member], members: Iterable[Member], owns: Owns) -> None:
        self._whole = frozenset().union(*(one.files for one in whole))
        self._known = frozenset().union(*(one.files for one in members))
        self._owns = owns

    def __call__(self, paths: Iterable[str]) -> Iterable[str]:
        asked = set(paths)
        return (asked & self._whole) | set(self._owns(asked - self._known))


Groups = Mapping[str, Sequence[str]]


def list_faults(wanted: Iterable[str], supply: Supply, groups: Groups) -> dict[str, str]:
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


def _names(entry: str, supply: Supply) -> bool:
    if any(sign in entry for sign in "*?["):
        matches = re.compile(fnmatch.translate(entry)).match
        return any(matches(name) for name in supply.names)
    stem, _dot, _arch = entry.rpartition(".")
    return supply.has_name(entry) or (bool(stem) and supply.has_name(stem))


def members_of(wanted: Iterable[str], groups: Groups) -> list[str]:
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
