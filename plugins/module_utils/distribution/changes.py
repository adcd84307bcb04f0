# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The differences between the packages of two generations."""

from __future__ import annotations

from typing import Collection, Iterable, Mapping

from .evr import evr_key
from .model import Change, Changes, Package

NameArch = tuple[str, str]


def compare_packages(
    before: Iterable[Package], after: Iterable[Package], advisories: Iterable[str] = ()
) -> Changes:
    """Compare two sets of packages.

    The newest package of each name and architecture counts as upgraded or downgraded.  Where
    several versions stay (kernels, module streams), the other ones count as added or removed.

    advisories  identifiers that only the second generation contains
    """
    before = list(before)
    after = list(after)
    same = {package.checksum for package in before} & {package.checksum for package in after}
    old_packages = _by_name_and_arch(before, same)
    new_packages = _by_name_and_arch(after, same)
    added: list[str] = []
    removed: list[str] = []
    upgraded: list[Change] = []
    downgraded: list[Change] = []
    rebuilt: list[str] = []
    for name_arch in sorted({*old_packages, *new_packages}):
        old = old_packages.get(name_arch, {})
        new = new_packages.get(name_arch, {})
        disappeared = {nevra: package for nevra, package in old.items() if nevra not in new}
        appeared = {nevra: package for nevra, package in new.items() if nevra not in old}
        rebuilt += [nevra for nevra in new if nevra in old]
        if disappeared and appeared:
            older = _newest(disappeared.values())
            newer = _newest(appeared.values())
            changes = upgraded if evr_key(newer.evr) > evr_key(older.evr) else downgraded
            changes.append(Change(*name_arch, before=older.evr, after=newer.evr))
            del disappeared[older.nevra]
            del appeared[newer.nevra]
        removed += disappeared
        added += appeared
    return Changes(
        added=tuple(sorted(added)),
        removed=tuple(sorted(removed)),
        upgraded=tuple(upgraded),
        downgraded=tuple(downgraded),
        rebuilt=tuple(sorted(rebuilt)),
        advisories=tuple(sorted(advisories)),
    )


def _by_name_and_arch(
    packages: Iterable[Package], same: Collection[str]
) -> Mapping[NameArch, dict[str, Package]]:
    """Map name and architecture to packages by NEVRA, without the checksums in ``same``."""
    groups: dict[NameArch, dict[str, Package]] = {}
    for package in packages:
        if package.checksum not in same:
            groups.setdefault((package.name, package.arch), {})[package.nevra] = package
    return groups


def _newest(packages: Iterable[Package]) -> Package:
    return max(packages, key=lambda package: evr_key(package.evr))
