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
from typing import Mapping, NamedTuple, Optional, Sequence

from ...errors import Conflict
from ..metadata import shards
from ..metadata.compression import decompress_frame
from ..metadata.index import VERDICTS, Frame, PublishedGeneration, Shard
from ..model import Clash, Distribution, Package, Verdict
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
from .description import Describer, Description, ShardChoice, compress

MAX_LISTED = 20
"""Clashes that an error lists."""


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
    with_candidates = [choice for choice in choices if choice.resolution.verdicts]
    descriptions = Describer(inputs, previous).describe(with_candidates)
    described = {
        choice.number: _composed_shard(choice, descriptions[choice.number])
        for choice in with_candidates
    }
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
) -> list[ShardChoice]:
    choices: list[ShardChoice] = []
    undecided: list[Clash] = []
    for number, shard_candidates in sorted(candidates.items()):
        resolution = resolve_packages(shard_candidates, rules)
        undecided += resolution.undecided
        packages = shards.sort_packages(resolution.chosen_packages)
        file_names = shards.file_names(packages)
        choices.append(
            ShardChoice(
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
    lines = [_describe_clash(clash) for clash in undecided[:MAX_LISTED]]
    more = [f"and {len(undecided) - MAX_LISTED} more"] if len(undecided) > MAX_LISTED else []
    hints = []
    if any(clash.winner.source != clash.loser.source for clash in undecided):
        hints.append("give one of the sources a lower priority number, or exclude the package")
    if any(clash.winner.source == clash.loser.source for clash in undecided):
        hints.append("remove one of the two files of a source, or exclude its path")
    return Conflict(
        "\n".join(
            ["sources of equal priority have different files for the same package", *lines, *more]
        ),
        hint="; ".join(hints),
    )


def _describe_clash(clash: Clash) -> str:
    winner, loser = clash
    if winner.source == loser.source:
        return f'{winner.nevra}: {winner.location} and {loser.location} of "{winner.source}"'
    return (
        f'{winner.nevra}: "{winner.source}" ({winner.checksum[:12]}…) and'
        f' "{loser.source}" ({loser.checksum[:12]}…)'
    )


def _composed_shard(choice: ShardChoice, description: Description) -> ComposedShard:
    verdicts = compress(shards.encode_verdicts(choice.resolution.verdicts))
    all_frames = {**description.frames, VERDICTS: verdicts}
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
        repairs=tuple(description.repairs),
    )
    return ComposedShard(
        shard=shard,
        frames={kind: frame.data for kind, frame in all_frames.items()},
        decided=(choice.resolution.verdicts, choice.packages),
    )
