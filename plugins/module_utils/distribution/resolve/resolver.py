# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the packages of a distribution: the newest of each, by rpm's order (paper, 6.2.1).

File times are never compared: an old package that was rebuilt is still old.  Only packages of one
name compete with each other, so any part of a distribution can be resolved alone.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import re
from typing import Any, Callable, Iterable, Mapping, Sequence, Union

from ...errors import NotFound
from ...suggestions import did_you_mean
from ..arches import COMPATIBLE_ARCHES, NOARCH, SOURCE_ARCHES
from ..evr import package_key, parse_evr
from ..metadata.module_streams import NO_STREAMS, Streams
from ..model import EVR, Clash, Package, Policy, Resolution, Source, Verdict

Matcher = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class ResolutionRules:
    """A policy and the rules of the sources, prepared for many packages."""

    policy: Policy
    streams: Streams
    preferences: Mapping[str, tuple[int, int]]
    """Source name -> priority and position; the lowest is preferred."""
    included: Mapping[str, Matcher]
    """Source name -> matcher of the packages to include; absent: all."""
    excluded: Mapping[str, Matcher]
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
        included={source.name: _matcher(source.include) for source in sources if source.include},
        excluded={source.name: _matcher(source.exclude) for source in sources if source.exclude},
        winning={source.name: _matcher(source.wins) for source in sources if source.wins},
        install_only=_matcher(policy.install_only),
        arches=frozenset(COMPATIBLE_ARCHES.get(policy.arch, (policy.arch, NOARCH))),
    )


