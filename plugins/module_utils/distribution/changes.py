# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one generation has that another has not."""

from __future__ import annotations

from typing import Collection, Iterable, Mapping

from .evr import evr_key
from .model import Change, Changes, Package

Slot = tuple[str, str]


def compare_packages(
    before: Iterable[Package], after: Iterable[Package], advisories: Iterable[str] = ()
) -> Changes:
    """The changes between two sets of packages.

    Of each name and architecture the newest package counts; where several versions stay (kernels, streams) those
    that came or went beside it are added or removed.

    advisories  identifiers that only the second generation has
    """
    was, now = list(before), list(after)
    same = {package.checksum for package in was} & {package.checksum for package in now}
    old, new = _slots(was, same), _slots(now, same)
    found: dict[str, list[Change]] = {"upgraded": [], "downgraded": []}
    added: list[str] = []
    removed: list[str] = []
    rebuilt: list[str] = []
    for slot in sorted({*old, *new}):
        lost, fresh = old.get(slot, {}), new.get(slot, {})
        gone = {nevra: package for nevra, package in lost.items() if nevra not in fresh}
        come = {nevra: package for nevra, package in fresh.items() if nevra not in lost}
        rebuilt += [nevra for nevra in fresh if nevra in lost]
        if gone and come:
            older, newer = _newest(gone.values()), _newest(come.values())
            kind = "upgraded" if evr_key(newer.evr) > evr_key(older.evr) else "downgraded"
            found[kind].append(Change(*slot, older.evr, newer.evr))
            del gone[older.nevra], come[newer.nevra]
        removed += gone
        added += come
    return Changes(
        tuple(sorted(added)),
        tuple(sorted(removed)),
        tuple(found["upgraded"]),
        tuple(found["downgraded"]),
        tuple(sorted(rebuilt)),
        tuple(sorted(advisories)),
    )


def _slots(packages: Iterable[Package], same: Collection[str]) -> Mapping[Slot, dict[str, Package]]:
    """By name and architecture, and then by NEVRA; what both have, by its checksum, left out."""
    slots: dict[Slot, dict[str, Package]] = {}
    for package in packages:
        if package.checksum not in same:
            slots.setdefault((package.name, package.arch), {})[package.nevra] = package
    return slots


def _newest(packages: Iterable[Package]) -> Package:
    return max(packages, key=lambda package: evr_key(package.evr))
