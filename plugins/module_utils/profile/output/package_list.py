# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages that a profile installs from its generation, as stored beside the profile.

The build writes the list: a line for each package with its NEVRA and the SHA-256 of its file.
"""

from __future__ import annotations

import functools
import os
from typing import Iterable, Mapping, Optional

from ...errors import NotFound
from ...files import read_text
from ...tree_paths import package_list_name
from .render import sha256

PackageList = Mapping[str, str]
"""NEVRA -> SHA-256 of the file."""


def format_package_list(packages: Iterable[tuple[str, str]]) -> str:
    """Return the text of a list; equal packages give equal text."""
    return "".join(f"{nevra} {checksum}\n" for nevra, checksum in sorted(packages))


def read_package_list(folder: str, profile: str) -> Optional[PackageList]:
    """Return the packages of the profile with this SHA-256; None if there is no list of them.

    folder  of the generation's profiles
    """
    text = _read(os.path.join(folder, package_list_name(profile)))
    if text is None:
        return None
    return dict(line.rsplit(" ", 1) for line in text.splitlines())


@functools.lru_cache(maxsize=64)
def package_list_digest(folder: str, profile: str) -> str:
    """Return the SHA-256 of the list; empty if there is none."""
    text = _read(os.path.join(folder, package_list_name(profile)))
    return "" if text is None else sha256(text)


def count_changes(before: PackageList, after: PackageList) -> int:
    """Return the number of package names that differ; a new version counts once."""
    changed = set(before.items()) ^ set(after.items())
    return len({nevra.rsplit("-", 2)[0] for nevra, _checksum in changed})


def _read(path: str) -> Optional[str]:
    try:
        return read_text(path)
    except NotFound:
        return None
