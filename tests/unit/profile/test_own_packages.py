"""Every package of the shipped profiles is in real metadata, or in a list with its source."""

from __future__ import annotations

import functools
import pathlib
from typing import NamedTuple

import createrepo_c

from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import (
    selector_names,
)
from support.profiles import SUPPORTED, all_kickstarts
from support.samples import sample

KNOWN = pathlib.Path(__file__).parent / "known_packages.txt"
SAMPLE_RELEASE = "rhel9"


class Known(NamedTuple):
    """A row: a package name, the releases that have it, and the source of this fact."""

    name: str
    releases: frozenset[str]
    source: str

    def covers(self, release: str) -> bool:
        return "all" in self.releases or bool(self.releases & set(selector_names(release)))


@functools.cache
def known_packages() -> tuple[Known, ...]:
    rows = [
        line.split(None, 2)
        for line in KNOWN.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    return tuple(
        Known(name, frozenset(releases.split(",")), source) for name, releases, source in rows
    )


@functools.cache
def requested_packages() -> frozenset[tuple[str, str]]:
    """Return every name with the release that a root or a choice of a site requests it for."""
    requests = set()
    for name, text in all_kickstarts():
        body = text.partition("\n%packages")[2].partition("\n%end")[0]
        release = name.split("-")[1]
        requests |= {(line, release) for line in body.splitlines()[1:] if not line.startswith("-")}
    return frozenset(requests)


def test_every_package_is_in_real_metadata_or_in_the_list_of_known_packages() -> None:
    real: set[str] = set()
    for file in sample("cs9-appstream").glob("repodata/*-primary.xml.gz"):
        createrepo_c.xml_parse_primary(
            str(file), pkgcb=lambda package: real.add(package.name), do_files=False
        )
    rows = {row.name: row for row in known_packages()}
    unknown = [
        (name, release)
        for name, release in sorted(requested_packages())
        if not (release == SAMPLE_RELEASE and name in real)
        and not (name in rows and rows[name].covers(release))
    ]
    assert unknown == [], f"not in the metadata: add them with a source to {KNOWN.name}"
    assert (
        len(
            {
                name
                for name, release in requested_packages()
                if release == SAMPLE_RELEASE and name in real
            }
        )
        > 15
    )


def test_every_known_package_is_requested_and_has_a_source() -> None:
    names = [row.name for row in known_packages()]
    assert names == sorted(set(names))
    assert set(names) <= {name for name, _release in requested_packages()}
    assert all(row.source.strip() for row in known_packages())
    for row in known_packages():
        valid = {word for release in SUPPORTED for word in selector_names(release)} | {"all"}
        assert row.releases <= valid, row.name
