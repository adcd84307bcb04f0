# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Realistic sets of RPM files for benchmarks: four sources drawn from the metadata of CentOS Stream 9 AppStream.

    python -m support.rpmset TARGET 5000            (from the folder tests)

88 % are real rows: the first build of each name and architecture goes to `os`, later ones to `updates`.  The rest
goes to `contrib` and `local`: newer and older versions, the same name with other content, `~`, `^`, another epoch,
another architecture, and packages that only this site has.  The same seed gives the same bytes.
"""

from __future__ import annotations

import collections
import dataclasses
import multiprocessing
import pathlib
import random
import sys
from typing import Callable, Iterable, Mapping, NamedTuple

import createrepo_c

from .rpms import BUILD_TIME, Change, Rpm, write
from .samples import sample

SEED = 42
REAL_SHARE = 0.88
MEAN_FILES, MOST_FILES = 86, 600
OPERATORS = {"EQ": "=", "LT": "<", "GT": ">", "GE": ">=", "LE": "<="}
SCRIPT = b"#!/bin/true\n"


class Placed(NamedTuple):
    """A package and the source that offers it."""

    source: str
    rpm: Rpm


def write_set(target: pathlib.Path, count: int, padding: int = 0) -> dict[str, int]:
    """Write ``count`` packages below ``target``/SOURCE/Packages, and say how many each source got.

    padding  mean number of bytes of noise per package; their sizes are spread as real ones are

    A set that is complete already is left alone.
    """
    placed = plan(count)
    totals = dict(sorted(collections.Counter(row.source for row in placed).items()))
    stamp, label = target / "complete", f"{totals} {padding} {SEED}"
    if not stamp.exists() or stamp.read_text() != label:
        jobs = [(target, row, padding) for row in placed]
        with multiprocessing.get_context("fork").Pool() as pool:
            collections.deque(pool.imap_unordered(_write_one, jobs, 64), maxlen=0)
        stamp.write_text(label)
    return totals


def plan(count: int) -> list[Placed]:
    """``count`` packages without their files: names, versions, relations and sources."""
    chance = random.Random(SEED)
    groups = collections.defaultdict(list)
    for rpm in _sample_rows():
        groups[rpm.name, rpm.arch].append(rpm)
    order = sorted(groups)
    chance.shuffle(order)
    chosen: list[Placed] = []
    for key in order:
        if len(chosen) >= count * REAL_SHARE:
            break
        builds = sorted(groups[key], key=lambda rpm: (rpm.build_time, rpm.evr))
        chosen += [Placed("updates" if place else "os", rpm) for place, rpm in enumerate(builds)]
    base = [row.rpm for row in chosen if row.source == "os"]
    seen = {(row.source, row.rpm.filename) for row in chosen}
    number = 0
    while len(chosen) < count:
        row = Placed(
            "contrib" if number % 3 else "local",
            ADDITIONS[number % 20](chance.choice(base), number),
        )
        number += 1
        if (row.source, row.rpm.filename) not in seen:
            seen.add((row.source, row.rpm.filename))
            chosen.append(row)
    return chosen[:count]


def dressed(row: Placed, padding: int = 0) -> Rpm:
    """The package with the files of its name and a changelog of ten entries."""
    rpm = row.rpm
    size = random.Random(rpm.name).lognormvariate(-0.5, 1)
    return dataclasses.replace(
        rpm,
        files=_files(rpm.name),
        changelog=_changelog(rpm, random.Random(rpm.nevra + row.source)),
        padding=int(padding * size),
        variant=row.source,
    )


def _changed(**change: Callable[[Rpm, int], object]) -> Callable[[Rpm, int], Rpm]:
    return lambda rpm, number: dataclasses.replace(
        rpm, **{key: value(rpm, number) for key, value in change.items()}
    )


_NEWER = _changed(
    version=lambda rpm, _number: f"{rpm.version}.1", release=lambda _rpm, _number: "1.local"
)
_OLDER = _changed(release=lambda _rpm, number: f"0.{number}.contrib")
_OWN = _changed(
    name=lambda rpm, number: f"site-{rpm.name}-{number}", provides=lambda _rpm, _number: ()
)
ADDITIONS: tuple[Callable[[Rpm, int], Rpm], ...] = (
    *[_NEWER] * 6,
    *[_OLDER] * 2,
    _changed(),
    _changed(version=lambda rpm, _number: f"{rpm.version}~rc1"),
    _changed(version=lambda rpm, number: f"{rpm.version}^git{number}"),
    _changed(epoch=lambda rpm, _number: rpm.epoch + 1),
    _changed(
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
    count = min(MOST_FILES, 1 + int(MEAN_FILES * chance.lognormvariate(-0.5, 1)))
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


def _write_one(job: tuple[pathlib.Path, Placed, int]) -> None:
    target, row, padding = job
    rpm = dressed(row, padding)
    write(rpm, target / row.source / "Packages" / rpm.name[0].lower())


if __name__ == "__main__":
    print(
        write_set(
            pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0
        )
    )
