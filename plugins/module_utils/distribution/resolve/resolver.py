# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packages a distribution takes: the newest of each, by rpm's order (paper, 6.2.1).

Never a file time: a rebuilt old package stays old.  Packages of one name only ever compete with each other, so that
any part of a distribution can be resolved alone.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import re
from typing import Any, Callable, Iterable, Mapping, Sequence

from ...errors import NotFound
from ...suggestions import did_you_mean
from ..arches import COMPATIBLE_ARCHES, NOARCH, SOURCE_ARCHES
from ..evr import package_key, parse_evr
from ..metadata.module_streams import NO_STREAMS, Streams
from ..model import EVR, Clash, Package, Policy, Resolution, Source, Verdict

Matcher = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class ResolutionRules:
    """A policy and what the sources ask for, made ready for many packages."""

    policy: Policy
    streams: Streams
    ranks: Mapping[str, tuple[int, int]]
    included: Mapping[str, Matcher]
    excluded: Mapping[str, Matcher]
    winning: Mapping[str, Matcher]
    install_only: Matcher
    arches: frozenset[str]


def build_rules(
    policy: Policy, sources: Sequence[Source], streams: Streams = NO_STREAMS
) -> ResolutionRules:
    """What holds for every package of these sources."""
    return ResolutionRules(
        policy,
        streams,
        {source.name: (source.effective_priority, place) for place, source in enumerate(sources)},
        {source.name: _matcher(source.include) for source in sources if source.include},
        {source.name: _matcher(source.exclude) for source in sources if source.exclude},
        {source.name: _matcher(source.wins) for source in sources if source.wins},
        _matcher(policy.install_only),
        frozenset(COMPATIBLE_ARCHES.get(policy.arch, (policy.arch, NOARCH))),
    )


def resolve_packages(packages: Iterable[Package], given: ResolutionRules) -> Resolution:
    """Decide about every candidate; the order of ``packages`` does not matter.

    Raises NotFound, naming the versions at hand, when a pin matches none of a package's versions.
    """
    names: dict[str, list[Package]] = {}
    for package in packages:
        names.setdefault(package.name, []).append(package)
    parts = [_resolve_name(names[name], given) for name in sorted(names)]
    return Resolution(
        tuple(itertools.chain.from_iterable(part.verdicts for part in parts)),
        tuple(itertools.chain.from_iterable(part.clashes for part in parts)),
        tuple(itertools.chain.from_iterable(part.undecided for part in parts)),
        tuple(itertools.chain.from_iterable(part.remarks for part in parts)),
    )


def check_pins(pins: Iterable[str], names: Iterable[str]) -> None:
    """Every pin names a package.  Raises NotFound that lists the pins that do not, and near names."""
    known = set(names)
    for pin in sorted(set(pins) - known):
        raise NotFound(
            f'the pin "{pin}" names no package of any source', hint=did_you_mean(pin, known)
        )


def _resolve_name(packages: list[Package], given: ResolutionRules) -> Resolution:
    """Each step decides about some of the packages of one name and hands on the others."""
    verdicts: list[Verdict] = []
    ordered = _sorted(packages, given.ranks)
    left = _admitted(ordered, given, verdicts)
    left, clashes, disputed = _distinct(left, given.ranks, verdicts)
    left = _modular(left, given, verdicts)
    left = _claimed(left, given, verdicts)
    left = _pinned(left, given.policy.pins, verdicts)
    left = _newest(left, given, verdicts)
    remarks = _remarks(left, given.policy)
    if given.policy.drop_stale:
        left = _without_stale(left, verdicts)
    reason = "every version stays" if given.policy.versions == "all" else "the newest"
    verdicts += [Verdict(package, True, reason) for package in left]
    if len(verdicts) > 1:
        place = {id(package): number for number, package in enumerate(ordered)}
        verdicts.sort(key=lambda verdict: place[id(verdict.package)])
    return Resolution(tuple(verdicts), tuple(clashes), tuple(disputed), tuple(remarks))


