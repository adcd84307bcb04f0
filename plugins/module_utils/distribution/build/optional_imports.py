# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check that the libraries which a build needs are installed, before anything is changed."""

from __future__ import annotations

import importlib.util
from typing import Callable, NamedTuple

from ...errors import NotFound
from ..model import Distribution
from ..sources.local import local_path


class Library(NamedTuple):
    name: str
    """The name by which Python imports it."""
    package: str
    """The name of the package in Enterprise Linux."""
    is_needed: Callable[[Distribution], bool]


def _has_directory(distribution: Distribution) -> bool:
    return any(source.type == "directory" for source in distribution.sources)


def _has_repository(distribution: Distribution) -> bool:
    return any(source.type != "directory" for source in distribution.sources)


def _has_remote_source(distribution: Distribution) -> bool:
    return any(not local_path(source) for source in distribution.sources)


LIBRARIES = (
    Library("zstandard", "python3-zstandard", lambda _distribution: True),
    Library("createrepo_c", "python3-createrepo_c", _has_directory),
    Library("lxml", "python3-lxml", _has_repository),
    Library("yaml", "python3-pyyaml", _has_repository),
    Library("pycurl", "python3-pycurl", _has_remote_source),
)


def check(distribution: Distribution) -> None:
    """Raise NotFound that lists every missing library which the distribution needs."""
    missing = [
        library
        for library in LIBRARIES
        if library.is_needed(distribution) and importlib.util.find_spec(library.name) is None
    ]
    if missing:
        names = " ".join(library.name for library in missing)
        packages = " ".join(library.package for library in missing)
        raise NotFound(
            f"these Python libraries are not installed: {names}",
            hint=f"install {packages}, or run: pip install {names}",
        )
