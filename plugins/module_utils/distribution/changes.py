# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one generation has that another has not."""

from __future__ import annotations

from typing import Iterable, Mapping

from .evr import key
from .model import Change, Changes, Package

Slot = tuple[str, str]


def compare(before: Iterable[Package], after: Iterable[Package], advisories: Iterable[str] = ()) -> Changes:
    """The changes between two sets of packages.

    Of each name and architecture the newest package counts; where several versions stay (kernels, streams) those
    that came or went beside it are added or removed.

    advisories  identifiers that only the second generation has
    """
    old, new = _slots(before), _slots(after)
    found: dict[str, list[Change]] = {"upgraded": [], "downgraded": []}
    added, removed, rebuilt = [], [], []
    for slot in sorted({*old, *new}):
        was, now = old.get(slot, {}), new.get(slot, {})
        gone = [was[nevra] for nevra in was if nevra not in now]
        come = [now[nevra] for nevra in now if nevra not in was]
        rebuilt += [nevra for nevra in now if nevra in was and now[nevra].checksum != was[nevra].checksum]
        if gone and come:
            older, newer = _newest(gone), _newest(come)
            kind = "upgraded" if key(newer.evr) > key(older.evr) else "downgraded"
            found[kind].append(Change(*slot, older.evr, newer.evr))
            gone.remove(older)
            come.remove(newer)
        removed += [package.nevra for package in gone]
        added += [package.nevra for package in come]
    return Changes(
        tuple(sorted(added)),
        tuple(sorted(removed)),
        tuple(found["upgraded"]),
        tuple(found["downgraded"]),
        tuple(sorted(rebuilt)),
        tuple(sorted(advisories)),
    )


def _slots(packages: Iterable[Package]) -> Mapping[Slot, dict[str, Package]]:
    slots: dict[Slot, dict[str, Package]] = {}
    for package in packages:
        slots.setdefault((package.name, package.arch), {})[package.nevra] = package
    return slots


def _newest(packages: list[Package]) -> Package:
    return max(packages, key=lambda package: key(package.evr))
