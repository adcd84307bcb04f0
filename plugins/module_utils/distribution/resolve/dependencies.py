# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check requirements: of all packages together, and of the packages that a profile installs.

A requirement is met when a package of the distribution provides it, as in ``dnf repoclosure``.  A
package can be installed when each of its requirements has an installable provider.  Conflicts
between packages are left to the installer.
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

# Returns those of some absolute paths that are files of a package.
FindOwned = Callable[[Iterable[str]], Iterable[str]]
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")
SHOWN_PACKAGES = 5


class UnmetRequirement(NamedTuple):
    """A capability that no package provides, and the packages that require it."""

    capability: str
    required_by: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.required_by[:SHOWN_PACKAGES])
        others = len(self.required_by) - SHOWN_PACKAGES
        more = f" and {others} more" if others > 0 else ""
        verb = "needs" if len(self.required_by) == 1 else "need"
        return f"{self.capability}, which {shown}{more} {verb}"


class ProviderIndex:
    """The capabilities and files that a distribution provides."""

    def __init__(self, provides: AbstractSet[bytes], find_owned: FindOwned) -> None:
        self.provides = provides
        self._find_owned = find_owned
        self._versions: dict[str, list[Capability]] = {}
        self._entries: dict[bytes, list[bytes]] = {}
        for name, entry in zip(map(entry_name, provides), provides):
            self._entries.setdefault(name, []).append(entry)
        self._paths: dict[str, bool] = {}

    @property
    def names(self) -> Iterable[str]:
        """The names of all capabilities."""
        return (name.decode("utf-8", "replace") for name in self._entries)

    def has_name(self, name: str) -> bool:
        """Return whether a package provides the name in any version, or has a file of this path."""
        return name.encode() in self._entries or (name.startswith("/") and self._has_file(name))

    def has_capability(self, required: Capability) -> bool:
        """Return whether a package provides the capability."""
        if not required.flags or not self.has_name(required.name):
            return self.has_name(required.name)
        if required.name not in self._versions:
            self._versions[required.name] = [
                parse_entry(entry) for entry in self._entries.get(required.name.encode(), ())
            ]
        return any(satisfies(provided, required) for provided in self._versions[required.name])

    def can_meet(self, requirement: Capability) -> bool:
        """Return whether the requirement can be met; it can be a boolean dependency."""
        if requirement.name.startswith("("):
            return rich_dependencies.is_satisfiable(
                rich_dependencies.parse_rich(requirement.name), self.has_capability
            )
        return self.has_capability(requirement)

    def find_paths(self, paths: Iterable[str]) -> None:
        """Look up many paths at once, and remember the results for ``has_name``."""
        unresolved = [
            path for path in paths if path.encode() not in self._entries and path not in self._paths
        ]
        owned = set(self._find_owned(unresolved)) if unresolved else set()
        self._paths.update({path: path in owned for path in unresolved})

    def _has_file(self, path: str) -> bool:
        self.find_paths([path])
        return self._paths.get(path, False)


def find_unsatisfied(
    providers: ProviderIndex, requires: AbstractSet[bytes], accepted: Sequence[str] = ()
) -> list[bytes]:
    """Return the requirements that no package provides, as written in the XML, sorted.

    accepted  globs on capabilities that may remain unmet
    """
    # A third of the requirements is provided in exactly the same form.
    capabilities = {entry: parse_entry(entry) for entry in requires - providers.provides}
    providers.find_paths(
        {required.name for required in capabilities.values() if required.name.startswith("/")}
    )
    return sorted(
        entry
        for entry, required in capabilities.items()
        if not providers.can_meet(required)
        and not any(fnmatch.fnmatchcase(str(required), glob) for glob in accepted)
    )


def find_requiring(
    missing: Sequence[bytes], packages: Iterable[tuple[str, bytes]]
) -> list[UnmetRequirement]:
    """Find the packages that need each of the missing requirements.

    packages  NEVRA and XML of all packages
    """
    requiring: dict[bytes, list[str]] = {entry: [] for entry in missing}
    for nevra, text in packages:
        if any(entry in text for entry in missing):
            for entry in extract_entries(text).requires & requiring.keys():
                requiring[entry].append(nevra)
    return [
        UnmetRequirement(str(parse_entry(entry)), tuple(sorted(requiring[entry])))
        for entry in missing
    ]


