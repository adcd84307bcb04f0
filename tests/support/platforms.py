# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The versions in ``tests/platforms.txt``."""

from __future__ import annotations

import pathlib

DATA = pathlib.Path(__file__).parents[1] / "platforms.txt"


def platforms() -> dict[str, dict[str, str]]:
    """Platform -> package -> version; the package ``python`` is the interpreter."""
    versions: dict[str, dict[str, str]] = {}
    for number, line in enumerate(DATA.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        words = line.split(maxsplit=3)
        if len(words) < 4:
            raise ValueError(f"{DATA}:{number}: write PLATFORM PACKAGE VERSION SOURCE")
        platform, package, version, _source = words
        if package in versions.setdefault(platform, {}):
            raise ValueError(f"{DATA}:{number}: {platform} has {package} already")
        versions[platform][package] = version
    return versions
