# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choose the packages of a distribution: the newest of each, by rpm's order (paper, 6.2.1).

File times are never compared: an old package that was rebuilt is still old.  Only packages of one
name compete with each other, so any part of a distribution can be resolved alone.
"""

from __future__ import annotations

import itertools
from typing import Iterable, Mapping

from ...errors import NotFound
from ...suggestions import did_you_mean
from ..arches import NOARCH
from ..evr import package_key
from ..model import Clash, Package, Policy, Resolution, Verdict
from .rules import ResolutionRules, choose_winner, matches_pin, unsuitable_because


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
    remarks: list[str] = []
    candidates, clashes, undecided = _drop_duplicates(candidates, rules, verdicts, remarks)
    competing = candidates
    candidates = _decide_modular(candidates, rules, verdicts)
    candidates = _apply_wins(candidates, rules, verdicts)
    if packages[0].name in rules.policy.pins:
        candidates = _apply_pin(candidates, competing, rules.policy.pins, verdicts)
    candidates = _keep_newest(candidates, rules, verdicts)
    remarks += _remarks(candidates, rules.policy)
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
        reason = unsuitable_because(package, rules)
        if reason:
            verdicts.append(Verdict(package, False, reason))
        else:
            suitable.append(package)
    return suitable


def _drop_duplicates(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict], remarks: list[str]
) -> tuple[list[Package], list[Clash], list[Clash]]:
    """Keep one package per NEVRA: the first, because the preferred source comes first.

    Of two files in one repository, the first is what dnf installs.  In a folder, the administrator
    can remove one, and one of two builds for different releases would be wrong.

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
        elif winner.source == package.source and winner.source not in rules.directories:
            clashes.append(Clash(winner, package))
            reason = f"another file of this name and version in its source: {winner.location}"
            remarks.append(
                f'source "{winner.source}" has two files of {winner.nevra}: {winner.location} is'
                f" taken, as by dnf, and not {package.location}; exclude the path of one to choose"
            )
        else:
            has_priority = _priority(winner, rules) < _priority(package, rules)
            (clashes if has_priority else undecided).append(Clash(winner, package))
            reason = (
                f'source "{winner.source}" is preferred, and has other content under this name'
                " and version"
            )
        verdicts.append(Verdict(package, False, reason))
    return list(first.values()), clashes, undecided


def _priority(package: Package, rules: ResolutionRules) -> int:
    return rules.preferences[package.source][0]


def _is_same_file(first: Package, second: Package) -> bool:
    """Compare checksums, or sizes when the checksums are of different algorithms."""
    if first.checksum_type == second.checksum_type:
        return first.checksum == second.checksum
    return first.size == second.size


def _decide_modular(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Keep the packages of the chosen build of each module stream, whatever their versions.

    They do not compete with packages outside of modules.
    """
    if not packages or packages[0].name not in rules.streams.names:
        return packages
    outside = []
    for package in packages:
        membership = rules.streams.membership_of(package)
        if membership is None:
            outside.append(package)
        else:
            verdicts.append(Verdict(package, membership.current, membership.reason))
    return outside


def _apply_wins(
    packages: list[Package], rules: ResolutionRules, verdicts: list[Verdict]
) -> list[Package]:
    """Where a source wins a name, drop the packages of other sources."""
    if not rules.winning or not packages:
        return packages
    in_streams = [verdict.package for verdict in verdicts if verdict.chosen]
    sources = {package.source for package in (*packages, *in_streams)}
    winner = choose_winner(packages[0].name, sources, rules)
    if not winner:
        return packages
    reason = f'source "{winner}" wins this name'
    verdicts += [
        Verdict(package, False, reason) for package in packages if package.source != winner
    ]
    return [package for package in packages if package.source == winner]


def _apply_pin(
    packages: list[Package],
    competing: list[Package],
    pins: Mapping[str, str],
    verdicts: list[Verdict],
) -> list[Package]:
    """Choose the pinned version.

    A pin that matches packages of a module stream leaves the others of this name alone.  Raises
    NotFound when no source has the version.

    competing  the packages that are left, and those of module streams
    verdicts   on the packages of module streams, and on unsuitable ones
    """
    if not competing:
        excluded = verdicts[0]
        raise NotFound(
            f'the pin of "{excluded.package.name}" has no effect: all of its packages are left out',
            hint=f"{excluded.package.nevra} is {excluded.reason}",
        )
    name = competing[0].name
    pin = pins[name]
    candidates = [*packages, *(verdict.package for verdict in verdicts if verdict.chosen)]
    matches = [package for package in candidates if matches_pin(package.evr, pin)]
    if not matches:
        available = ", ".join(dict.fromkeys(str(package.evr) for package in competing))
        raise NotFound(
            f'no source has {name} in the pinned version "{pin}"',
            hint=f"available: {available}",
        )
    matches = [package for package in packages if package in matches]
    if not matches:
        return packages
    verdicts += [Verdict(package, True, f"pinned to {pin}") for package in matches]
    verdicts += [
        Verdict(package, False, f"pinned to {pin}")
        for package in packages
        if package not in matches
    ]
    return []


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
