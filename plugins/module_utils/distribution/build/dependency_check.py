# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks a composed distribution before it is built: the whole, and the package list of each profile."""

from __future__ import annotations

import re
from typing import Collection, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ...errors import DescriptionError
from ..metadata import capabilities
from ..metadata.compression import decompress_frame
from ..metadata.index import CAPABILITIES, FILELISTS, PRIMARY
from ..metadata.normalise import escape_xml, xml_head, xml_tail
from ..metadata.slices import slice_primary
from ..model import Distribution
from ..resolve import dependencies
from .composer import ComposedShard
from .profile_hook import CompiledProfile

SHOWN = 20
_FILE = re.compile(rb"<file[^>]*>([^<]+)</file>")


class FileOwners:
    """Which shard has a file: found once, and remembered from build to build under the digest of the shard's content.

    known     path -> content digest of a shard that has it, or empty: no shard had it
    searched  content digests of the shards in which the latter were looked for
    """

    def __init__(
        self,
        pieces: Mapping[int, ComposedShard],
        known: Mapping[str, str],
        searched: Collection[str],
    ) -> None:
        there = {piece.shard.content_digest for piece in pieces.values()}
        self._pieces = pieces
        self._found = {path: content for path, content in known.items() if content in there}
        self._absent = {path for path, content in known.items() if not content}
        self._searched = searched

    @property
    def known(self) -> dict[str, str]:
        """What was found out, for the next build."""
        return {**dict.fromkeys(self._absent, ""), **self._found}

    def __call__(self, paths: Iterable[str]) -> Iterable[str]:
        """Those of the paths that are files of a package: first by what primary tells, then by the file lists."""
        asked = set(paths)
        for kind in (PRIMARY, FILELISTS):
            for piece in self._pieces.values():
                known = self._absent if piece.shard.content_digest in self._searched else ()
                left = {path for path in asked if path not in self._found and path not in known}
                if left and kind in piece.frames:
                    self._search(
                        left, decompress_frame(piece.frames[kind]), piece.shard.content_digest
                    )
        self._absent |= asked - self._found.keys()
        self._absent -= self._found.keys()
        return asked & self._found.keys()

    def _search(self, paths: Iterable[str], text: bytes, content: str) -> None:
        written = {escape_xml(path).encode(): path for path in paths}
        self._found.update(
            {written[path]: content for path in written.keys() & set(_FILE.findall(text))}
        )


class PackageRequest(NamedTuple):
    """An entry of the package lists: the file:line of each element that asks for it, and the roots that come there."""

    places: frozenset[str]
    roots: frozenset[str]

    def __str__(self) -> str:
        return ", ".join(sorted(self.places)) or f"%packages of {', '.join(sorted(self.roots))}"


PackageRequests = Mapping[str, PackageRequest]


def collect_requests(profiles: Iterable[CompiledProfile]) -> dict[str, PackageRequest]:
    """What the profiles ask for, all together: entry of a package list -> who asks for it."""
    found: dict[str, PackageRequest] = {}
    for profile in profiles:
        for entry, places in profile.packages.items():
            known = found.get(entry, PackageRequest(frozenset(), frozenset()))
            found[entry] = PackageRequest(known.places.union(places), known.roots | {profile.root})
    return found


def check(
    distribution: Distribution,
    pieces: Mapping[int, ComposedShard],
    asked: PackageRequests,
    groups: bytes,
    paths: FileOwners,
) -> list[str]:
    """What is not met, as remarks.

    asked   what the profiles ask for
    groups  the group file

    Raises DescriptionError that lists what is missing and who asks for it, unless the distribution only warns.
    """
    if distribution.closure == "off":
        return []
    found = {
        number: capabilities.decode_entries(decompress_frame(piece.frames[CAPABILITIES]))
        for number, piece in pieces.items()
        if piece.shard.packages
    }
    every = capabilities.merge_entries(found.values())
    supply = dependencies.ProviderIndex(every.provides, paths)
    missing = dependencies.find_unsatisfied(supply, every.requires, distribution.allowed_unmet)
    faults = _profile_faults(_Check(pieces, supply, missing, paths), asked, groups)
    if distribution.closure != "profiles" and missing:
        seekers = [
            pieces[number]
            for number, some in found.items()
            if not some.requires.isdisjoint(missing[:SHOWN])
        ]
        faults += _unmet_faults(missing, seekers)
    if faults and distribution.closure != "warn":
        raise DescriptionError(
            "\n".join(["its packages need what it does not have", *faults]),
            f'distribution "{distribution.name}"',
            "add a source that has it, exclude who needs it, or say which capabilities may stay open",
        )
    return faults


def _unmet_faults(missing: Sequence[bytes], seekers: Iterable[ComposedShard]) -> Iterator[str]:
    """The first of the missing requirements with who has them, and how many there are more."""
    for one in dependencies.find_requiring(
        missing[:SHOWN], ((nevra, text) for _name, nevra, text in _packages(seekers))
    ):
        yield f"nothing provides {one}"
    if len(missing) > SHOWN:
        yield f"and {len(missing) - SHOWN} more requirements are not met"


class _Check(NamedTuple):
    """A distribution, and what it lacks."""

    pieces: Mapping[int, ComposedShard]
    supply: dependencies.ProviderIndex
    missing: Sequence[bytes]
    paths: FileOwners


def _profile_faults(question: _Check, asked: PackageRequests, groups: bytes) -> list[str]:
    if not asked:
        return []
    from ..metadata import comps  # here, for its parser

    meanings = comps.read_groups(groups, "the group file")
    faults = dependencies.invalid_entries(asked, question.supply, meanings)
    told = [(asked[entry], f"{entry} {fault}") for entry, fault in faults.items()]
    if question.missing:
        told += _broken(question, asked, meanings)
    return [f"{wish}: {fault} (for {', '.join(sorted(wish.roots))})" for wish, fault in told]


def _broken(
    question: _Check, asked: PackageRequests, meanings: dependencies.Groups
) -> Iterator[tuple[PackageRequest, str]]:
    """The entries that stand for a package of which no version can be installed, each with why."""
    members = [
        dependencies.read_candidate(nevra, name, text)
        for name, nevra, text in _packages(question.pieces.values())
    ]
    reasons = dependencies.find_uninstallable(members, question.missing, question.paths)
    by_name: dict[str, list[str]] = {}
    for one in members:
        by_name.setdefault(one.name, []).append(one.nevra)
    for entry, wish in sorted(asked.items()):
        for package in dependencies.expand_groups([entry], meanings):
            nevras = by_name.get(package, [])
            if nevras and all(nevra in reasons for nevra in nevras):
                yield wish, f"{package} cannot be installed: {reasons[nevras[-1]]}"


def _packages(pieces: Iterable[ComposedShard]) -> Iterator[tuple[str, str, bytes]]:
    """Name, NEVRA and XML of every package."""
    for piece in pieces:
        if PRIMARY in piece.frames:
            document = b"".join(
                (xml_head(PRIMARY, 0), decompress_frame(piece.frames[PRIMARY]), xml_tail(PRIMARY))
            )
            shard = slice_primary(document, "", PRIMARY)
            for package in shard.packages:
                yield (
                    package.name,
                    package.nevra,
                    shard.package_xml(package.checksum, package.location),
                )
