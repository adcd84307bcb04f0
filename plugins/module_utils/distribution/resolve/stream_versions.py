# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the version of a module stream: the newest, unless a pin or a rule of a source decides."""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple, Sequence

from ...errors import Conflict
from ..metadata.module_documents import ModuleDocument
from ..model import Package
from .module_streams import full_nevra, list_some, package_names
from .rules import ResolutionRules, choose_winner, matches_pin, unsuitable_because

SOURCE_SUFFIXES = (".src", ".nosrc")


class Version(NamedTuple):
    """All builds of one version of a stream, which are current together."""

    number: int
    documents: list[ModuleDocument]
    artifacts: frozenset[str]
    """NEVRAs of binary packages."""
    existing: frozenset[str]
    """Those that a source has."""
    available: frozenset[str]
    """Those that a source contributes."""

    @property
    def missing_names(self) -> set[str]:
        """Names of packages that the sources have and no source contributes."""
        return package_names(self.existing - self.available) - package_names(self.available)

    @property
    def has_packages(self) -> bool:
        return bool(self.available) or not self.artifacts


class Outcome(NamedTuple):
    """The decision about one stream."""

    chosen: Sequence[Version]
    reasons: Mapping[int, str]
    """Version -> reason why it was not chosen."""
    remarks: Sequence[str]


def binary_artifacts(documents: Iterable[ModuleDocument]) -> frozenset[str]:
    return frozenset(
        artifact
        for document in documents
        for artifact in document.artifacts
        if not artifact.endswith(SOURCE_SUFFIXES)
    )


class StreamPackages:
    """The packages of the listed artifacts, and what the rules say about them."""

    def __init__(
        self, packages: Iterable[Package], listed: frozenset[str], rules: ResolutionRules
    ) -> None:
        self.rules = rules
        names = package_names(listed)
        self._by_nevra: dict[str, list[Package]] = {}
        sources: dict[str, set[str]] = {}
        for package in packages:
            if package.name not in names:
                continue
            if full_nevra(package) in listed:
                self._by_nevra.setdefault(full_nevra(package), []).append(package)
            if not unsuitable_because(package, rules):
                sources.setdefault(package.name, set()).add(package.source)
        self._available = {
            nevra
            for nevra, candidates in self._by_nevra.items()
            if not all(unsuitable_because(package, rules) for package in candidates)
        }
        self._winners = {
            name: winner
            for name, found_in in sources.items()
            if (winner := choose_winner(name, found_in, rules))
        }

    def versions(self, documents: Sequence[ModuleDocument]) -> list[Version]:
        """Return the versions of a stream, the newest first."""
        by_number: dict[int, list[ModuleDocument]] = {}
        for document in documents:
            by_number.setdefault(document.version, []).append(document)
        return [
            self._version(number, by_number[number]) for number in sorted(by_number, reverse=True)
        ]

    def _version(self, number: int, documents: list[ModuleDocument]) -> Version:
        artifacts = binary_artifacts(documents)
        return Version(
            number=number,
            documents=documents,
            artifacts=artifacts,
            existing=artifacts & self._by_nevra.keys(),
            available=artifacts & self._available,
        )

    def lost_to(self, version: Version) -> tuple[str, str]:
        """Return the name that another source wins and that source; empty when there is none.

        dnf hides all packages outside of a stream that have the name of one in it.
        """
        for name in sorted(package_names(version.artifacts) & self._winners.keys()):
            winner = self._winners[name]
            own = [nevra for nevra in version.available if nevra.rsplit("-", 2)[0] == name]
            if not any(
                package.source == winner for nevra in own for package in self._by_nevra[nevra]
            ):
                return name, winner
        return "", ""

    def pinned_names(self, version: Version) -> dict[str, bool]:
        """Return the names with a pin in a version, and whether it has them in that version."""
        results: dict[str, bool] = {}
        for nevra in version.available:
            for package in self._by_nevra[nevra]:
                pin = self.rules.policy.pins.get(package.name)
                if pin is not None:
                    is_match = matches_pin(package.evr, pin)
                    results[package.name] = results.get(package.name, False) or is_match
        return results


def choose_version(
    label: str, versions: Sequence[Version], stream_packages: StreamPackages
) -> Outcome:
    """Choose a version of a stream, or several with ``versions: all``.

    versions  the newest first

    Raises Conflict when pins of two packages select different versions.
    """
    reasons: dict[int, str] = {}
    remarks: list[str] = []
    candidates = []
    for version in versions:
        name, winner = stream_packages.lost_to(version)
        if winner:
            reasons[version.number] = (
                f'of the module stream {label}: source "{winner}" wins the name {name}'
            )
        else:
            candidates.append(version)
    if versions and not candidates and any(version.available for version in versions):
        remarks.append(
            f"the module stream {label} was left out, because dnf would hide the packages behind"
            f" it: {reasons[versions[0].number].partition(': ')[2]}"
        )
    candidates = _apply_pins(label, candidates, stream_packages, reasons)
    if stream_packages.rules.policy.versions == "all":
        chosen = [version for version in candidates if version.has_packages]
    else:
        chosen = _newest_without_loss(label, candidates, reasons, remarks)
    if not chosen and candidates and not any(version.existing for version in versions):
        chosen = [candidates[0]]  # as in the sources, dnf lists it and can install nothing
    for version in chosen:
        if version.missing_names:
            remarks.append(
                f"the module stream {label} lacks packages that its sources leave out:"
                f" {list_some(version.missing_names)}"
            )
    return Outcome(chosen, reasons, remarks)


def _apply_pins(
    label: str,
    versions: Sequence[Version],
    stream_packages: StreamPackages,
    reasons: dict[int, str],
) -> list[Version]:
    """Keep the versions that match the pins.  A stream in which no version does is not pinned."""
    pinned = {version.number: stream_packages.pinned_names(version) for version in versions}
    names = {name for results in pinned.values() for name, is_match in results.items() if is_match}
    if not names:
        return list(versions)
    matching = [
        version
        for version in versions
        if all(pinned[version.number].get(name, False) for name in names)
    ]
    if not matching:
        raise Conflict(
            f"the pins of {list_some(names)} select different builds of the module stream {label}",
            hint="pin versions of one build",
        )
    for version in versions:
        if version not in matching:
            reasons[version.number] = (
                f"of another build of the module stream {label} than the pin of {list_some(names)}"
            )
    return matching


def _newest_without_loss(
    label: str, versions: Sequence[Version], reasons: dict[int, str], remarks: list[str]
) -> list[Version]:
    """Return the newest version that has packages and loses none which an older one has.

    A source that includes one package of a newer build, or excludes one, must not break a stream.
    """
    for position, version in enumerate(versions):
        older_names = {
            name for older in versions[position + 1 :] for name in package_names(older.available)
        }
        lost = version.missing_names & older_names
        if version.has_packages and not lost:
            return [version]
        if lost:
            reasons[version.number] = (
                f"of a build of the module stream {label} from which its source leaves out"
                f" {list_some(lost)}"
            )
        if version.available:
            remarks.append(
                f"an older build of the module stream {label} stays, because source"
                f' "{version.documents[0].source}" leaves packages of the newer one out:'
                f" {list_some(lost)}; include or exclude all of its packages"
            )
        elif version.artifacts and not version.existing and older_names:
            remarks.append(
                f"an older build of the module stream {label} stays, because no source has the"
                f" packages of build {version.number}"
            )
    return []
