# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the distributions and generations in the tree of contract C4, from its folders and links."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from ..errors import NotFound
from ..files import read_bytes
from ..tree_paths import (
    GENERATIONS,
    HISTORY,
    generation_folder,
    generations_folder,
    published_generation,
)


class PublishedDistribution(NamedTuple):
    """One distribution for one architecture."""

    distribution: str
    arch: str
    current: str
    """The generation that the distribution's link leads to; empty when there is none."""
    generations: tuple[str, ...]
    """In the order of publication, newest last."""


def list_distributions(root: str) -> list[PublishedDistribution]:
    """Return every distribution below the folder ``root``, sorted."""
    top = os.path.join(root, GENERATIONS)
    return [
        PublishedDistribution(
            distribution=distribution,
            arch=arch,
            current=published_generation(root, distribution, arch),
            generations=_list_generations(generations_folder(root, distribution, arch)),
        )
        for distribution in _list_folders(top)
        for arch in _list_folders(os.path.join(top, distribution))
    ]


def find_distribution(root: str, name: str, arch: str) -> PublishedDistribution:
    """Return one distribution. Raises NotFound.

    The names come from a request, so they are only compared and never used in a path.
    """
    for distribution in list_distributions(root):
        if (distribution.distribution, distribution.arch) == (name, arch):
            return distribution
    raise NotFound(f"distribution {name!r} not found for {arch!r}", root)


def generation_path(root: str, distribution: PublishedDistribution, generation: str) -> str:
    """Return the folder of a generation. Raises NotFound."""
    name = distribution.distribution
    if generation not in distribution.generations:
        raise NotFound(f"{name} for {distribution.arch} has no generation {generation!r}", root)
    return generation_folder(root, name, distribution.arch, generation)


def _list_generations(folder: str) -> tuple[str, ...]:
    names = _list_folders(folder)
    try:
        history = [str(name) for name in json.loads(read_bytes(os.path.join(folder, HISTORY)))]
    except (NotFound, ValueError, TypeError):
        history = []
    unrecorded = [name for name in names if name not in history]
    return tuple(unrecorded + [name for name in history if name in names])


def _list_folders(path: str) -> list[str]:
    try:
        return sorted(
            entry.name
            for entry in os.scandir(path)
            if not entry.name.startswith(".") and entry.is_dir()
        )
    except OSError:
        return []
