# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check that every source and every pattern of a distribution has an effect.

A mirror that is suddenly empty, a folder that is not mounted, a misspelt pattern or architecture
would otherwise be published as a success, and nodes would have nothing to install.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError
from ...suggestions import did_you_mean
from ..arches import SOURCE_ARCHES
from ..metadata.index import OFFERED, SOURCE_PACKAGES, PublishedGeneration
from ..model import DEFAULT_INSTALL_ONLY, Distribution, Package, Source, Verdict
from ..resolve.rules import ResolutionRules, build_rules, is_suitable, unmatched_globs
from ..sources.base import Directory, Input
from .cache import rules_digest
from .composer import Composition
from .result import describe_kinds

MAX_LOSS = 2
"""A source can lose packages until it has the previous number divided by this."""


class SourceChecks(NamedTuple):
    """The candidates of each source, and what is unusual about them."""

    candidates: Mapping[str, Mapping[str, int]]
    """As in ``Index``."""
    remarks: tuple[str, ...]
    """Problems that the administrator agreed to, patterns without an effect, renamed files."""
    pattern_remarks: tuple[str, ...]
    """The part of the remarks that is valid while the rules and the mirrors stay the same."""


def check_sources(
    distribution: Distribution,
    inputs: Sequence[Input],
    composition: Composition,
    *,
    published: Optional[PublishedGeneration],
    reusable: Optional[PublishedGeneration],
    pattern_remarks: Sequence[str],
) -> SourceChecks:
    """Count the candidates of each source, and compare them with the published generation.

    reusable         as for ``choose_packages``: only the changed shards differ from it
    pattern_remarks  those of the build that made it

    Raises DescriptionError that lists all problems, unless ``allow_shrink`` is set.
    """
    rules = build_rules(distribution.policy, distribution.sources)
    candidates = _count_candidates(distribution, composition, reusable, rules)
    same_rules = published and published.index.rules_digest == rules_digest(distribution)
    # Other rules can leave out packages intentionally, but not all packages of a source.
    max_loss = MAX_LOSS if same_rules else math.inf
    before = published.index.candidates if published else {}
    problems = [
        *_loss_problems(distribution, candidates, before, max_loss),
        *_empty_problem(distribution, composition, published),
    ]
    if reusable is None:
        unmatched, remarks = _check_patterns(distribution, composition)
        # Upstream can drop a package that a pattern named, so only new patterns are problems.
        if same_rules:
            remarks += unmatched
        else:
            problems += unmatched
        pattern_remarks = tuple(remarks)
    if problems and not distribution.allow_shrink:
        raise DescriptionError(
            "\n  ".join(["this would lose packages or has no effect:", *problems]),
            f'distribution "{distribution.name}"',
            "correct the sources, or set allow_shrink to publish it nevertheless",
        )
    return SourceChecks(
        candidates=candidates,
        remarks=(*problems, *pattern_remarks, *_renamed_files(inputs)),
        pattern_remarks=tuple(pattern_remarks),
    )


def check_age(
    distribution: Distribution, inputs: Sequence[Input], published: Optional[PublishedGeneration]
) -> None:
    """Refuse signed metadata that is older than that of the published generation.

    An attacker can send old metadata, which was signed too, so that nodes get packages with known
    faults.  Raises DescriptionError that lists all such sources, unless ``allow_older`` is set.
    """
    before = published.index.timestamps if published else {}
    older = [
        f"{source_input.source.where} has signed metadata of {_utc(now)}, and had that of"
        f" {_utc(before[source_input.source.name])}"
        for source_input in inputs
        if source_input.source.repo_gpgcheck
        and (now := source_input.newest_timestamp()) < before.get(source_input.source.name, 0)
    ]
    if older and not distribution.allow_older:
        raise DescriptionError(
            "\n  ".join(["this would go back to older metadata:", *older]),
            f'distribution "{distribution.name}"',
            "use a mirror that is up to date, or set allow_older to publish it nevertheless",
        )


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _count_candidates(
    distribution: Distribution,
    composition: Composition,
    reusable: Optional[PublishedGeneration],
    rules: ResolutionRules,
) -> dict[str, dict[str, int]]:
    """Return the number of candidates: source -> kind -> number."""
    counts: Counter[tuple[str, str]] = Counter()
    numbers: Iterable[int] = composition.shards
    if reusable and reusable.index.candidates:
        for source, kinds in reusable.index.candidates.items():
            counts.update({(source, kind): number for kind, number in kinds.items()})
        for shard in composition.changed:
            counts.subtract(_kinds(reusable.verdicts(shard), rules))
        numbers = composition.changed & composition.shards.keys()
    for shard in numbers:
        counts.update(_kinds(composition.shards[shard].verdicts(), rules))
    candidates: dict[str, dict[str, int]] = {
        source.name: {OFFERED: 0} for source in distribution.sources
    }
    for (source, kind), number in sorted(counts.items()):
        if number:
            candidates[source][kind] = number
    return candidates