class CandidatePackage(NamedTuple):
    """A package in the check of what can be installed."""

    nevra: str
    name: str
    entries: Entries
    files: frozenset[str]


def read_candidate(nevra: str, name: str, text: bytes) -> CandidatePackage:
    """Read a package from its XML."""
    files = frozenset(path.decode("utf-8", "replace") for path in _FILE.findall(text))
    return CandidatePackage(nevra, name, extract_entries(text), files)


def find_uninstallable(
    packages: Sequence[CandidatePackage], missing: Iterable[bytes], find_owned: FindOwned
) -> dict[str, str]:
    """Return the packages that cannot be installed: NEVRA -> reason.

    A package cannot be installed when it needs something that is missing, or that only
    uninstallable packages provide.

    find_owned  for paths that occur only in the file lists, not in the packages' XML
    """
    missing = set(missing)
    reasons: dict[str, str] = {}
    new_reasons = _explain(packages, missing, "nothing provides")
    while new_reasons:
        reasons.update(new_reasons)
        installable = [package for package in packages if package.nevra not in reasons]
        providers = ProviderIndex(
            frozenset().union(*(package.entries.provides for package in installable)),
            _FileOwners(installable, packages, find_owned),
        )
        requires = frozenset().union(*(package.entries.requires for package in installable))
        new_reasons = _explain(
            installable,
            set(find_unsatisfied(providers, requires)) - missing,
            "only uninstallable packages provide",
        )
    return reasons


def _explain(
    packages: Iterable[CandidatePackage], unmet: set[bytes], condition: str
) -> dict[str, str]:
    """Return a reason for each package that needs an unmet requirement."""
    reasons = {}
    for package in packages:
        for entry in sorted(package.entries.requires & unmet)[:1]:
            reasons[package.nevra] = (
                f"{package.nevra} needs {parse_entry(entry)}, which {condition}"
            )
    return reasons


class _FileOwners:
    """A FindOwned for the installable ones of some packages."""

    def __init__(
        self,
        installable: Iterable[CandidatePackage],
        packages: Iterable[CandidatePackage],
        find_owned: FindOwned,
    ) -> None:
        self._installable_files = frozenset().union(*(package.files for package in installable))
        self._all_files = frozenset().union(*(package.files for package in packages))
        self._find_owned = find_owned

    def __call__(self, paths: Iterable[str]) -> Iterable[str]:
        requested = set(paths)
        in_file_lists = set(self._find_owned(requested - self._all_files))
        return (requested & self._installable_files) | in_file_lists


Groups = Mapping[str, Sequence[str]]


def invalid_entries(
    entries: Iterable[str], providers: ProviderIndex, groups: Groups
) -> dict[str, str]:
    """Return the entries of a package list that the distribution lacks, sorted, with the reason.

    entries  as in %packages: ``name``, ``name.arch``, globs, ``@group``, ``@^environment``;
             ``-name`` is not checked
    """
    reasons = {}
    for entry in sorted(set(entries)):
        if entry.startswith("-"):
            continue
        if entry.startswith("@"):
            if entry[1:] not in groups and f"^{entry[1:]}" not in groups and not _is_module(entry):
                reasons[entry] = "is not a group of this distribution"
        elif not _is_provided(entry, providers):
            reasons[entry] = "is not a package of this distribution"
    return reasons


def _is_module(entry: str) -> bool:
    """Return whether the entry enables a module stream: ``@name:stream``."""
    return ":" in entry


def _is_provided(entry: str, providers: ProviderIndex) -> bool:
    if any(sign in entry for sign in "*?["):
        matches = re.compile(fnmatch.translate(entry)).match
        return any(matches(name) for name in providers.names)
    stem, _dot, _arch = entry.rpartition(".")
    return providers.has_name(entry) or (bool(stem) and providers.has_name(stem))


def expand_groups(entries: Iterable[str], groups: Groups) -> list[str]:
    """Return the package names in a package list, with groups and environments expanded."""
    names: list[str] = []
    seen: set[str] = set()
    pending = [entry for entry in entries if not entry.startswith("-")]
    while pending:
        entry = pending.pop()
        if entry in seen:
            continue
        seen.add(entry)
        if entry.startswith("@"):
            pending += groups.get(entry[1:], groups.get(f"^{entry[1:]}", ()))
        else:
            names.append(entry)
    return sorted(names)
