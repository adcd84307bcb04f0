# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the requirements of the chosen packages, and the package list of each profile."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ..metadata import capabilities
from ..metadata.compression import decompress_frame
from ..metadata.index import CAPABILITIES, FILELISTS, PRIMARY, PublishedGeneration
from ..metadata.normalise import escape_xml, xml_head, xml_tail
from ..metadata.slices import slice_primary
from ..model import Distribution
from ..resolve import dependencies
from .auxiliary_metadata import GROUP, Documents
from .cache import BuildCache
from .composer import ComposedShard, Composition
from .profile_hook import CompiledProfile, CompiledProfiles

MAX_LISTED = 20
"""Requirements that an error lists."""
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")


class FileOwners:
    """Finds the shard that contains a file.  Results are cached by the digest of the shard."""

    def __init__(
        self,
        composition: Composition,
        cache: BuildCache,
        published: Optional[PublishedGeneration],
    ) -> None:
        self._shards = composition.shards
        digests = {composed.shard.content_digest for composed in self._shards.values()}
        self._owners = {
            path: digest for path, digest in cache.file_owners.items() if digest in digests
        }
        self._missing = {path for path, digest in cache.file_owners.items() if not digest}
        self._searched = _cached_digests(cache, published)
        """Digests of the shards that were searched for the missing files by earlier builds."""

    def to_cache(self) -> dict[str, str]:
        """Return the results for the cache of this build."""
        return {**dict.fromkeys(self._missing, ""), **self._owners}

    def __call__(self, paths: Iterable[str]) -> Iterable[str]:
        """Return the paths that are files of a package.

        The common paths are in primary.xml; only the others need the large file lists.
        """
        requested = set(paths)
        for kind in (PRIMARY, FILELISTS):
            for composed in self._shards.values():
                digest = composed.shard.content_digest
                missing = self._missing if digest in self._searched else ()
                unresolved = {
                    path for path in requested if path not in self._owners and path not in missing
                }
                if unresolved and kind in composed.frames:
                    self._search(unresolved, decompress_frame(composed.frames[kind]), digest)
        self._missing |= requested - self._owners.keys()
        self._missing -= self._owners.keys()
        return requested & self._owners.keys()

    def shards_with(self, path: str) -> list[int]:
        """Return the numbers of the shards whose file lists contain a path; at most one digest."""
        if not list(self([path])):
            return []
        return [
            number
            for number, composed in self._shards.items()
            if composed.shard.content_digest == self._owners[path] and FILELISTS in composed.frames
        ]

    def _search(self, paths: Iterable[str], xml: bytes, digest: str) -> None:
        by_text = {escape_xml(path).encode(): path for path in paths}
        self._owners.update(
            {by_text[text]: digest for text in by_text.keys() & set(_FILE.findall(xml))}
        )


def _cached_digests(cache: BuildCache, published: Optional[PublishedGeneration]) -> frozenset[str]:
    """Return the shards that the cached search has read: those of the generation of that build."""
    if published is None or published.index.identity != cache.generation:
        return frozenset()
    return frozenset(shard.content_digest for shard in published.index.shards.values())


class PackageRequest(NamedTuple):
    """The origin of one entry in the package lists of profiles."""

    locations: frozenset[str]
    """file:line of each element that has the entry."""
    roots: frozenset[str]
    """Graph roots whose profiles contain it."""

    def __str__(self) -> str:
        return ", ".join(sorted(self.locations)) or f"%packages of {', '.join(sorted(self.roots))}"


PackageRequests = Mapping[str, PackageRequest]


def collect_requests(profiles: Iterable[CompiledProfile]) -> dict[str, PackageRequest]:
    """Merge the package lists of all profiles: entry -> its origin."""
    requests: dict[str, PackageRequest] = {}
    for profile in profiles:
        for entry, locations in profile.packages.items():
            request = requests.get(entry, PackageRequest(frozenset(), frozenset()))
            requests[entry] = PackageRequest(
                request.locations.union(locations), request.roots | {profile.root}
            )
    return requests


