# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages that an installation from a distribution can install, for comparing two generations.

Where one package of the distribution meets a requirement, the installation contains that package.
Where several do, the installer chooses, and all of them are in the set with their own requirements.
The set therefore contains every installed package, and the installer's choice is the same for equal
sets: no other package takes part in it.

Rules as in libsolv: recommended packages are installed, and supplements as soon as their condition
holds.  Of a package in several architectures, the one of the nodes' own is installed.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Callable, Iterable, Iterator, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ..metadata import rich_dependencies
from ..metadata.capabilities import Capability, parse_entry, satisfies, section_entries
from ..metadata.rich_dependencies import Dependency
from .dependencies import Groups, expand_groups

FindFileOwners = Callable[[str], Iterable[str]]
"""Returns the checksums of the packages with this path; for paths outside of the packages' XML."""
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")
NOARCH = "noarch"
RPM_FEATURE = "rpmlib("


class Candidate(NamedTuple):
    """A package of the distribution.  A NamedTuple, because a distribution has 20,000."""

    name: str
    arch: str
    nevra: str
    checksum: str
    xml: bytes


class Universe:
    """The packages of a distribution by what they provide."""

    def __init__(
        self, packages: Sequence[Candidate], arch: str, find_file_owners: FindFileOwners
    ) -> None:
        self.packages = packages
        self._native = {arch, NOARCH}
        self._find_file_owners = find_file_owners
        self._by_checksum = {package.checksum: n for n, package in enumerate(packages)}
        self.by_name: dict[str, list[int]] = {}
        self._provides: dict[str, list[tuple[Capability, int]]] = {}
        self._files: dict[str, list[int]] = {}
        self._providers: dict[Capability, tuple[int, ...]] = {}
        parsed: dict[bytes, Capability] = {}
        for number, package in enumerate(packages):
            self.by_name.setdefault(package.name, []).append(number)
            for entry in section_entries(package.xml, b"provides"):
                capability = parsed.get(entry) or parsed.setdefault(entry, parse_entry(entry))
                self._provides.setdefault(capability.name, []).append((capability, number))
            for path in _FILE.findall(package.xml):
                self._files.setdefault(path.decode("utf-8", "replace"), []).append(number)

    def providers(self, required: Capability) -> tuple[int, ...]:
        """Return the packages that provide a capability, sorted."""
        if required not in self._providers:
            numbers = {
                number
                for provided, number in self._provides.get(required.name, ())
                if satisfies(provided, required)
            }
            if required.name.startswith("/"):
                numbers.update(self._owners(required.name))
            self._providers[required] = tuple(sorted(numbers))
        return self._providers[required]

    def named(self, pattern: str) -> tuple[int, ...]:
        """Return the packages that an entry of %packages selects: a name, a glob, a capability."""
        names = [pattern]
        if set(pattern) & set("*?["):
            names = fnmatch.filter(self.by_name, pattern)
        numbers = [number for name in names for number in self.by_name.get(name, ())]
        if numbers:
            return tuple(sorted(numbers))
        stem, _dot, arch = pattern.rpartition(".")
        exact = [n for n in self.by_name.get(stem, ()) if self.packages[n].arch == arch]
        return tuple(exact) or self.providers(Capability(pattern))

    def requirements(self, number: int, kind: bytes) -> Iterator[Dependency]:
        """Yield the dependencies of a kind, such as ``requires``."""
        for entry in section_entries(self.packages[number].xml, kind):
            capability = parse_entry(entry)
            if capability.name.startswith("("):
                try:
                    yield rich_dependencies.parse_rich(capability.name)
                except DescriptionError:
                    continue  # the check of the dependencies reports it
            elif not capability.name.startswith(RPM_FEATURE):
                yield capability

    def without_twins(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Leave out packages that are among the others for the nodes' own architecture."""
        everything = list(numbers)
        native = {self.packages[n].name for n in everything if self._is_native(n)}
        return tuple(
            n for n in everything if self._is_native(n) or self.packages[n].name not in native
        )

    def _is_native(self, number: int) -> bool:
        return self.packages[number].arch in self._native

    def _owners(self, path: str) -> Iterable[int]:
        if path in self._files:
            return self._files[path]
        return (self._by_checksum[checksum] for checksum in self._find_file_owners(path))


def find_install_set(
    universe: Universe, entries: Iterable[str], groups: Groups, optional: Iterable[str] = ()
) -> list[Candidate]:
    """Return the packages that an installation of these entries can install, sorted by NEVRA.

    entries   as in %packages; ``-name`` excludes a package
    optional  packages that the installer adds if the distribution has them
    """
    entries = list(entries)
    excluded = {entry[1:] for entry in entries if entry.startswith("-")}
    excluded -= {name for name in excluded if name.startswith("@")}
    selection = _Selection(universe, excluded)
    for name in expand_groups(entries, groups):
        selection.install(universe.named(name))
        selection.add_obsoleting(name)
    for name in optional:
        selection.install(universe.by_name.get(name, ()))
    selection.complete()
    return sorted((universe.packages[n] for n in selection.all()), key=lambda row: row.nevra)


class _Selection:
    """The growing set: first what is installed in any case, then what the installer can choose."""

    def __init__(self, universe: Universe, excluded: set[str]) -> None:
        self._universe = universe
        self._excluded = {n for name in excluded for n in universe.by_name.get(name, ())}
        self._certain: set[int] = set()
        self._possible: set[int] = set()
        self._deferred: list[tuple[int, ...]] = []
        self._weak: list[Dependency] = []
        """Boolean requirements and recommendations: they never make a package certain."""
        self._obsoleting: dict[str, list[int]] = {}
        for number, package in enumerate(universe.packages):
            if b"<rpm:obsoletes>" in package.xml:
                for entry in section_entries(package.xml, b"obsoletes"):
                    self._obsoleting.setdefault(parse_entry(entry).name, []).append(number)
        self._supplements = [
            (number, supplement)
            for number, package in enumerate(universe.packages)
            if b"<rpm:supplements>" in package.xml
            for supplement in universe.requirements(number, b"supplements")
        ]

    def all(self) -> set[int]:
        return self._certain | self._possible

    def install(self, candidates: Iterable[int]) -> None:
        """Add what an entry selects: a package, or one of several."""
        self._deferred.append(self._usable(candidates))
        self._settle()

    def add_obsoleting(self, name: str) -> None:
        """Add the packages that replace the package of an entry."""
        self._deferred += [(number,) for number in self._obsoleting.get(name, ())]

    def complete(self) -> None:
        """Add what the installer can choose, until nothing is missing."""
        pending: list[Dependency] = []
        while True:
            before = len(self.all())
            for candidates in self._take_deferred():
                self._allow(candidates)
            pending += self._weak
            self._weak = []
            for dependency in pending:
                for capability in self._needed(dependency):
                    self._allow(self._usable(self._universe.providers(capability)))
            for number, supplement in self._supplements:
                if number not in self._possible and self._holds(supplement):
                    self._allow(self._usable((number,)))
            if len(self.all()) == before and not self._weak and not self._deferred:
                return

    def _take_deferred(self) -> list[tuple[int, ...]]:
        deferred = self._deferred
        self._deferred = []
        return deferred

    def _settle(self) -> None:
        """Make the only candidate of a requirement certain, and follow its requirements."""
        waiting = self._take_deferred()
        while waiting:
            candidates = waiting.pop()
            if not self._certain.isdisjoint(candidates):
                continue
            choices = self._universe.without_twins(candidates)
            if len(choices) != 1:
                self._deferred.append(candidates)
                continue
            self._certain.update(choices)
            waiting += self._follow(choices[0])

    def _allow(self, candidates: tuple[int, ...]) -> None:
        """Add every candidate, unless a package that is installed in any case is among them."""
        waiting = [candidates]
        while waiting:
            candidates = waiting.pop()
            if not self._certain.isdisjoint(candidates):
                continue
            for number in self._universe.without_twins(candidates):
                if number not in self._possible:
                    self._possible.add(number)
                    waiting += self._follow(number)

    def _follow(self, number: int) -> list[tuple[int, ...]]:
        """Return the candidates of each plain requirement, and keep the other dependencies."""
        followed = []
        for dependency in self._universe.requirements(number, b"requires"):
            if isinstance(dependency, Capability):
                followed.append(self._usable(self._universe.providers(dependency)))
            else:
                self._weak.append(dependency)
        self._weak += self._universe.requirements(number, b"recommends")
        return followed

    def _usable(self, candidates: Iterable[int]) -> tuple[int, ...]:
        return tuple(number for number in candidates if number not in self._excluded)

    def _needed(self, dependency: Optional[Dependency]) -> Iterator[Capability]:
        """Yield the capabilities that a dependency can add, while the set is as it is."""
        if isinstance(dependency, Capability):
            yield dependency
        elif dependency:
            if dependency.operator != "if" or self._holds(dependency.right):
                yield from self._needed(dependency.left)
            if dependency.operator in ("and", "or", "with"):
                yield from self._needed(dependency.right)
            yield from self._needed(dependency.otherwise)

    def _holds(self, dependency: Dependency) -> bool:
        def is_met(capability: Capability) -> bool:
            return any(
                number in self._certain or number in self._possible
                for number in self._universe.providers(capability)
            )

        return rich_dependencies.is_satisfiable(dependency, is_met)
