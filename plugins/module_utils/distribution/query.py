# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Query a distribution: its generations, why a package was chosen, what differs between two."""

from __future__ import annotations

import fnmatch
from typing import Iterable, Mapping, NamedTuple

from ..errors import NotFound
from ..suggestions import did_you_mean
from . import places, publish
from .api import open_generation
from .build.result import compare_generations
from .build.validation import check_names
from .metadata import shards
from .metadata.index import PublishedGeneration
from .model import Changes, Generation, Verdict
from .scrub import ScrubResult, scrub
from .storage.pool import StorePaths


class GenerationEntry(NamedTuple):
    generation: Generation
    published: bool
    """Whether the distribution's link leads to it."""
    places: Mapping[str, str]
    """Name of each source -> its URL or path at the last build of this generation."""


class Query:
    """Queries about a distribution and one of its generations.

    generation  its name, the beginning of its name, or ``previous``; empty: the published one

    Raises NotFound if that generation does not exist.
    """

    def __init__(self, root: str, name: str, arch: str, generation: str = "") -> None:
        check_names(name, arch)
        self._store = StorePaths(root)
        self._name = name
        self._arch = arch
        self.published = publish.current_generation(self._store, name, arch)
        self.identity = self.published
        if generation:
            self.identity = publish.find_generation(self._store, name, arch, generation)
        self._generation = self._open(self.identity)

    def generations(self) -> list[GenerationEntry]:
        """Return all generations, ordered by their last publication."""
        return [
            self._entry(identity)
            for identity in publish.history(self._store, self._name, self._arch)
        ]

    def verdicts_for(self, patterns: Iterable[str]) -> list[Verdict]:
        """Return the decision about every package whose name matches a pattern.

        Raises NotFound for a name without wildcards that no source has.
        """
        globs = list(patterns)
        names = {glob for glob in globs if not set(glob) & set("*?[")}
        numbers: Iterable[int] = self._generation.index.shards
        if len(names) == len(set(globs)):
            numbers = sorted(
                {shards.shard_of(name) for name in names} & set(self._generation.index.shards)
            )
        verdicts = [
            verdict
            for number in numbers
            for verdict in self._generation.verdicts(number)
            if any(fnmatch.fnmatchcase(verdict.package.name, glob) for glob in globs)
        ]
        for name in sorted(names - {verdict.package.name for verdict in verdicts}):
            raise NotFound(
                f'no source of distribution "{self._name}" has a package "{name}"',
                hint=self._suggest(name),
            )
        return verdicts

    def changes_since(self, generation: str) -> Changes:
        """Return what changed from another generation to this one."""
        before = publish.find_generation(self._store, self._name, self._arch, generation)
        return compare_generations(self._open(before), self._generation)

    def scrub(self) -> ScrubResult:
        """Read every file of the generation, and return those that are not as published."""
        return scrub(self._generation)

    def _entry(self, identity: str) -> GenerationEntry:
        opened = self._open(identity)
        generation = Generation(
            distribution=self._name,
            arch=self._arch,
            identity=identity,
            path=opened.folder,
            packages=opened.index.counts,
        )
        return GenerationEntry(
            generation,
            published=identity == self.published,
            places=places.read(self._store, self._name, self._arch).get(identity, {}),
        )

    def _suggest(self, name: str) -> str:
        return did_you_mean(
            name,
            {
                verdict.package.name
                for number in self._generation.index.shards
                for verdict in self._generation.verdicts(number)
            },
        )

    def _open(self, identity: str) -> PublishedGeneration:
        return open_generation(self._store, self._name, self._arch, identity)