def check_dependencies(
    distribution: Distribution,
    composition: Composition,
    compiled: CompiledProfiles,
    documents: Documents,
    file_owners: FileOwners,
) -> list[str]:
    """Return what is missing, one line each, if the distribution only warns.

    Raises DescriptionError that lists what is missing and what requires it, depending on
    ``distribution.closure``.
    """
    if distribution.closure == "off":
        return []
    entries = {
        number: capabilities.decode_entries(decompress_frame(composed.frames[CAPABILITIES]))
        for number, composed in composition.shards.items()
        if composed.shard.packages
    }
    all_entries = capabilities.merge_entries(entries.values())
    providers = dependencies.ProviderIndex(all_entries.provides, file_owners)
    unsatisfied = dependencies.find_unsatisfied(
        providers, all_entries.requires, distribution.allowed_unmet
    )
    check = _Check(
        composed_shards=composition.shards,
        requests=collect_requests(compiled.profiles.values()),
        group_file=documents.contents.get(GROUP, b""),
        providers=providers,
        unsatisfied=unsatisfied,
        file_owners=file_owners,
    )
    faults = _profile_faults(check)
    platforms = _incomplete_platforms(compiled, providers)
    if platforms.all_incomplete:
        faults += platforms.lines
    if distribution.closure != "profiles" and unsatisfied:
        requiring = [
            composition.shards[number]
            for number, shard_entries in entries.items()
            if not shard_entries.requires.isdisjoint(unsatisfied[:MAX_LISTED])
        ]
        faults += _unsatisfied_faults(unsatisfied, requiring)
    if faults and distribution.closure != "warn":
        raise DescriptionError(
            "\n".join(["some requirements are not met", *faults]),
            f'distribution "{distribution.name}"',
            "add a source that provides them, exclude the packages that require them, "
            "or list the capabilities under open",
        )
    return faults if platforms.all_incomplete else [*faults, *platforms.lines]


class _Platforms(NamedTuple):
    """The kinds of machines that cannot be installed, because a package of theirs is missing."""

    lines: list[str]
    all_incomplete: bool


def _incomplete_platforms(
    compiled: CompiledProfiles, providers: dependencies.ProviderIndex
) -> _Platforms:
    """Look for the packages that the installer adds on each kind of machine.

    A site needs those of its own machines only, so it is an error if no kind is complete.
    """
    required: dict[str, set[str]] = {}
    for profile in compiled.profiles.values():
        for platform, packages in profile.platforms.items():
            required.setdefault(platform, set()).update(packages)
    missing = {
        platform: sorted(dependencies.invalid_entries(packages, providers, {}))
        for platform, packages in sorted(required.items())
    }
    lines = [
        f"no machine with {platform} can be installed: the installer adds {', '.join(names)},"
        " which the distribution does not have"
        for platform, names in missing.items()
        if names
    ]
    return _Platforms(lines, bool(missing) and all(missing.values()))


class _Check(NamedTuple):
    composed_shards: Mapping[int, ComposedShard]
    requests: PackageRequests
    group_file: bytes
    providers: dependencies.ProviderIndex
    unsatisfied: Sequence[bytes]
    file_owners: FileOwners


def _unsatisfied_faults(
    unsatisfied: Sequence[bytes], composed_shards: Iterable[ComposedShard]
) -> Iterator[str]:
    """Describe the first unsatisfied requirements with their packages, and count the others."""
    packages = ((nevra, xml) for _name, nevra, xml in _packages(composed_shards))
    for requirement in dependencies.find_requiring(unsatisfied[:MAX_LISTED], packages):
        yield f"nothing provides {requirement}"
    if len(unsatisfied) > MAX_LISTED:
        yield f"and {len(unsatisfied) - MAX_LISTED} more requirements are not met"


def _profile_faults(check: _Check) -> list[str]:
    """Describe the entries of package lists that the installer cannot install."""
    if not check.requests:
        return []
    # Imported here because lxml takes 15 ms to load and not every build has profiles.
    from ..metadata.comps import read_groups

    groups = read_groups(check.group_file, "the group file")
    invalid = dependencies.invalid_entries(check.requests, check.providers, groups)
    faults = [(check.requests[entry], f"{entry} {fault}") for entry, fault in invalid.items()]
    if check.unsatisfied:
        faults += _uninstallable_entries(check, groups)
    return [
        f"{request}: {fault} (for {', '.join(sorted(request.roots))})" for request, fault in faults
    ]


def _uninstallable_entries(
    check: _Check, groups: dependencies.Groups
) -> Iterator[tuple[PackageRequest, str]]:
    """Yield entries that name a package without an installable version, and the reason."""
    candidates = [
        dependencies.read_candidate(nevra, name, xml)
        for name, nevra, xml in _packages(check.composed_shards.values())
    ]
    reasons = dependencies.find_uninstallable(candidates, check.unsatisfied, check.file_owners)
    nevras_by_name: dict[str, list[str]] = {}
    for candidate in candidates:
        nevras_by_name.setdefault(candidate.name, []).append(candidate.nevra)
    for entry, request in sorted(check.requests.items()):
        for package in dependencies.expand_groups([entry], groups):
            nevras = nevras_by_name.get(package, [])
            if nevras and all(nevra in reasons for nevra in nevras):
                yield request, f"{package} cannot be installed: {reasons[nevras[-1]]}"


def _packages(composed_shards: Iterable[ComposedShard]) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, NEVRA and XML of every package."""
    for composed in composed_shards:
        if PRIMARY not in composed.frames:
            continue
        xml = decompress_frame(composed.frames[PRIMARY])
        document = b"".join((xml_head(PRIMARY, 0), xml, xml_tail(PRIMARY)))
        sliced = slice_primary(document, "", PRIMARY)
        for package in sliced.packages:
            yield (
                package.name,
                package.nevra,
                sliced.package_xml(package.checksum, package.location),
            )
