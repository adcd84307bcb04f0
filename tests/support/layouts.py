# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Partition layouts that must be rejected, with the partition program's message."""

from __future__ import annotations

BAD_LAYOUTS = [
    ("/ RK_ROOT xfs", "line 1: expected MOUNT LABEL FSTYPE MIB"),
    ("/ RK_ROOT xfs 30720 kep", "line 1: expected"),
    ("\n/ RK_ROOT zfs 30720", "line 2: file system 'zfs'"),
    ("/ RK_ROOT_OF_IT xfs 30720", "line 1: label 'RK_ROOT_OF_IT'"),
    ("/ RK-ROOT xfs 30720", "line 1: label 'RK-ROOT'"),
    ("/state RK_STATE xfs 1 keep", "there is no /"),
    ("/ RK_ROOT xfs 1 keep", "/ cannot be kept"),
    (
        "/ A xfs 1\n/var B xfs 1 keep",
        "line 2: /var cannot be kept, since packages are installed there",
    ),
    (
        "/ A xfs 1\n/home B xfs 1",
        "line 2: what becomes of /home when the node is reinstalled? say keep or format",
    ),
    ("/ A xfs 1\n/home B xfs 1 keep format", "line 2: what becomes of /home"),
    ("/ A xfs 1\n/b A xfs 1 keep", "the label A stands there twice"),
    ("/ A xfs 1\n/ B xfs 1", "the mount / stands there twice"),
    ("/ A xfs 1 grow\n/b B xfs 1 grow keep", "more than one partition takes the rest"),
]
