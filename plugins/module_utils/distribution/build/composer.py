# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources become shards: what is chosen, and the compressed XML that describes it.

Work is in proportion to what changed.  A shard whose candidates are those of the previous generation is taken from it
as it is; one that holds just what a parent's holds is taken from the parent.  What comes out is the same, byte for
byte, as if nothing had been there before.
"""

from __future__ import annotations

import zlib
from typing import Iterable, Mapping, NamedTuple, Optional, Sequence

from ...errors import Conflict
from ..metadata import capabilities, shards
from ..metadata.compression import compress_frame, decompress_frame
from ..metadata.index import (
    CAPABILITIES,
    FILELISTS,
    OTHER,
    PRIMARY,
    VERDICTS,
    Frame,
    PublishedGeneration,
    Shard,
)
from ..model import Clash, Package, Resolution, Verdict
from ..resolve.resolver import ResolutionRules, check_pins, resolve_packages
from ..sources.base import Directory, Input

THREADS = 2
SHOWN = 20
DESCRIBED = (PRIMARY, FILELISTS, OTHER)


class Packed(NamedTuple):
    """A frame, and the length of what is in it."""

    data: bytes
    content_length: int


class ComposedShard(NamedTuple):
    """One shard of a distribution, with its frames: file kind -> compressed bytes.

    decided  what became of each candidate, and the chosen ones in order, when it was decided now; else it is read
    """

    shard: Shard
    frames: Mapping[str, bytes]
    decided: Optional[tuple[Sequence[Verdict], Sequence[Package]]] = None

    def verdicts(self) -> Sequence[Verdict]:
        """What became of each candidate."""
        return (
            self.decided[0]
            if self.decided
            else shards.decode_verdicts(decompress_frame(self.frames[VERDICTS]))
        )

    def packages(self) -> Sequence[Package]:
        """Those that were chosen, in their one order."""
        if self.decided:
            return self.decided[1]
        return shards.sort_packages(
            verdict.package for verdict in self.verdicts() if verdict.chosen
        )


class Composition(NamedTuple):
    """All shards.

    changed  the numbers of those that were decided anew
    rows     directory source name -> shard number -> digest of the candidates that it has there
    """

    pieces: Mapping[int, ComposedShard]
    changed: frozenset[int]
    directory_digests: Mapping[str, Mapping[int, str]]


class _Choice(NamedTuple):
    """What a shard is to hold; ``content`` and ``text`` are the digests of the index."""

    number: int
    resolution: Resolution
    packages: Sequence[Package]
    names: Sequence[str]
    content: str
    text: str

    def is_in_place(self) -> bool:
        """Whether every package lies in its source where it will lie here."""
        folder = shards.shard_folder(self.number)
        return all(
            one.location == f"{folder}/{name}" for one, name in zip(self.packages, self.names)
        )


def choose_packages(
    inputs: Sequence[Input],
    rules: ResolutionRules,
    previous: Optional[PublishedGeneration],
    comparable: bool,
) -> Composition:
    """Choose, and describe what was chosen.

    previous    the generation that was built last, when there is one
    comparable  it was chosen by these rules, from these sources with this metadata: only directories can differ

    Raises Conflict that lists every pair of packages which no priority decides between, NotFound for a pin that meets
    nothing, and whatever is wrong with a source.
    """
    local = {
        one.source.name: shards.split_by_shard(one.packages())
        for one in inputs
        if isinstance(one, Directory)
    }
    rows = {
        name: {number: shards.directory_digest(found) for number, found in sorted(split.items())}
        for name, split in local.items()
    }
    origins = {one.source.name: one.origin for one in inputs}
    if previous and comparable:
        candidates = _changed_candidates(previous, local, rows)
    else:
        candidates = _all_candidates(inputs)
    pins = [name for name in rules.policy.pins if shards.shard_of(name) in candidates]
    check_pins(pins, (package.name for found in candidates.values() for package in found))
    choices = _choose(candidates, rules, origins)
    described = _Describer(inputs, origins, previous).describe(choices)
    pieces = {**(_untouched(previous, candidates) if previous else {}), **described}
    return Composition(
        {number: pieces[number] for number in sorted(pieces)}, frozenset(candidates), rows
    )


def _all_candidates(inputs: Sequence[Input]) -> dict[int, list[Package]]:
    from concurrent.futures import ThreadPoolExecutor

    candidates: dict[int, list[Package]] = {number: [] for number in range(shards.SHARDS)}
    with ThreadPoolExecutor(THREADS) as threads:
        # While one is expanded, another can be taken apart.
        every = list(threads.map(lambda one: one.packages(), inputs))
    for packages in every:
        for package in packages:
            candidates[shards.shard_of(package.name)].append(package)
    return candidates


def _changed_candidates(
    previous: PublishedGeneration,
    local: Mapping[str, Mapping[int, list[Package]]],
    rows: Mapping[str, Mapping[int, str]],
) -> dict[int, list[Package]]:
    """The candidates of the shards where a directory has other packages than before."""
    before = previous.index.directory_digests
    numbers = {
        number
        for name, digests in rows.items()
        for number in {*digests, *before[name]}
        if digests.get(number) != before[name].get(number)
    }
    return {
        number: [
            *(
                verdict.package
                for verdict in previous.verdicts(number)
                if verdict.package.source not in local
            ),
            *(package for split in local.values() for package in split.get(number, ())),
        ]
        for number in sorted(numbers)
    }


def _untouched(
    previous: PublishedGeneration, candidates: Mapping[int, object]
) -> dict[int, ComposedShard]:
    return {
        number: ComposedShard(shard, {kind: previous.frame(kind, number) for kind in shard.frames})
        for number, shard in previous.index.shards.items()
        if number not in candidates
    }


def _choose(
    candidates: Mapping[int, list[Package]], rules: ResolutionRules, origins: Mapping[str, str]
) -> list[_Choice]:
    choices: list[_Choice] = []
    disputed: list[Clash] = []
    for number, found in sorted(candidates.items()):
        resolution = resolve_packages(found, rules)
        disputed += resolution.undecided
        packages = shards.sort_packages(resolution.chosen_packages)
        names = shards.file_names(packages)
        content, text = (
            shards.content_digest(packages, names),
            shards.metadata_digest(packages, names, origins),
        )
        choices.append(_Choice(number, resolution, packages, names, content, text))
    if disputed:
        raise _dispute(disputed)
    return choices


def _dispute(disputed: Sequence[Clash]) -> Conflict:
    lines = [
        f'{clash.winner.nevra}: "{clash.winner.source}" ({clash.winner.checksum[:12]}…) and '
        f'"{clash.loser.source}" ({clash.loser.checksum[:12]}…)'
        for clash in disputed[:SHOWN]
    ]
    more = [f"and {len(disputed) - SHOWN} more"] if len(disputed) > SHOWN else []
    return Conflict(
        "\n".join(
            ["sources of equal priority have different files for one package", *lines, *more]
        ),
        hint="give one of the sources a lower priority number, or exclude the package from one",
    )


class _Describer:
    """Makes the frames of chosen shards, and takes those that exist already."""

    def __init__(
        self,
        inputs: Sequence[Input],
        origins: Mapping[str, str],
        previous: Optional[PublishedGeneration],
    ) -> None:
        self._inputs = {one.source.name: one for one in inputs}
        self._origins = origins
        self._previous = previous

    def describe(self, choices: Iterable[_Choice]) -> dict[int, ComposedShard]:
        """The pieces; a shard without candidates has none."""
        wanted = [choice for choice in choices if choice.resolution.verdicts]
        frames = {choice.number: self._existing(choice) for choice in wanted}
        self._make(
            [choice for choice in wanted if choice.packages and not frames[choice.number]], frames
        )
        return {choice.number: _piece(choice, frames[choice.number]) for choice in wanted}

    def _existing(self, choice: _Choice) -> dict[str, Packed]:
        """The frames of the previous generation, or of the one parent that everything in the shard is from."""
        if self._previous:
            shard = self._previous.index.shards.get(choice.number)
            if shard and shard.metadata_digest == choice.text:
                return _frames(self._previous, choice.number)
        sources = {package.source for package in choice.packages}
        if len(sources) == 1:
            parent = self._inputs[sources.pop()].published()
            shard = parent.index.shards.get(choice.number) if parent else None
            if parent and shard and shard.content_digest == choice.content and choice.is_in_place():
                return _frames(parent, choice.number)
        return {}

    def _make(self, choices: Sequence[_Choice], frames: dict[int, dict[str, Packed]]) -> None:
        """One file after another, so that no more than one of each source is open."""
        from concurrent.futures import ThreadPoolExecutor

        known = {choice.number: self._known(choice.number) for choice in choices}
        asked = {
            package.source
            for choice in choices
            for package in choice.packages
            if (package.checksum, package.source) not in known[choice.number]
        }
        with ThreadPoolExecutor(THREADS) as threads:
            waiting = []
            for kind in DESCRIBED:
                list(
                    threads.map(
                        lambda source, kind=kind: self._inputs[source].preload(kind), sorted(asked)
                    )
                )
                for choice in choices:
                    text = self._text(kind, choice, known[choice.number])
                    waiting.append((choice.number, kind, threads.submit(_pack, text)))
                    if kind == PRIMARY:
                        entries = capabilities.encode_entries(capabilities.extract_entries(text))
                        waiting.append(
                            (choice.number, CAPABILITIES, threads.submit(_pack, entries))
                        )
                for one in self._inputs.values():
                    one.unload(kind)
            for number, kind, future in waiting:
                frames[number][kind] = future.result()

    def _text(self, kind: str, choice: _Choice, known: frozenset[tuple[str, str]]) -> bytes:
        folder = shards.shard_folder(choice.number)
        parts = []
        for package, name in zip(choice.packages, choice.names):
            location = f"{folder}/{name}"
            part = None
            if self._previous and (package.checksum, package.source) in known:
                part = self._previous.package_xml(kind, package, location)
            parts.append(part or self._inputs[package.source].package_xml(kind, package, location))
        return b"".join(parts)

    def _known(self, number: int) -> frozenset[tuple[str, str]]:
        """Checksum and source of the packages whose XML the previous generation has, as their source has it now."""
        if self._previous is None:
            return frozenset()
        before = self._previous.index.origins
        same = {source for source, origin in self._origins.items() if before.get(source) == origin}
        return frozenset(
            (verdict.package.checksum, verdict.package.source)
            for verdict in self._previous.verdicts(number)
            if verdict.chosen and verdict.package.source in same
        )


def _frames(published: PublishedGeneration, number: int) -> dict[str, Packed]:
    indexed = published.index.shards[number].frames
    return {
        kind: Packed(published.frame(kind, number), indexed[kind].content_length)
        for kind in (*DESCRIBED, CAPABILITIES)
        if kind in indexed
    }


def _piece(choice: _Choice, frames: Mapping[str, Packed]) -> ComposedShard:
    packed = {**frames, VERDICTS: _pack(shards.encode_verdicts(choice.resolution.verdicts))}
    counts: dict[str, int] = {}
    for package in choice.packages:
        counts[package.source] = counts.get(package.source, 0) + 1
    shard = Shard(
        choice.content,
        choice.text,
        counts,
        {
            kind: Frame(len(one.data), one.content_length, zlib.crc32(one.data))
            for kind, one in packed.items()
        },
        choice.resolution.remarks,
        tuple(
            (clash.winner.nevra, clash.winner.source, clash.loser.source)
            for clash in choice.resolution.clashes
        ),
    )
    decided = (choice.resolution.verdicts, choice.packages)
    return ComposedShard(shard, {kind: one.data for kind, one in packed.items()}, decided)


def _pack(content: bytes) -> Packed:
    return Packed(compress_frame(content), len(content))
