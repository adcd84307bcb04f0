# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules that decide about packages: the policy, and the rules of the sources."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from typing import AbstractSet, Any, Callable, Iterable, Mapping, Sequence, Union

from ..arches import COMPATIBLE_ARCHES, NOARCH, SOURCE_ARCHES
from ..evr import parse_evr
from ..model import EVR, Package, Policy, Source
from .module_streams import NO_STREAMS, Streams, full_nevra

Matcher = Callable[[str], Any]
PackageMatcher = Callable[[Package], bool]


@dataclasses.dataclass(frozen=True)
class ResolutionRules:
    """A policy and the rules of the sources, prepared for many packages."""

    policy: Policy
    streams: Streams
    preferences: Mapping[str, tuple[int, int]]
    """Source name -> priority and position; the lowest is preferred."""
    directories: frozenset[str]
    """Names of the sources that are folders of the administrator's own files."""
    included: Mapping[str, PackageMatcher]
    """Source name -> matcher of the packages to include; absent: all."""
    excluded: Mapping[str, PackageMatcher]
    winning: Mapping[str, Matcher]
    """Source name -> matcher of the names that this source wins."""
    install_only: Matcher
    arches: frozenset[str]


def build_rules(
    policy: Policy, sources: Sequence[Source], streams: Streams = NO_STREAMS
) -> ResolutionRules:
    """Return the rules for all packages of these sources."""
    return ResolutionRules(
        policy=policy,
        streams=streams,
        preferences={
            source.name: (source.effective_priority, position)
            for position, source in enumerate(sources)
        },
        directories=frozenset(source.name for source in sources if source.type == "directory"),
        included={
            source.name: package_matcher(source.include) for source in sources if source.include
        },
        excluded={
            source.name: package_matcher(source.exclude) for source in sources if source.exclude
        },
        winning={source.name: _matcher(source.wins) for source in sources if source.wins},
        install_only=_matcher(policy.install_only),
        arches=frozenset(COMPATIBLE_ARCHES.get(policy.arch, (policy.arch, NOARCH))),
    )


def unsuitable_because(package: Package, rules: ResolutionRules) -> str:
    """Return why a source does not contribute a package; empty when it does."""
    if package.arch not in rules.arches:
        if package.arch in SOURCE_ARCHES:
            return "a source package"
        return f"not for {rules.policy.arch}"
    if not rules.included and not rules.excluded:
        return ""
    included = rules.included.get(package.source)
    if included and not included(package):
        return f'not included by source "{package.source}"'
    excluded = rules.excluded.get(package.source)
    if excluded and excluded(package):
        return f'excluded by source "{package.source}"'
    return ""


def package_matcher(globs: Sequence[str]) -> PackageMatcher:
    """Return a function that is true for packages that match one of the globs.

    A glob with a slash is compared with the path in the source; another one with the name,
    ``name.arch``, and the NEVRA with and without an epoch of 0.
    """
    matches_name = _matcher([glob for glob in globs if "/" not in glob])
    matches_path = _matcher([glob for glob in globs if "/" in glob])

    def matches(package: Package) -> bool:
        texts = (
            package.name,
            f"{package.name}.{package.arch}",
            package.nevra,
            full_nevra(package),
        )
        return any(matches_name(text) for text in texts) or bool(matches_path(package.location))

    return matches


def choose_winner(name: str, sources: AbstractSet[str], rules: ResolutionRules) -> str:
    """Return the preferred one of the sources that win a name; empty when none does."""
    claimants = [source for source, wins in rules.winning.items() if wins(name)]
    return min(sources & set(claimants), key=lambda source: rules.preferences[source], default="")


def matches_pin(evr: EVR, pin: str) -> bool:
    """Compare only the parts that the pin contains."""
    pinned = parse_evr(pin)
    return (
        evr.version == pinned.version
        and (not pinned.release or evr.release == pinned.release)
        and (":" not in pin or evr.epoch == pinned.epoch)
    )


def is_suitable(package: Package, rules: ResolutionRules) -> bool:
    """Return whether a package is for the architecture, and its source includes it."""
    return not unsuitable_because(package, rules)


def unmatched_globs(globs: Sequence[str], candidates: Iterable[Union[Package, str]]) -> list[str]:
    """Return the globs that match no candidate.

    candidates  packages, or names
    """
    matchers = {glob: (_matcher([glob]), package_matcher([glob])) for glob in globs}
    for candidate in candidates if matchers else ():
        for glob, (matches_name, matches_package) in list(matchers.items()):
            if isinstance(candidate, str):
                is_match = matches_name(candidate)
            else:
                is_match = matches_package(candidate)
            if is_match:
                del matchers[glob]
        if not matchers:
            break
    return list(matchers)


def _matcher(globs: Sequence[str]) -> Matcher:
    """Return a function that is true for texts that match one of the globs."""
    if not globs:
        return lambda _text: None
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs)).match