def _kinds(verdicts: Sequence[Verdict], rules: ResolutionRules) -> Iterator[tuple[str, str]]:
    """Yield the source of each candidate, and why the source offers it to nobody, if so."""
    for verdict in verdicts:
        package = verdict.package
        if verdict.chosen or is_suitable(package, rules):
            yield package.source, OFFERED
        elif package.arch in SOURCE_ARCHES:
            yield package.source, SOURCE_PACKAGES
        elif package.arch not in rules.arches:
            yield package.source, package.arch


def _loss_problems(
    distribution: Distribution,
    candidates: Mapping[str, Mapping[str, int]],
    before: Mapping[str, Mapping[str, int]],
    max_loss: float,
) -> Iterator[str]:
    arch = distribution.policy.arch
    for source in distribution.sources:
        counts = candidates[source.name]
        now = counts[OFFERED]
        previous = before.get(source.name, {}).get(OFFERED, 0)
        others = {kind: number for kind, number in counts.items() if kind != OFFERED}
        # An administrator removes files from a folder; a mirror loses them.
        has_shrunk = source.type != "directory" and now * max_loss < previous
        if previous and (not now or has_shrunk):
            yield f"{source.where} has {now or 'no'} packages, and had {previous}" + (
                "; if another file system belongs there, mount it" if source.path else ""
            )
        elif others and not now and not source.include and not source.exclude:
            yield f"{source.where} has no package for {arch} ({describe_kinds(others)})"


def _empty_problem(
    distribution: Distribution, composition: Composition, published: Optional[PublishedGeneration]
) -> Iterator[str]:
    was_empty = published is not None and not sum(published.index.counts.values())
    if not composition.package_count and not was_empty:
        verdicts = (row for shard in composition.shards.values() for row in shard.verdicts())
        example = next(
            (row for row in verdicts if row.package.arch == distribution.policy.arch), None
        )
        reason = f": {example.package.nevra} is {example.reason}" if example else ""
        yield f"no source has a package for {distribution.policy.arch}{reason}"


def _check_patterns(
    distribution: Distribution, composition: Composition
) -> tuple[list[str], list[str]]:
    """Return the patterns that match nothing, and those that match only in other sources."""
    by_source: dict[str, list[Package]] = {}
    for composed in composition.shards.values():
        for verdict in composed.verdicts():
            by_source.setdefault(verdict.package.source, []).append(verdict.package)
    every = [package for packages in by_source.values() for package in packages]
    names = {package.name for package in every}
    problems: list[str] = []
    remarks: list[str] = []
    for sources in _as_described(distribution.sources):
        source = sources[0]
        packages = [package for part in sources for package in by_source.get(part.name, ())]
        for glob in unmatched_globs(source.include, packages):
            what = f'the pattern "{glob}" of include matches no package of {source.where}'
            problems.append(what + _suggest(glob, (package.name for package in packages)))
        # These two can guard against packages that the source does not have now.
        own_names = {package.name for package in packages}
        for option, globs, own, all_candidates in (
            ("exclude", source.exclude, packages, every),
            ("wins", source.wins, own_names, names),
        ):
            for glob in unmatched_globs(globs, own):
                if unmatched_globs([glob], all_candidates):
                    what = f'the pattern "{glob}" of {option} matches no package of any source'
                    problems.append(what + _suggest(glob, names))
                else:
                    remarks.append(
                        f'the pattern "{glob}" of {option} has no effect: {source.where} has no'
                        " such package"
                    )
    if distribution.policy.install_only != DEFAULT_INSTALL_ONLY:
        problems += [
            f'the pattern "{glob}" of install_only matches no package of any source'
            + _suggest(glob, names)
            for glob in unmatched_globs(distribution.policy.install_only, names)
        ]
    return problems, remarks


def _renamed_files(inputs: Sequence[Input]) -> Iterator[str]:
    """Describe files that vendors name differently from the packages that they contain."""
    for source_input in inputs:
        if isinstance(source_input, Directory):
            for package in source_input.packages():
                if os.path.basename(package.location) != package.file_name:
                    yield (
                        f'{package.location} of source "{source_input.source.name}" is published'
                        f" under the name of its header, {package.file_name}"
                    )


def _suggest(glob: str, names: Iterable[str]) -> str:
    hint = did_you_mean(glob.strip("*?"), set(names))
    return f"; {hint}" if hint else ""


def _as_described(sources: Sequence[Source]) -> list[list[Source]]:
    """Group the repositories of each installation medium, which is one source for its author."""
    groups: dict[tuple[str, str, str], list[Source]] = {}
    for source in sources:
        key = (source.url, source.path, "") if source.folder else ("", "", source.name)
        groups.setdefault(key, []).append(source)
    return list(groups.values())
