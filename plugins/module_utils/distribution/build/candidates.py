# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The candidates of a build: the packages of all sources, or of the shards that can differ."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Sequence

from ..metadata import shards
from ..metadata.index import PublishedGeneration
from ..model import Package
from ..resolve.module_streams import NO_MODULES, ModuleChoice, ModuleInputs, full_nevra
from ..resolve.rules import ResolutionRules
from ..sources.base import MODULE_MARK, Directory, Input

THREADS = 2


def all_candidates(inputs: Sequence[Input]) -> dict[int, list[Package]]:
    """Return the packages of all sources by shard."""
    # Imported here because it takes 7 ms to load and an unchanged build does not need it.
    from concurrent.futures import ThreadPoolExecutor

    candidates: dict[int, list[Package]] = {number: [] for number in range(shards.SHARDS)}
    with ThreadPoolExecutor(THREADS) as threads:
        # One source can be decompressed while another one is parsed.
        packages_by_input = list(threads.map(lambda source_input: source_input.packages(), inputs))
    for packages in packages_by_input:
        for package in packages:
            candidates[shards.shard_of(package.name)].append(package)
    return candidates


def changed_candidates(
    previous: PublishedGeneration,
    directories: Mapping[str, Mapping[int, list[Package]]],
    digests: Mapping[str, Mapping[int, str]],
) -> dict[int, list[Package]]:
    """Return the candidates of the shards in which a directory has other packages than before."""
    before = previous.index.directory_digests
    numbers = {
        number
        for name, by_shard in digests.items()
        for number in {*by_shard, *before[name]}
        if by_shard.get(number) != before[name].get(number)
    }
    return {
        number: [
            *(
                verdict.package
                for verdict in previous.verdicts(number)
                if verdict.package.source not in directories
            ),
            *(package for split in directories.values() for package in split.get(number, ())),
        ]
        for number in sorted(numbers)
    }


def every_candidate(
    previous: PublishedGeneration, directories: Mapping[str, Mapping[int, list[Package]]]
) -> Iterator[Package]:
    """Yield the candidates of all shards."""
    for number in previous.index.shards:
        for verdict in previous.verdicts(number):
            if verdict.package.source not in directories:
                yield verdict.package
    for by_shard in directories.values():
        for packages in by_shard.values():
            yield from packages


def modular_directories(inputs: Sequence[Input]) -> set[str]:
    """Return the names of the directories that have packages of modules."""
    return {
        source_input.source.name
        for source_input in inputs
        if isinstance(source_input, Directory) and source_input.has_modular_packages()
    }


def choose_streams(
    packages: Iterable[Package],
    modules: ModuleInputs,
    inputs: Sequence[Input],
    rules: ResolutionRules,
) -> ModuleChoice:
    """Choose the module streams from all candidates."""
    candidates = list(packages)
    labelled = _labelled_packages(candidates, modules, inputs)
    if not labelled and modules == NO_MODULES:
        return ModuleChoice()
    # Imported here because most distributions have no modules.
    from ..resolve.module_choice import choose_modules

    return choose_modules(modules, candidates, labelled, rules)


def _labelled_packages(
    candidates: Iterable[Package], modules: ModuleInputs, inputs: Sequence[Input]
) -> list[Package]:
    """Return the packages whose headers name a module, except those that a document lists."""
    by_name = {source_input.source.name: source_input for source_input in inputs}
    directories = modular_directories(inputs)
    listed = {
        artifact for row in (*modules.documents, *modules.skipped) for artifact in row.artifacts
    }
    # Packages of one build of a module have the same %dist: one header of each is enough.
    by_build: dict[tuple[str, str], bool] = {}
    labelled = []
    for package in candidates:
        if package.source in directories:
            if by_name[package.source].is_modular(package):
                labelled.append(package)
        elif MODULE_MARK in package.release and full_nevra(package) not in listed:
            build = (package.source, package.release.partition(MODULE_MARK)[2])
            if build not in by_build:
                by_build[build] = by_name[package.source].is_modular(package)
            if by_build[build]:
                labelled.append(package)
    return labelled
