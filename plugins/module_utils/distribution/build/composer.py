# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the packages of a distribution, and collect the compressed XML that describes them.

The work is in proportion to what changed.  A shard with the same candidates as in the previous
generation is copied from it, and a shard that equals one of a parent is copied from the parent.
The output has the same bytes as a build without a previous generation.
"""

from __future__ import annotations

import dataclasses
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
from ..model import Clash, Distribution, Package, Resolution, Verdict
from ..resolve.module_streams import ModuleChoice, ModuleInputs
from ..resolve.resolver import check_pins, resolve_packages
from ..resolve.rules import ResolutionRules, build_rules
from ..sources.base import Directory, Input
from .cache import rules_digest
from .candidates import (
    all_candidates,
    changed_candidates,
    choose_streams,
    every_candidate,
    modular_directories,
)

THREADS = 2
MAX_LISTED = 20
"""Clashes that an error lists."""
XML_KINDS = (PRIMARY, FILELISTS, OTHER)


class CompressedFrame(NamedTuple):
    data: bytes
    content_length: int
    """Bytes before compression."""


class ComposedShard(NamedTuple):
    """One shard of a distribution.  A named tuple because a build makes hundreds."""

    shard: Shard
    frames: Mapping[str, bytes]
    """File kind -> compressed bytes."""
    decided: Optional[tuple[Sequence[Verdict], Sequence[Package]]] = None
    """The verdicts and the sorted chosen packages, if this build decided them."""

    def verdicts(self) -> Sequence[Verdict]:
        """Return the decision about each candidate."""
        if self.decided:
            return self.decided[0]
        return shards.decode_verdicts(decompress_frame(self.frames[VERDICTS]))

    def packages(self) -> Sequence[Package]:
        """Return the chosen packages, sorted."""
        if self.decided:
            return self.decided[1]
        return shards.sort_packages(
            verdict.package for verdict in self.verdicts() if verdict.chosen
        )


class Composition(NamedTuple):
    """All shards of a distribution."""

    shards: Mapping[int, ComposedShard]
    """Shard number -> shard, sorted; shards without candidates are absent."""
    changed: frozenset[int]
    """Numbers of the shards that this build decided."""
    directory_digests: Mapping[str, Mapping[int, str]]
    """Name of a directory source -> shard number -> digest of the candidates from there."""
    modules: ModuleChoice
    """The module streams of the distribution."""

    @property
    def package_count(self) -> int:
        return sum(composed.shard.packages for composed in self.shards.values())


class _Choice(NamedTuple):
    """The chosen packages of one shard."""

    number: int
    resolution: Resolution
    packages: Sequence[Package]
    file_names: Sequence[str]
    content_digest: str
    metadata_digest: str

    def has_source_locations(self) -> bool:
        """Return whether every package has the same path in its source as in this tree."""
        folder = shards.shard_folder(self.number)
        return all(
            package.location == f"{folder}/{file_name}"
            for package, file_name in zip(self.packages, self.file_names)
        )


def find_reusable(
    previous: Optional[PublishedGeneration], distribution: Distribution, inputs: Sequence[Input]
) -> Optional[PublishedGeneration]:
    """Return the previous generation if only directories of RPMs can differ from it.

    This is the case if its rules and the metadata of its sources are those of this build.
    """
    if previous is None or previous.index.rules_digest != rules_digest(distribution):
        return None
    return previous if dict(previous.index.origins) == _origins(inputs) else None


def choose_packages(
    distribution: Distribution,
    inputs: Sequence[Input],
    modules: ModuleInputs,
    previous: Optional[PublishedGeneration],
    reusable: Optional[PublishedGeneration],
) -> Composition:
    """Choose packages by the rules of the distribution, and describe them.

    modules   the module documents of all sources
    previous  the published generation
    reusable  the same one, if ``find_reusable`` returned it

    Raises Conflict that lists the packages which differ between sources of equal priority, NotFound
    for a pin without a package, and every fault of a source.
    """
    rules = build_rules(distribution.policy, distribution.sources)
    directories = {
        source_input.source.name: shards.split_by_shard(source_input.packages())
        for source_input in inputs
        if isinstance(source_input, Directory)
    }
    digests = {
        name: {
            number: shards.directory_digest(packages) for number, packages in sorted(split.items())
        }
        for name, split in directories.items()
    }
    choice = ModuleChoice()
    if reusable:
        candidates = changed_candidates(reusable, directories, digests)
        if reusable.index.modules_digest or modular_directories(inputs):
            every = every_candidate(reusable, directories)
            choice = choose_streams(every, modules, inputs, rules)
    if reusable is None or choice.digest != reusable.index.modules_digest:
        candidates = all_candidates(inputs)
        every = (package for packages in candidates.values() for package in packages)
        choice = choose_streams(every, modules, inputs, rules)
    rules = dataclasses.replace(rules, streams=choice.streams)
    pins = [name for name in rules.policy.pins if shards.shard_of(name) in candidates]
    check_pins(pins, (package.name for packages in candidates.values() for package in packages))
    choices = _choose(candidates, rules, _origins(inputs))
    described = _Describer(inputs, previous).describe(choices)
    composed = {**(_unchanged_shards(previous, candidates) if previous else {}), **described}
    return Composition(
        shards={number: composed[number] for number in sorted(composed)},
        changed=frozenset(candidates),
        directory_digests=digests,
        modules=choice,
    )


def _origins(inputs: Sequence[Input]) -> dict[str, str]:
    return {source_input.source.name: source_input.origin for source_input in inputs}


def _unchanged_shards(
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
    undecided: list[Clash] = []
    for number, shard_candidates in sorted(candidates.items()):
        resolution = resolve_packages(shard_candidates, rules)
        undecided += resolution.undecided
        packages = shards.sort_packages(resolution.chosen_packages)
        file_names = shards.file_names(packages)
        choices.append(
            _Choice(
                number=number,
                resolution=resolution,
                packages=packages,
                file_names=file_names,
                content_digest=shards.content_digest(packages, file_names),
                metadata_digest=shards.metadata_digest(packages, file_names, origins),
            )
        )
    if undecided:
        raise _conflict(undecided)
    return choices


def _conflict(undecided: Sequence[Clash]) -> Conflict:
    lines = [
        f'{clash.winner.nevra}: "{clash.winner.source}" ({clash.winner.checksum[:12]}…) and '
        f'"{clash.loser.source}" ({clash.loser.checksum[:12]}…)'
        for clash in undecided[:MAX_LISTED]
    ]
    more = [f"and {len(undecided) - MAX_LISTED} more"] if len(undecided) > MAX_LISTED else []
    return Conflict(
        "\n".join(
            ["sources of equal priority have different files for the same package", *lines, *more]
        ),
        hint="give one of the sources a lower priority number, or exclude the package from one",
    )


class _Describer:
    """Collects the XML of the chosen packages as compressed frames."""

    def __init__(self, inputs: Sequence[Input], previous: Optional[PublishedGeneration]) -> None:
        self._inputs = {source_input.source.name: source_input for source_input in inputs}
        self._origins = _origins(inputs)
        self._previous = previous

    def describe(self, choices: Iterable[_Choice]) -> dict[int, ComposedShard]:
        """Return the composed shards; a shard without candidates has none."""
        with_candidates = [choice for choice in choices if choice.resolution.verdicts]
        frames = {choice.number: self._copy_frames(choice) for choice in with_candidates}
        self._make_frames(
            [choice for choice in with_candidates if choice.packages and not frames[choice.number]],
            frames,
        )
        return {
            choice.number: _composed_shard(choice, frames[choice.number])
            for choice in with_candidates
        }

    def _copy_frames(self, choice: _Choice) -> dict[str, CompressedFrame]:
        """Return the frames of an equal shard of the previous generation or of a parent, if any."""
        if self._previous:
            shard = self._previous.index.shards.get(choice.number)
            if shard and shard.metadata_digest == choice.metadata_digest:
                return _published_frames(self._previous, choice.number)
        sources = {package.source for package in choice.packages}
        if len(sources) == 1:
            parent = self._inputs[sources.pop()].published_generation()
            shard = parent.index.shards.get(choice.number) if parent else None
            if (
                parent
                and shard
                and shard.content_digest == choice.content_digest
                and choice.has_source_locations()
            ):
                return _published_frames(parent, choice.number)
        return {}

    def _make_frames(
        self, choices: Sequence[_Choice], frames: dict[int, dict[str, CompressedFrame]]
    ) -> None:
        """Make one kind of file after another, so that only one file of each source is loaded."""
        # Imported here because it takes 7 ms to load and an unchanged build does not need it.
        from concurrent.futures import ThreadPoolExecutor

        described = {choice.number: self._described_before(choice.number) for choice in choices}
        source_names = {
            package.source
            for choice in choices
            for package in choice.packages
            if (package.checksum, package.source) not in described[choice.number]
        }
        with ThreadPoolExecutor(THREADS) as threads:
            pending = []
            for kind in XML_KINDS:
                list(
                    threads.map(
                        lambda name, kind=kind: self._inputs[name].preload(kind),
                        sorted(source_names),
                    )
                )
                for choice in choices:
                    text = self._shard_xml(kind, choice, described[choice.number])
                    pending.append((choice.number, kind, threads.submit(_compress, text)))
                    if kind == PRIMARY:
                        entries = capabilities.encode_entries(capabilities.extract_entries(text))
                        pending.append(
                            (choice.number, CAPABILITIES, threads.submit(_compress, entries))
                        )
                for source_input in self._inputs.values():
                    source_input.unload(kind)
            for number, kind, future in pending:
                frames[number][kind] = future.result()

    def _shard_xml(
        self, kind: str, choice: _Choice, described: frozenset[tuple[str, str]]
    ) -> bytes:
        folder = shards.shard_folder(choice.number)
        elements = []
        for package, file_name in zip(choice.packages, choice.file_names):
            location = f"{folder}/{file_name}"
            element = None
            if self._previous and (package.checksum, package.source) in described:
                element = self._previous.package_xml(kind, package, location)
            elements.append(
                element or self._inputs[package.source].package_xml(kind, package, location)
            )
        return b"".join(elements)

    def _described_before(self, number: int) -> frozenset[tuple[str, str]]:
        """Return checksum and source of the packages whose XML the previous generation has.

        Packages of a source whose metadata changed are left out: their XML can differ.
        """
        if self._previous is None:
            return frozenset()
        before = self._previous.index.origins
        unchanged = {name for name, origin in self._origins.items() if before.get(name) == origin}
        return frozenset(
            (verdict.package.checksum, verdict.package.source)
            for verdict in self._previous.verdicts(number)
            if verdict.chosen and verdict.package.source in unchanged
        )


def _published_frames(published: PublishedGeneration, number: int) -> dict[str, CompressedFrame]:
    indexed = published.index.shards[number].frames
    return {
        kind: CompressedFrame(published.frame(kind, number), indexed[kind].content_length)
        for kind in (*XML_KINDS, CAPABILITIES)
        if kind in indexed
    }


def _composed_shard(choice: _Choice, frames: Mapping[str, CompressedFrame]) -> ComposedShard:
    verdicts = _compress(shards.encode_verdicts(choice.resolution.verdicts))
    all_frames = {**frames, VERDICTS: verdicts}
    counts: dict[str, int] = {}
    for package in choice.packages:
        counts[package.source] = counts.get(package.source, 0) + 1
    shard = Shard(
        content_digest=choice.content_digest,
        metadata_digest=choice.metadata_digest,
        counts=counts,
        frames={
            kind: Frame(len(frame.data), frame.content_length, zlib.crc32(frame.data))
            for kind, frame in all_frames.items()
        },
        remarks=choice.resolution.remarks,
        clashes=tuple(
            (clash.winner.nevra, clash.winner.source, clash.loser.source)
            for clash in choice.resolution.clashes
        ),
    )
    return ComposedShard(
        shard=shard,
        frames={kind: frame.data for kind, frame in all_frames.items()},
        decided=(choice.resolution.verdicts, choice.packages),
    )


def _compress(content: bytes) -> CompressedFrame:
    return CompressedFrame(compress_frame(content), len(content))