def _sorted(packages: list[Package], ranks: Mapping[str, tuple[int, int]]) -> list[Package]:
    """By architecture, the newest first, then the preferred source first."""
    if len(packages) == 1:
        return packages
    ordered = sorted(
        packages, key=lambda package: (ranks[package.source], package.location, package.checksum)
    )
    ordered.sort(key=package_key, reverse=True)
    ordered.sort(key=lambda package: package.arch)
    return ordered


def _admitted(
    packages: list[Package], given: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    left = []
    for package in packages:
        refusal = _refusal(package, given)
        if refusal:
            verdicts.append(Verdict(package, False, refusal))
        else:
            left.append(package)
    return left


def _refusal(package: Package, given: ResolutionRules) -> str:
    if package.arch not in given.arches:
        return (
            "a source package" if package.arch in SOURCE_ARCHES else f"not for {given.policy.arch}"
        )
    if not given.included and not given.excluded:
        return ""
    included = given.included.get(package.source)
    if included and not _matches(included, package):
        return f'source "{package.source}" does not include it'
    excluded = given.excluded.get(package.source)
    if excluded and _matches(excluded, package):
        return f'source "{package.source}" excludes it'
    return ""


def _matches(matcher: Matcher, package: Package) -> bool:
    """Globs meet the name, the name with its architecture, and the NEVRA with and without an epoch of 0."""
    full = f"{package.name}-{package.epoch}:{package.version}-{package.release}.{package.arch}"
    texts = (package.name, f"{package.name}.{package.arch}", package.nevra, full)
    return any(matcher(text) for text in texts)


def _distinct(
    packages: list[Package], ranks: Mapping[str, tuple[int, int]], verdicts: list[Verdict]
) -> tuple[list[Package], list[Clash], list[Clash]]:
    """One package per NEVRA.  They come sorted, so that the preferred one is the first."""
    clashes: list[Clash] = []
    disputed: list[Clash] = []
    if len(packages) == 1:
        return packages, clashes, disputed
    first: dict[tuple[str, int, str, str], Package] = {}
    for package in packages:
        winner = first.setdefault(
            (package.arch, package.epoch, package.version, package.release), package
        )
        if winner is package:
            continue
        if _same(winner, package):
            verdicts.append(
                Verdict(package, False, f'the same package as in source "{winner.source}"')
            )
            continue
        decided = ranks[winner.source][0] < ranks[package.source][0]
        (clashes if decided else disputed).append(Clash(winner, package))
        reason = f'source "{winner.source}" is preferred, and has other content under this name and version'
        verdicts.append(Verdict(package, False, reason))
    return list(first.values()), clashes, disputed


def _same(one: Package, other: Package) -> bool:
    """The same file; where two repositories use different algorithms, the size has to do."""
    if one.checksum_type == other.checksum_type:
        return one.checksum == other.checksum
    return one.size == other.size


def _modular(
    packages: list[Package], given: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """A stream's packages stay whatever their version; they neither beat nor yield to packages outside of it."""
    if not packages or packages[0].name not in given.streams.names:
        return packages
    left = []
    for package in packages:
        membership = given.streams.membership_of(package)
        if membership is None:
            left.append(package)
        elif membership.current or given.policy.versions == "all":
            verdicts.append(Verdict(package, True, f"of the module stream {membership.stream}"))
        else:
            verdicts.append(
                Verdict(
                    package, False, f"of an older build of the module stream {membership.stream}"
                )
            )
    return left


def _claimed(
    packages: list[Package], given: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Where a source wins a name, the others' packages of that name are out."""
    if not given.winning:
        return packages
    claims = {
        source for source, wins in given.winning.items() if packages and wins(packages[0].name)
    }
    holders = sorted(
        {package.source for package in packages} & claims, key=lambda name: given.ranks[name]
    )
    if not holders:
        return packages
    reason = f'source "{holders[0]}" wins this name'
    verdicts += [
        Verdict(package, False, reason) for package in packages if package.source != holders[0]
    ]
    return [package for package in packages if package.source == holders[0]]


def _pinned(
    packages: list[Package], pins: Mapping[str, str], verdicts: list[Verdict]
) -> list[Package]:
    pin = pins.get(packages[0].name) if packages else None
    if pin is None:
        return packages
    wanted = parse_evr(pin)
    met = [package for package in packages if _meets(package.evr, wanted, pin)]
    if not met:
        at_hand = ", ".join(dict.fromkeys(str(package.evr) for package in packages))
        raise NotFound(
            f'no source has {packages[0].name} in the pinned version "{pin}"',
            hint=f"at hand: {at_hand}",
        )
    verdicts += [Verdict(package, True, f"pinned to {pin}") for package in met]
    verdicts += [
        Verdict(package, False, f"pinned to {pin}") for package in packages if package not in met
    ]
    return []


def _meets(have: EVR, wanted: EVR, pin: str) -> bool:
    """The parts that the pin gives are equal."""
    return (
        have.version == wanted.version
        and (not wanted.release or have.release == wanted.release)
        and (":" not in pin or have.epoch == wanted.epoch)
    )


def _newest(
    packages: list[Package], given: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """The newest per architecture, or the few newest of what may be installed side by side."""
    if given.policy.versions == "all" or not packages:
        return packages
    limit = given.policy.install_only_limit if given.install_only(packages[0].name) else 1
    left = []
    for _arch, group in itertools.groupby(packages, key=lambda package: package.arch):
        first, *others = group
        left += [first, *others[: limit - 1]]
        reason = f'older than {first.evr} of source "{first.source}"'
        verdicts += [Verdict(package, False, reason) for package in others[limit - 1 :]]
    return left


def _stale(packages: list[Package]) -> list[tuple[Package, Package]]:
    """Pairs of a package and the newer one that replaced it when noarch became an architecture, or the reverse."""
    newest = [
        next(group)
        for _arch, group in itertools.groupby(packages, key=lambda package: package.arch)
    ]
    plain = next((package for package in newest if package.arch == NOARCH), None)
    if plain is None:
        return []
    pairs = []
    for other in newest:
        if other is not plain and package_key(other) != package_key(plain):
            older, newer = sorted((plain, other), key=package_key)
            pairs.append((older, newer))
    return pairs


def _without_stale(packages: list[Package], verdicts: list[Verdict]) -> list[Package]:
    newer_of = {older.arch: newer for older, newer in _stale(packages)}
    for package in packages:
        if package.arch in newer_of:
            newer = newer_of[package.arch]
            verdicts.append(
                Verdict(package, False, f"replaced by {newer.evr}, which is {newer.arch}")
            )
    return [package for package in packages if package.arch not in newer_of]


def _remarks(packages: list[Package], policy: Policy) -> list[str]:
    if len(packages) < 2 or policy.versions == "all":
        return []
    remarks = [
        f"{older.nevra} is older than {newer.nevra}: this package changed between noarch and an architecture"
        for older, newer in _stale(packages)
        if not policy.drop_stale
    ]
    newest = [
        next(group)
        for _arch, group in itertools.groupby(packages, key=lambda package: package.arch)
    ]
    own = next((package for package in newest if package.arch == policy.arch), None)
    for other in newest:
        if (
            own
            and other.arch not in (policy.arch, NOARCH)
            and package_key(other) != package_key(own)
        ):
            remarks.append(
                f"{other.nevra} and {own.nevra} cannot be installed side by side: their versions differ"
            )
    return remarks


def _matcher(globs: Sequence[str]) -> Matcher:
    """A function that tells whether a text meets one of the globs."""
    if not globs:
        return lambda _text: None
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs)).match
