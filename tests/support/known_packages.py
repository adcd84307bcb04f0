# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which release has which package: real metadata, and a list that names its sources."""

from __future__ import annotations

import functools
import pathlib
from typing import Iterable, NamedTuple

import createrepo_c

from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import selector_names

from .samples import sample

ROLLS = pathlib.Path(__file__).parents[2] / "rolls"
LIST = pathlib.Path(__file__).with_suffix(".txt")
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
    """Return the rows of the list, and of those of the rolls."""
    rows = [
        line.split(None, 2)
        for path in (LIST, *sorted(ROLLS.glob("*/packages.txt")))
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
    ]
    rows.sort()
    return tuple(
        Known(name, frozenset(releases.split(",")), source) for name, releases, source in rows
    )


@functools.cache
def sample_packages() -> frozenset[str]:
    """Return the names in AppStream of CentOS Stream 9."""
    names: set[str] = set()
    for file in sample("cs9-appstream").glob("repodata/*-primary.xml.gz"):
        createrepo_c.xml_parse_primary(
            str(file), pkgcb=lambda package: names.add(package.name), do_files=False
        )
    return frozenset(names)


def unknown_packages(requests: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs of a name and a release that are in neither source."""
    rows = {row.name: row for row in known_packages()}
    return [
        (name, release)
        for name, release in sorted(requests)
        if not (release == SAMPLE_RELEASE and name in sample_packages())
        and not (name in rows and rows[name].covers(release))
    ]
