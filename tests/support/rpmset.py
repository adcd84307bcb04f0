# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Realistic sets of RPM files for benchmarks: four sources with packages of CentOS Stream 9.

    python -m support.rpmset TARGET 5000            (from the folder tests)

88 % are packages of AppStream: the first build of each name and architecture goes to `os`, later
ones to `updates`.  The rest goes to `contrib` and `local`: newer and older versions, the same name
with other content, `~`, `^`, another epoch, another architecture, and packages that only this site
has.  The same seed gives the same bytes.
"""

from __future__ import annotations

import collections
import dataclasses
import multiprocessing
import pathlib
import random
import sys
from typing import Any, Callable, Iterable, Mapping, NamedTuple

import createrepo_c

from .rpms import BUILD_TIME, Change, Rpm, write
from .samples import sample

SEED = 42
REAL_SHARE = 0.88
MEAN_FILES = 86
MAX_FILES = 600
OPERATORS = {"EQ": "=", "LT": "<", "GT": ">", "GE": ">=", "LE": "<="}
SCRIPT = b"#!/bin/true\n"


class SourcePackage(NamedTuple):
    """A package and its source."""

    source: str
    rpm: Rpm


def write_set(target: pathlib.Path, count: int, padding: int = 0) -> dict[str, int]:
    """Write ``count`` packages below ``target``/SOURCE/Packages; return the number for each source.

    padding  mean number of bytes of noise per package; sizes are distributed as in reality

    A complete set is not written again.
    """
    rows = plan(count)
    totals = dict(sorted(collections.Counter(row.source for row in rows).items()))
    stamp = target / "complete"
    label = f"{totals} {padding} {SEED}"
    if not stamp.exists() or stamp.read_text() != label:
        jobs = [(target, row, padding) for row in rows]
        with multiprocessing.get_context("fork").Pool() as pool:
            collections.deque(pool.imap_unordered(_write_one, jobs, 64), maxlen=0)
        stamp.write_text(label)
    return totals


def plan(count: int) -> list[SourcePackage]:
    """Return ``count`` packages without files: names, versions, relations and sources."""
    chance = random.Random(SEED)
    groups = collections.defaultdict(list)
    for rpm in _sample_rows():
        groups[rpm.name, rpm.arch].append(rpm)
    order = sorted(groups)
    chance.shuffle(order)
    chosen: list[SourcePackage] = []
    for key in order:
        if len(chosen) >= count * REAL_SHARE:
            break
        builds = sorted(groups[key], key=lambda rpm: (rpm.build_time, rpm.evr))
        chosen += [
            SourcePackage("updates" if position else "os", rpm)
            for position, rpm in enumerate(builds)
        ]
    base = [row.rpm for row in chosen if row.source == "os"]
    seen = {(row.source, row.rpm.filename) for row in chosen}
    number = 0
    while len(chosen) < count:
        row = SourcePackage(
            "contrib" if number % 3 else "local",
            ADDITIONS[number % 20](chance.choice(base), number),
        )
        number += 1
        if (row.source, row.rpm.filename) not in seen:
            seen.add((row.source, row.rpm.filename))
            chosen.append(row)
    return chosen[:count]


def complete(row: SourcePackage, padding: int = 0) -> Rpm:
    """Return the package with files and a changelog of ten entries."""
    rpm = row.rpm
    size = random.Random(rpm.name).lognormvariate(-0.5, 1)
    return dataclasses.replace(
        rpm,
        files=_files(rpm.name),
        changelog=_changelog(rpm, random.Random(rpm.nevra + row.source)),
        padding=int(padding * size),
        variant=row.source,
    )


def _change(**change: Callable[[Rpm, int], Any]) -> Callable[[Rpm, int], Rpm]:
    return lambda rpm, number: dataclasses.replace(
        rpm, **{key: value(rpm, number) for key, value in change.items()}
    )


_NEWER = _change(
    version=lambda rpm, _number: f"{rpm.version}.1", release=lambda _rpm, _number: "1.local"
)
_OLDER = _change(release=lambda _rpm, number: f"0.{number}.contrib")
_OWN = _change(
    name=lambda rpm, number: f"site-{rpm.name}-{number}", provides=lambda _rpm, _number: ()
)
ADDITIONS: tuple[Callable[[Rpm, int], Rpm], ...] = (
    *[_NEWER] * 6,
    *[_OLDER] * 2,
    _change(),
    _change(version=lambda rpm, _number: f"{rpm.version}~rc1"),
    _change(version=lambda rpm, number: f"{rpm.version}^git{number}"),
    _change(epoch=lambda rpm, _number: rpm.epoch + 1),
    _change(
        arch=lambda rpm, _number: "x86_64" if rpm.arch == "noarch" else "noarch",
        version=lambda rpm, _number: f"{rpm.version}.2",
    ),
    *[_OWN] * 7,
)


def _sample_rows() -> Iterable[Rpm]:
    primary = next((sample("cs9-appstream") / "repodata").glob("*-primary.xml.gz"))
    rows: list[Rpm] = []
    createrepo_c.xml_parse_primary(
        str(primary), pkgcb=lambda package: rows.append(_row(package)), do_files=False
    )
    return rows


def _row(package: createrepo_c.Package) -> Rpm:
    return Rpm(
        package.name,
        package.version,
        package.release,
        package.arch,
        int(package.epoch),
        summary=package.summary or "",
        description=package.description or "",
        requires=_relations(package.requires),
        provides=[text for text in _relations(package.provides) if text.split()[0] != package.name],
        conflicts=_relations(package.conflicts),
        obsoletes=_relations(package.obsoletes),
        source_name=package.rpm_sourcerpm or "",
        build_time=package.time_build,
    )


def _relations(rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_relation(*row[:5]) for row in rows if not row[0].startswith("rpmlib(")]


def _relation(name: str, flag: str, epoch: str, version: str, release: str) -> str:
    operator = OPERATORS.get(flag)
    if not operator or not version:
        return name
    prefix = f"{epoch}:" if epoch and epoch != "0" else ""
    return f"{name} {operator} {prefix}{version}" + (f"-{release}" if release else "")


def _files(name: str) -> Mapping[str, bytes]:
    chance = random.Random(f"files of {name}")
    count = min(MAX_FILES, 1 + int(MEAN_FILES * chance.lognormvariate(-0.5, 1)))
    folders = [
        f"/usr/share/doc/{name}",
        f"/usr/lib64/{name}",
        f"/usr/share/{name}/data",
        "/usr/bin",
        "/etc",
    ]
    paths = [f"{folders[0]}/", f"{folders[2]}/"]
    paths += [
        f"{chance.choice(folders)}/{name}-{number:03}" for number in range(count - len(paths))
    ]
    return dict.fromkeys(paths, SCRIPT)


def _changelog(rpm: Rpm, chance: random.Random) -> list[Change]:
    author = f"Packager {{0}} <p{{0}}@example.org> - {rpm.version}-{rpm.release}"
    text = f"- Resolves: rhbz#{{0}} {rpm.summary[:120]}".replace("{0}", "%d")
    return [
        Change(
            BUILD_TIME - 86400 * age,
            author.format(age),
            text.replace("%d", str(chance.randrange(10**7))),
        )
        for age in range(10)
    ]


def _write_one(job: tuple[pathlib.Path, SourcePackage, int]) -> None:
    target, row, padding = job
    rpm = complete(row, padding)
    write(rpm, target / row.source / "Packages" / rpm.name[0].lower())


if __name__ == "__main__":
    print(
        write_set(
            pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0
        )
    )
