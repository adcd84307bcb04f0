# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which generations there are, as the tree of contract C4 shows them: nothing but folders, links and their order."""

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


class Published(NamedTuple):
    """One distribution for one architecture.

    current      the generation that its link names; empty when it names none
    generations  in the order in which they were published, the newest last
    """

    distribution: str
    arch: str
    current: str
    generations: tuple[str, ...]


def published(root: str) -> list[Published]:
    """Every distribution in the folder of the distributions, sorted."""
    top = os.path.join(root, GENERATIONS)
    return [
        Published(
            distribution,
            arch,
            published_generation(root, distribution, arch),
            _ordered(generations_folder(root, distribution, arch)),
        )
        for distribution in _folders(top)
        for arch in _folders(os.path.join(top, distribution))
    ]


def find(root: str, distribution: str, arch: str) -> Published:
    """One of them.  A name comes from a request, so it is only ever compared.  Raises NotFound."""
    for one in published(root):
        if (one.distribution, one.arch) == (distribution, arch):
            return one
    raise NotFound(f"there is no distribution {distribution!r} for {arch!r}", root)


def path(root: str, one: Published, generation: str) -> str:
    """The folder of a generation.  Raises NotFound for one that is not there."""
    if generation not in one.generations:
        raise NotFound(f"{one.distribution} for {one.arch} has no generation {generation!r}", root)
    return generation_folder(root, one.distribution, one.arch, generation)


def _ordered(folder: str) -> tuple[str, ...]:
    there = _folders(folder)
    try:
        known = [str(name) for name in json.loads(read_bytes(os.path.join(folder, HISTORY)))]
    except (NotFound, ValueError, TypeError):
        known = []
    return tuple(
        [name for name in there if name not in known] + [name for name in known if name in there]
    )


def _folders(path: str) -> list[str]:
    try:
        return sorted(
            entry.name
            for entry in os.scandir(path)
            if not entry.name.startswith(".") and entry.is_dir()
        )
    except OSError:
        return []
