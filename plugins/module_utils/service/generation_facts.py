# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what a published generation consists of, from its tree, which never changes."""

from __future__ import annotations

import collections
import configparser
import functools
import json
import os
from typing import NamedTuple

from ..errors import DescriptionError, RocksError
from ..files import read_text
from ..install import timestamps
from ..tree_paths import PLACES, profile_root, profiles_folder, xml_folder
from .package_diff import read_packages
from .repodata import open_record

INDEX = "rocks"
"""Record of repomd.xml in which a build describes itself; foreign repositories have none."""


class SourceFacts(NamedTuple):
    """A source of the packages of a generation."""

    name: str
    place: str
    """Its URL or path; empty if it was not recorded, for example in a promoted generation."""
    packages: int


class GenerationFacts(NamedTuple):
    """What an administrator asks about a generation."""

    built: str
    """UTC: when the tree was complete."""
    product: str
    """Name and version of the installer; empty if the tree has none."""
    rolls: tuple[str, ...]
    """The graph files, one for each roll."""
    roots: tuple[str, ...]
    """The graph roots whose profiles are compiled."""
    sources: tuple[SourceFacts, ...]
    packages: int
    size: int
    """Bytes of all files in the tree."""


@functools.lru_cache(maxsize=64)
def read_facts(tree: str) -> GenerationFacts:
    """Return the facts of a generation's tree.

    Raises NotFound or DescriptionError when its metadata is missing.
    """
    packages = read_packages(tree)
    graphs = os.path.join(xml_folder(tree), "graphs", "default")
    return GenerationFacts(
        built=timestamps.from_seconds(int(os.stat(tree).st_mtime)),
        product=_product(os.path.join(tree, ".treeinfo")),
        rolls=tuple(sorted(name[:-4] for name in _names(graphs) if name.endswith(".xml"))),
        roots=tuple(sorted({*map(profile_root, _names(profiles_folder(tree)))} - {""})),
        sources=_sources(tree),
        packages=sum(map(len, packages.values())),
        size=_size(tree),
    )


def _sources(tree: str) -> tuple[SourceFacts, ...]:
    """Return the sources that the tree's own index names."""
    try:
        with open_record(tree, INDEX) as file:
            index = json.load(file)
    except DescriptionError:
        return ()
    counts: collections.Counter[str] = collections.Counter()
    for shard in index["shards"].values():
        counts.update(shard["counts"])
    places = _places(tree)
    return tuple(
        SourceFacts(name, places.get(name, ""), counts[name]) for name in sorted(index["origins"])
    )


def _places(tree: str) -> dict[str, str]:
    """Return source name -> place, from the file beside the trees."""
    folder, generation = os.path.split(os.path.normpath(tree))
    try:
        content: dict[str, dict[str, str]] = json.loads(read_text(os.path.join(folder, PLACES)))
    except (RocksError, ValueError):
        return {}
    return content.get(generation, {})


def _size(tree: str) -> int:
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _folders, names in os.walk(tree)
        for name in names
    )


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _product(treeinfo: str) -> str:
    """Return the product that the installer's metadata names."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_text(treeinfo))
        return f"{parser['release']['name']} {parser['release']['version']}"
    except (RocksError, configparser.Error, KeyError):
        return ""
