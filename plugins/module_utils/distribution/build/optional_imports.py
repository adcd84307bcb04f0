# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The libraries that a build needs beyond Python's own: asked for before anything is begun, and only those it needs."""

from __future__ import annotations

import importlib.util
from typing import Callable, NamedTuple

from ...errors import NotFound
from ..model import Distribution
from ..sources.local import local_path


class Library(NamedTuple):
    """How it is imported, how operating systems call it, and which distributions need it."""

    name: str
    package: str
    needed: Callable[[Distribution], bool]


def _has_directory(distribution: Distribution) -> bool:
    return any(source.type == "directory" for source in distribution.sources)


def _has_repository(distribution: Distribution) -> bool:
    return any(source.type != "directory" for source in distribution.sources)


def _is_far(distribution: Distribution) -> bool:
    return any(not local_path(source) for source in distribution.sources)


LIBRARIES = (
    Library("zstandard", "python3-zstandard", lambda _distribution: True),
    Library("createrepo_c", "python3-createrepo_c", _has_directory),
    Library("lxml", "python3-lxml", _has_repository),
    Library("yaml", "python3-pyyaml", _has_repository),
    Library("pycurl", "python3-pycurl", _is_far),
)


def check(distribution: Distribution) -> None:
    """Raises NotFound that names every library which is missing."""
    missing = [
        one
        for one in LIBRARIES
        if one.needed(distribution) and importlib.util.find_spec(one.name) is None
    ]
    if missing:
        names, packages = (
            " ".join(one.name for one in missing),
            " ".join(one.package for one in missing),
        )
        raise NotFound(
            f"these Python libraries are not installed: {names}",
            hint=f"install {packages}, or run: pip install {names}",
        )
