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
    ("/ A xfs 1\n/home B lvm 1 keep", "line 2: /home cannot have the file system lvm: "),
    ("/ A xfs 1\nlvm B xfs 1 keep", "line 2: lvm cannot have the file system xfs: "),
    ("/ A xfs 1\nswap B xfs 1 keep", "line 2: swap cannot have the file system xfs: "),
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
    # several disks
    ("/ A xfs 1 disk=0", "line 1: disk=0 does not list different disks"),
    ("/ A xfs 1 disk=1,1 raid=1", "line 1: disk=1,1 does not list different disks"),
    ("/ A xfs 1 disk=one", "line 1: disk=one does not list different disks"),
    ("/ A xfs 1 disk=", "line 1: expected MOUNT"),
    ("/ A xfs 1 disks=1,2", "line 1: expected MOUNT"),
    ("/ A xfs 1 disk=1 disk=2", "line 1: expected MOUNT"),
    ("/ A xfs 1\n/b B xfs 1 keep disk=1,2", "line 2: /b cannot be on 2 disks; add raid="),
    ("/ A xfs 1\n/b B xfs 1 keep disk=3", "disk 2 has no line"),
    ("/ A xfs 1\n/b B xfs 1 grow keep disk=2\n/c C xfs 1 grow keep disk=2", "grows on disk 2"),
    # arrays
    ("/ A xfs 1 disk=1,2 raid=4", "line 1: unknown level raid=4; use 0, 1, 5, 6, 10"),
    ("/ A xfs 1 raid=1", "line 1: raid=1 requires 2 disks, such as disk=1,2"),
    ("/ A xfs 1\n/b B xfs 1 keep disk=1,2,3 raid=10", "line 2: raid=10 requires 4 disks"),
    ("/ A xfs 1 disk=1,2 raid=0", "the boot loader cannot read /boot from RAID 0; add a line"),
    ("/ A xfs 1\n/b a xfs 1 keep disk=1,2 raid=1", "duplicate label"),
    # volume groups
    ("/ A xfs 1\nlvm G lvm 99", "the volume group G has no logical volume"),
    ("/ A xfs 1\n/b B xfs 1 keep vg=G", "no line for the volume group G"),
    ("/ A xfs 1\nlvm G lvm 99 keep\n/b B xfs 1 keep vg=G", "line 2: keep and format belong"),
    ("/ A xfs 1\nlvm G lvm 99\n/b B xfs 1 vg=G", "line 3: a reinstallation neither keeps nor"),
    ("/ A xfs 1\nlvm G lvm 99\n/b B xfs 1 keep vg=G disk=2", "line 3: vg=G excludes disk="),
    ("/ A xfs 1\nlvm G lvm 99\nlvm H lvm 99 vg=G", "line 3: the volume group H cannot be part"),
    ("/ A xfs 1 vg=G\nlvm G lvm 99", "cannot read /boot from the logical volume of /; add a line"),
    ("/ A xfs 1\nlvm G lvm 99\n/b B xfs 92 keep vg=G", "G need 92 MiB, and it has 91"),
    (
        "/ A xfs 1\nlvm G lvm 99\n/b B xfs 1 grow keep vg=G\n/c C xfs 1 grow keep vg=G",
        "more than one volume grows in G",
    ),
]

GOOD_LAYOUTS = [
    "/ A xfs 1\nswap S swap 1\n/b B xfs 1 grow keep",
    "/ A xfs 1\n/b B xfs 1 grow keep disk=2\n/c C ext4 1 grow keep disk=3",
    "/ A xfs 1 disk=1,2 raid=1\n/b B xfs 1 grow keep disk=1,2 raid=0",
    "/ A xfs 1\n/b B xfs 1 grow keep disk=2,3,4,5 raid=10",
    "/ A xfs 1\nlvm G lvm 99 grow disk=1,2\n/b B xfs 170 grow keep vg=G\nswap S swap 1 vg=G",
    "/boot O xfs 1 format\nlvm G lvm 99 disk=1,2 raid=1\n/ A xfs 1 vg=G\n/b B xfs 9 keep vg=G",
    "/ A xfs 1\nlvm G lvm 30 disk=2\n/b B xfs 1 keep vg=G\nlvm H lvm 30\n/c C xfs 1 keep vg=H",
]
