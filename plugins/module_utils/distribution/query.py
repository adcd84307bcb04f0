# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answers about a distribution: which generations there are, why a package is in one, what differs between two."""

from __future__ import annotations

import fnmatch
from typing import Iterable, NamedTuple

from ..errors import NotFound
from . import publish
from .api import open_generation
from .build.pipeline import compare_generations
from .metadata import shards
from .metadata.index import PublishedGeneration
from .model import Changes, Generation, Verdict
from .resolve.resolver import did_you_mean
from .storage.pool import StorePaths


class GenerationEntry(NamedTuple):
    """A generation, and whether the distribution's link leads to it."""

    generation: Generation
    published: bool


class Query:
    """A distribution that is asked about, and one generation of it.

    wanted  identity of the generation, the beginning of it, or ``previous``; empty: the published one

    Raises NotFound when there is no such generation.
    """

    def __init__(self, root: str, name: str, arch: str, wanted: str = "") -> None:
        self._places, self._name, self._arch = StorePaths(root), name, arch
        self.published = publish.current_generation(self._places, name, arch)
        self.identity = (
            publish.find_generation(self._places, name, arch, wanted) if wanted else self.published
        )
        self._opened = self._open(self.identity)

    def generations_folder(self) -> list[GenerationEntry]:
        """All of them, in the order in which they were published last."""
        return [
            GenerationEntry(
                Generation(self._name, self._arch, identity, found.folder, found.index.counts),
                identity == self.published,
            )
            for identity in publish.history(self._places, self._name, self._arch)
            for found in [self._open(identity)]
        ]

    def verdicts_for(self, patterns: Iterable[str]) -> list[Verdict]:
        """What became of every package whose name meets one of the patterns.

        Raises NotFound for a name without wildcards that no source has.
        """
        globs = list(patterns)
        names = {glob for glob in globs if not set(glob) & set("*?[")}
        numbers: Iterable[int] = self._opened.index.shards
        if len(names) == len(set(globs)):
            numbers = sorted(
                {shards.shard_of(name) for name in names} & set(self._opened.index.shards)
            )
        found = [
            verdict
            for number in numbers
            for verdict in self._opened.verdicts(number)
            if any(fnmatch.fnmatchcase(verdict.package.name, glob) for glob in globs)
        ]
        for name in sorted(names - {verdict.package.name for verdict in found}):
            raise NotFound(
                f'no source of distribution "{self._name}" has a package "{name}"',
                hint=self._alike(name),
            )
        return found

    def changes_since(self, other: str) -> Changes:
        """What this generation has that another one has not."""
        before = publish.find_generation(self._places, self._name, self._arch, other)
        return compare_generations(self._open(before), self._opened)

    def _alike(self, name: str) -> str:
        opened_shards = map(self._opened.verdicts, self._opened.index.shards)
        return did_you_mean(
            name, {verdict.package.name for verdicts in opened_shards for verdict in verdicts}
        )

    def _open(self, identity: str) -> PublishedGeneration:
        return open_generation(self._places, self._name, self._arch, identity)