def resolve_packages(packages: Iterable[Package], rules: ResolutionRules) -> Resolution:
    """Decide about every candidate; the order of ``packages`` does not matter.

    Raises NotFound that lists the available versions when a pin matches no version of its package.
    """
    by_name: dict[str, list[Package]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    parts = [_resolve_name(by_name[name], rules) for name in sorted(by_name)]
    return Resolution(
        verdicts=tuple(itertools.chain.from_iterable(part.verdicts for part in parts)),
        clashes=tuple(itertools.chain.from_iterable(part.clashes for part in parts)),
        undecided=tuple(itertools.chain.from_iterable(part.undecided for part in parts)),
        remarks=tuple(itertools.chain.from_iterable(part.remarks for part in parts)),
    )


def check_pins(pins: Iterable[str], names: Iterable[str]) -> None:
    """Raise NotFound for the first pin, alphabetically, that is not the name of a package."""
    existing = set(names)
    for pin in sorted(set(pins) - existing):
        raise NotFound(
            f'the pin "{pin}" is not the name of a package in any source',
            hint=did_you_mean(pin, existing),
        )


def _resolve_name(packages: list[Package], rules: ResolutionRules) -> Resolution:
    """Resolve the packages of one name.

    Each step appends verdicts on some of the packages, and passes the others to the next step.
    """
    verdicts: list[Verdict] = []
    in_order = _sort(packages, rules.preferences)
    candidates = _drop_unsuitable(in_order, rules, verdicts)
    candidates, clashes, undecided = _drop_duplicates(candidates, rules.preferences, verdicts)
    candidates = _decide_modular(candidates, rules, verdicts)
    candidates = _apply_wins(candidates, rules, verdicts)
    candidates = _apply_pin(candidates, rules.policy.pins, verdicts)
    candidates = _keep_newest(candidates, rules, verdicts)
    remarks = _remarks(candidates, rules.policy)
    if rules.policy.drop_stale:
        candidates = _drop_stale(candidates, verdicts)
    reason = "every version stays" if rules.policy.versions == "all" else "the newest"
    verdicts += [Verdict(package, True, reason) for package in candidates]
    if len(verdicts) > 1:
        position = {id(package): number for number, package in enumerate(in_order)}
        verdicts.sort(key=lambda verdict: position[id(verdict.package)])
    return Resolution(
        verdicts=tuple(verdicts),
        clashes=tuple(clashes),
        undecided=tuple(undecided),
        remarks=tuple(remarks),
    )


def _sort(packages: list[Package], preferences: Mapping[str, tuple[int, int]]) -> list[Package]:
    """Sort by architecture, then the newest first, then the preferred source first."""
    if len(packages) == 1:
        return packages
    in_order = sorted(
        packages,
        key=lambda package: (preferences[package.source], package.location, package.checksum),
    )
    in_order.sort(key=package_key, reverse=True)
    in_order.sort(key=lambda package: package.arch)
    return in_order


def _drop_unsuitable(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Drop packages of other architectures, and those that their source does not include."""
    suitable = []
    for package in packages:
        reason = _unsuitable_because(package, rules)
        if reason:
            verdicts.append(Verdict(package, False, reason))
        else:
            suitable.append(package)
    return suitable


def _unsuitable_because(package: Package, rules: ResolutionRules) -> str:
    if package.arch not in rules.arches:
        if package.arch in SOURCE_ARCHES:
            return "a source package"
        return f"not for {rules.policy.arch}"
    if not rules.included and not rules.excluded:
        return ""
    included = rules.included.get(package.source)
    if included and not _matches(included, package):
        return f'not included by source "{package.source}"'
    excluded = rules.excluded.get(package.source)
    if excluded and _matches(excluded, package):
        return f'excluded by source "{package.source}"'
    return ""


def _matches(matcher: Matcher, package: Package) -> bool:
    """Match the name, ``name.arch``, and the NEVRA with and without an epoch of 0."""
    full = f"{package.name}-{package.epoch}:{package.version}-{package.release}.{package.arch}"
    texts = (package.name, f"{package.name}.{package.arch}", package.nevra, full)
    return any(matcher(text) for text in texts)


def _drop_duplicates(
    packages: list[Package], preferences: Mapping[str, tuple[int, int]], verdicts: list[Verdict]
) -> tuple[list[Package], list[Clash], list[Clash]]:
    """Keep one package per NEVRA: the first, because the preferred source comes first.

    Returns the packages, and the clashes that a difference of priority did and did not decide.
    """
    clashes: list[Clash] = []
    undecided: list[Clash] = []
    if len(packages) == 1:
        return packages, clashes, undecided
    first: dict[tuple[str, int, str, str], Package] = {}
    for package in packages:
        winner = first.setdefault(
            (package.arch, package.epoch, package.version, package.release), package
        )
        if winner is package:
            continue
        if _is_same_file(winner, package):
            reason = f'the same package as in source "{winner.source}"'
        else:
            has_priority = preferences[winner.source][0] < preferences[package.source][0]
            (clashes if has_priority else undecided).append(Clash(winner, package))
            reason = (
                f'source "{winner.source}" is preferred, and has other content under this name'
                " and version"
            )
        verdicts.append(Verdict(package, False, reason))
    return list(first.values()), clashes, undecided


def _is_same_file(first: Package, second: Package) -> bool:
    """Compare checksums, or sizes when the checksums are of different algorithms."""
    if first.checksum_type == second.checksum_type:
        return first.checksum == second.checksum
    return first.size == second.size


def _decide_modular(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Keep the current packages of each module stream, whatever their versions.

    They do not compete with packages outside of modules.
    """
    if not packages or packages[0].name not in rules.streams.names:
        return packages
    outside = []
    for package in packages:
        membership = rules.streams.membership_of(package)
        if membership is None:
            outside.append(package)
        elif membership.current or rules.policy.versions == "all":
            verdicts.append(Verdict(package, True, f"of the module stream {membership.stream}"))
        else:
            reason = f"of an older build of the module stream {membership.stream}"
            verdicts.append(Verdict(package, False, reason))
    return outside


def _apply_wins(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Where a source wins a name, drop the packages of other sources."""
    if not rules.winning or not packages:
        return packages
    claimants = {source for source, wins in rules.winning.items() if wins(packages[0].name)}
    winners = sorted(
        {package.source for package in packages} & claimants,
        key=lambda name: rules.preferences[name],
    )
    if not winners:
        return packages
    reason = f'source "{winners[0]}" wins this name'
    verdicts += [
        Verdict(package, False, reason) for package in packages if package.source != winners[0]
    ]
    return [package for package in packages if package.source == winners[0]]


def _apply_pin(
    packages: list[Package], pins: Mapping[str, str], verdicts: list[Verdict]
) -> list[Package]:
    """Choose the pinned version.  Raises NotFound when no source has it."""
    pin = pins.get(packages[0].name) if packages else None
    if pin is None:
        return packages
    pinned = parse_evr(pin)
    matches = [package for package in packages if _matches_pin(package.evr, pinned, pin)]
    if not matches:
        available = ", ".join(dict.fromkeys(str(package.evr) for package in packages))
        raise NotFound(
            f'no source has {packages[0].name} in the pinned version "{pin}"',
            hint=f"available: {available}",
        )
    verdicts += [Verdict(package, True, f"pinned to {pin}") for package in matches]
    verdicts += [
        Verdict(package, False, f"pinned to {pin}")
        for package in packages
        if package not in matches
    ]
    return []


def _matches_pin(evr: EVR, pinned: EVR, pin: str) -> bool:
    """Compare only the parts that the pin contains."""
    return (
        evr.version == pinned.version
        and (not pinned.release or evr.release == pinned.release)
        and (":" not in pin or evr.epoch == pinned.epoch)
    )


def _keep_newest(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Keep the newest per architecture; of install-only packages, several."""
    if rules.policy.versions == "all" or not packages:
        return packages
    limit = rules.policy.install_only_limit if rules.install_only(packages[0].name) else 1
    newest = []
    for _arch, group in itertools.groupby(packages, key=lambda package: package.arch):
        first, *others = group
        newest += [first, *others[: limit - 1]]
        reason = f'older than {first.evr} of source "{first.source}"'
        verdicts += [Verdict(package, False, reason) for package in others[limit - 1 :]]
    return newest


def _newest_per_arch(packages: list[Package]) -> list[Package]:
    return [
        next(group)
        for _arch, group in itertools.groupby(packages, key=lambda package: package.arch)
    ]


def _stale_pairs(packages: list[Package]) -> list[tuple[Package, Package]]:
    """Return pairs of an older and a newer package of which one is noarch and the other is not."""
    newest = _newest_per_arch(packages)
    noarch = next((package for package in newest if package.arch == NOARCH), None)
    if noarch is None:
        return []
    pairs = []
    for other in newest:
        if other is not noarch and package_key(other) != package_key(noarch):
            older, newer = sorted((noarch, other), key=package_key)
            pairs.append((older, newer))
    return pairs


def _drop_stale(packages: list[Package], verdicts: list[Verdict]) -> list[Package]:
    replacements = {older.arch: newer for older, newer in _stale_pairs(packages)}
    for package in packages:
        newer = replacements.get(package.arch)
        if newer:
            reason = f"replaced by {newer.evr}, which is {newer.arch}"
            verdicts.append(Verdict(package, False, reason))
    return [package for package in packages if package.arch not in replacements]


def _remarks(packages: list[Package], policy: Policy) -> list[str]:
    if len(packages) < 2 or policy.versions == "all":
        return []
    remarks = [
        f"{older.nevra} is older than {newer.nevra}: this package changed between noarch and an"
        " architecture"
        for older, newer in _stale_pairs(packages)
        if not policy.drop_stale
    ]
    newest = _newest_per_arch(packages)
    native = next((package for package in newest if package.arch == policy.arch), None)
    for other in newest:
        if (
            native
            and other.arch not in (policy.arch, NOARCH)
            and package_key(other) != package_key(native)
        ):
            remarks.append(
                f"{other.nevra} and {native.nevra} cannot be installed side by side:"
                " their versions differ"
            )
    return remarks


def _matcher(globs: Sequence[str]) -> Matcher:
    """Return a function that is true for texts that match one of the globs."""
    if not globs:
        return lambda _text: None
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs)).match


def is_suitable(package: Package, rules: ResolutionRules) -> bool:
    """Return whether a package is for the architecture, and its source includes it."""
    return not _unsuitable_because(package, rules)


def unmatched_globs(globs: Sequence[str], candidates: Iterable[Union[Package, str]]) -> list[str]:
    """Return the globs that match neither the name nor the NEVRA of any candidate.

    candidates  packages, or names
    """
    matchers = {glob: _matcher([glob]) for glob in globs}
    for candidate in candidates if matchers else ():
        for glob, matcher in list(matchers.items()):
            is_match = (
                matcher(candidate) if isinstance(candidate, str) else _matches(matcher, candidate)
            )
            if is_match:
                del matchers[glob]
        if not matchers:
            break
    return list(matchers)
