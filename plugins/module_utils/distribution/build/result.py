# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of a build: the generation, and how it differs from the published one."""

from __future__ import annotations

import dataclasses
from typing import AbstractSet, Callable, Mapping, Optional, Protocol, Sequence

from ..changes import compare_packages
from ..metadata.index import OFFERED, SOURCE_PACKAGES, Index
from ..model import Changes, Generation, Package, Verdict
from .auxiliary_metadata import ADVISORIES


class GenerationContent(Protocol):
    """What a result is computed from: a generation on the disk, or the plan of a new one."""

    @property
    def folder(self) -> str: ...

    @property
    def index(self) -> Index: ...

    def packages(self, shard: int) -> Sequence[Package]: ...

    def verdicts(self, shard: int) -> Sequence[Verdict]: ...

    def document(self, kind: str) -> bytes: ...


@dataclasses.dataclass(frozen=True)
class BuildResult:
    """What a build produced, or what it would produce."""

    generation: Generation
    changed: bool
    """Whether the generation differs from the published one."""
    changes: Changes
    """From the published generation to this one."""
    clashes: tuple[tuple[str, str, str], ...]
    """NEVRA, preferred source, other source: packages of equal name and different content."""
    remarks: tuple[str, ...]
    """Facts that are not errors but can surprise, for example packages that were left out."""
    verdicts: Callable[[], list[Verdict]] = dataclasses.field(compare=False)
    """Returns the decision about every candidate package, in the order of the shards."""
    unmet: tuple[str, ...] = ()
    """Requirements of packages and profiles that are not met, if the distribution allows them."""
    warnings: tuple[str, ...] = ()
    """Warnings of the profile compiler, each with file and line."""

    def with_problems(
        self, unmet: Sequence[str], warnings: Sequence[str], remarks: Sequence[str]
    ) -> BuildResult:
        """Return the result with these unmet requirements and warnings, and further remarks."""
        return dataclasses.replace(
            self,
            unmet=tuple(unmet),
            warnings=tuple(warnings),
            remarks=(*self.remarks, *remarks),
        )


def describe_generation(
    name: str, content: GenerationContent, published: Optional[GenerationContent]
) -> BuildResult:
    """Describe what publishing a generation under ``name`` changes.

    published  the generation that is published under ``name`` now
    """
    index = content.index
    changed = published is None or published.index.identity != index.identity
    return BuildResult(
        generation=Generation(
            distribution=name,
            arch=index.arch,
            identity=index.identity,
            path=content.folder,
            packages=index.counts,
        ),
        changed=changed,
        changes=compare_generations(published, content) if changed else Changes(),
        clashes=tuple(clash for shard in index.shards.values() for clash in shard.clashes),
        remarks=(
            *(remark for remarks in index.remarks.values() for remark in remarks),
            *_left_out_remarks(index),
            *(remark for shard in index.shards.values() for remark in shard.remarks),
            *(repair[2] for shard in index.shards.values() for repair in shard.repairs),
        ),
        verdicts=lambda: [
            verdict for number in index.shards for verdict in content.verdicts(number)
        ],
    )


def _left_out_remarks(index: Index) -> list[str]:
    """Count the packages that are not for the nodes."""
    return [
        f'packages of source "{source}" that are not for the nodes: {describe_kinds(others)}'
        for source, counts in sorted(index.candidates.items())
        if (others := {kind: number for kind, number in sorted(counts.items()) if kind != OFFERED})
    ]


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Describe packages that are not for the nodes: ``source packages: 3, for aarch64: 2``."""
    return ", ".join(
        f"{kind}: {number}" if kind == SOURCE_PACKAGES else f"for {kind}: {number}"
        for kind, number in counts.items()
    )


def compare_generations(before: Optional[GenerationContent], after: GenerationContent) -> Changes:
    """Return what changes from one generation to another; None is an empty generation.

    Only shards whose content differs are read.
    """
    old = _content_digests(before)
    new = _content_digests(after)
    numbers = [number for number in sorted({*old, *new}) if old.get(number) != new.get(number)]
    return compare_packages(
        [package for number in numbers if before for package in before.packages(number)],
        [package for number in numbers if number in new for package in after.packages(number)],
        _new_advisories(before.document(ADVISORIES) if before else b"", after.document(ADVISORIES)),
    )


def _content_digests(content: Optional[GenerationContent]) -> dict[int, str]:
    if content is None:
        return {}
    return {number: shard.content_digest for number, shard in content.index.shards.items()}


def _new_advisories(before: bytes, after: bytes) -> AbstractSet[str]:
    if before == after:
        return frozenset()
    # Imported here because lxml takes 15 ms to load and most builds have no other advisories.
    from ..metadata.updateinfo import advisory_ids

    return advisory_ids(after) - advisory_ids(before)
