# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Search the published generations: names of packages, and lines of graph and node files."""

from __future__ import annotations

import functools
import os
from typing import Iterator, NamedTuple

from ...files import read_text
from ...tree_paths import xml_folder
from ..package_diff import read_packages


class Line(NamedTuple):
    """A line of an XML file."""

    path: str
    """Relative to the folder ``build/``."""
    number: int
    text: str


def find_packages(tree: str, text: str) -> Iterator[str]:
    """Yield name, architecture and versions of each package whose name contains a text.

    A tree without repodata has no packages.
    """
    if not os.path.exists(os.path.join(tree, "repodata", "repomd.xml")):
        return
    for name, versions in read_packages(tree).items():
        if text.lower() in name.lower():
            yield f"{name} {', '.join(versions)}"


def find_lines(tree: str, text: str) -> Iterator[Line]:
    """Yield the lines of graph and node files that contain a text; letters of both cases match."""
    lowered = text.lower()
    for path, lines in _read_xml(xml_folder(tree)):
        for number, line in enumerate(lines, 1):
            if lowered in line.lower():
                yield Line(path, number, line.strip())


@functools.lru_cache(maxsize=4)
def _read_xml(folder: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return path and lines of each XML file of a generation, which never changes."""
    paths = sorted(
        os.path.join(parent, name)
        for parent, _folders, names in os.walk(folder)
        for name in names
        if name.endswith(".xml")
    )
    return tuple(
        (os.path.relpath(path, folder), tuple(read_text(path).splitlines())) for path in paths
    )
