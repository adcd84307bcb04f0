# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Partition layouts that the partition program must reject, with key facts of its message."""

from __future__ import annotations

BAD_LAYOUTS = [
    ("/ RK_ROOT xfs", "line 1: expected MOUNT LABEL FSTYPE MIB"),
    ("/ RK_ROOT xfs 30720 kep", "line 1: expected"),
    ("\n/ RK_ROOT ntfs 30720", "line 2: unknown file system 'ntfs'"),
    ("/ RK_ROOT btrfs 30720", "line 1: a layout cannot contain btrfs: "),
    ("/ A xfs 1\n/home B luks 1 keep", "line 2: a layout cannot contain luks: "),
    ("/ A xfs 1\n/home B crypto_LUKS 1 keep", "line 2: a layout cannot contain crypto_LUKS: "),
    ("/ A xfs 1\n/home B lvm 1 keep", "line 2: a layout cannot contain lvm: "),
    ("/ RK_ROOT_OF_IT xfs 30720", "line 1: label 'RK_ROOT_OF_IT'"),
    ("/ RK-ROOT xfs 30720", "line 1: label 'RK-ROOT'"),
    ("/state RK_STATE xfs 1 keep", "no line for /"),
    ("/ RK_ROOT xfs 1 keep", "/ cannot be kept"),
    (
        "/ A xfs 1\n/var B xfs 1 keep",
        "line 2: /var cannot be kept",
    ),
    (
        "/ A xfs 1\n/home B xfs 1",
        "line 2: a reinstallation neither keeps nor formats /home",
    ),
    (
        "/ A xfs 1\n/home B xfs 1 keep format",
        "line 2: a reinstallation neither keeps nor formats /home",
    ),
    ("/ A xfs 1\n/b A xfs 1 keep", "duplicate label A"),
    ("/ A xfs 1\n/ B xfs 1", "duplicate mount /"),
    ("/ A xfs 1 grow\n/b B xfs 1 grow keep", "more than one partition grows"),
]
