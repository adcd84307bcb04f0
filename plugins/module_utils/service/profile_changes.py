# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which compiled profiles differ between two generations, by the hashes in their file names."""

from __future__ import annotations

import os

from ..tree_paths import PROFILE_SUFFIX, profiles_folder


def changed_profiles(before: str, after: str) -> list[tuple[str, str]]:
    """Return each graph root whose profiles differ between two trees, and how."""
    old = _profiles_by_root(before)
    new = _profiles_by_root(after)
    return [
        (root, "changed" if root in old and root in new else "added" if root in new else "removed")
        for root in sorted(old.keys() | new.keys())
        if old.get(root) != new.get(root)
    ]


def _profiles_by_root(tree: str) -> dict[str, set[str]]:
    try:
        names = os.listdir(profiles_folder(tree))
    except FileNotFoundError:
        return {}
    profiles: dict[str, set[str]] = {}
    for name in names:
        if name.endswith(PROFILE_SUFFIX):
            profiles.setdefault(name.rpartition("-")[0], set()).add(name)
    return profiles
