# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remember from where the sources of each generation came, for people."""

from __future__ import annotations

import json
import os
from typing import Sequence

from .. import files
from ..errors import NotFound
from ..tree_paths import PLACES
from .model import Source
from .storage.pool import StorePaths


def record(
    store: StorePaths, distribution: str, arch: str, identity: str, *, sources: Sequence[Source]
) -> None:
    """Record the places of a generation's sources, and forget those of removed generations.

    The caller holds ``build_lock``.
    """
    folder = store.generations_folder(distribution, arch)
    before = read(store, distribution, arch)
    after = {name: value for name, value in before.items() if os.path.isdir(f"{folder}/{name}")}
    # Nodes can read the file, and a query can be a token.
    after[identity] = {source.name: source.place.partition("?")[0] for source in sources}
    if after != before:
        files.replace(path(store, distribution, arch), json.dumps(after, sort_keys=True))


def read(store: StorePaths, distribution: str, arch: str) -> dict[str, dict[str, str]]:
    """Return generation -> source name -> place; those that were never recorded are absent."""
    try:
        content = json.loads(files.read_bytes(path(store, distribution, arch)))
    except (NotFound, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def path(store: StorePaths, distribution: str, arch: str) -> str:
    """Return the path of the file."""
    return os.path.join(store.generations_folder(distribution, arch), PLACES)
