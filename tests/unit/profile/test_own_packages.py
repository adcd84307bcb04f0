"""Every package that our profiles ask for exists in real metadata, or says where its name is known from."""

from __future__ import annotations

import functools
import pathlib
from typing import NamedTuple

import createrepo_c

from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import (
    selector_names as names_of,
)
from support.profiles import SUPPORTED, all_kickstarts
from support.samples import sample

KNOWN = pathlib.Path(__file__).parent / "known_packages.txt"
SAMPLE_RELEASE = "rhel9"


class Known(NamedTuple):
    """One row: of which releases the name is known, and from where."""

    name: str
    releases: frozenset[str]
    source: str

    def covers(self, release: str) -> bool:
        return "all" in self.releases or bool(self.releases & set(names_of(release)))


@functools.cache
def known() -> tuple[Known, ...]:
    rows = [
        line.split(None, 2)
        for line in KNOWN.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    return tuple(
        Known(name, frozenset(releases.split(",")), source) for name, releases, source in rows
    )


@functools.cache
def asked() -> frozenset[tuple[str, str]]:
    """Every name and the release that it is asked for, by any root and any choice of a site."""
    found = set()
    for name, text in all_kickstarts():
        body = text.partition("\n%packages")[2].partition("\n%end")[0]
        release = name.split("-")[1]
        found |= {(line, release) for line in body.splitlines()[1:] if not line.startswith("-")}
    return frozenset(found)


def test_every_package_is_in_real_metadata_or_in_the_list_of_known_packages() -> None:
    real: set[str] = set()
    for file in sample("cs9-appstream").glob("repodata/*-primary.xml.gz"):
        createrepo_c.xml_parse_primary(
            str(file), pkgcb=lambda package: real.add(package.name), do_files=False
        )
    rows = {row.name: row for row in known()}
    unknown = [
        (name, release)
        for name, release in sorted(asked())
        if not (release == SAMPLE_RELEASE and name in real)
        and not (name in rows and rows[name].covers(release))
    ]
    assert unknown == [], (
        f"no metadata at hand has them: say in {KNOWN.name} where they are known from"
    )
    assert (
        len({name for name, release in asked() if release == SAMPLE_RELEASE and name in real}) > 15
    )


def test_every_known_package_is_requested_and_has_a_source() -> None:
    names = [row.name for row in known()]
    assert names == sorted(set(names))
    assert set(names) <= {name for name, _release in asked()}
    assert all(row.source.strip() for row in known())
    for row in known():
        spelt = {word for release in SUPPORTED for word in names_of(release)} | {"all"}
        assert row.releases <= spelt, row.name
