# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's installer plans the storage commands as anaconda does, and rejects what anaconda
rejects.
"""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from lab.installer import kickstart, storage
from lab.installer.model import (
    MIB,
    Array,
    Disk,
    Group,
    InstallError,
    Mount,
    New,
    Partition,
    Plan,
    Stacks,
    Volume,
)

GIB = 1024 * MIB
BLANK = Disk("vda", 8 * GIB)
USED = Disk(
    "vda",
    8 * GIB,
    "gpt",
    (
        Partition("vda1", "vda", "vfat"),
        Partition("vda2", "vda", "ext4", "RK_ROOT"),
        Partition("vda3", "vda", "ext4", "RK_STATE"),
    ),
)


def read(tmp_path: pathlib.Path, text: str, major: int = 9) -> Any:
    path = tmp_path / "ks.cfg"
    path.write_text(text)
    return kickstart.read(path, major)[0]


def plan(
    tmp_path: pathlib.Path, text: str, *disks: Disk, efi: bool = False, major: int = 9
) -> Plan:
    return storage.plan(read(tmp_path, text, major), disks or (BLANK,), efi=efi, major=major)


def refusal(tmp_path: pathlib.Path, text: str, *disks: Disk, efi: bool = False) -> str:
    with pytest.raises(InstallError) as caught:
        plan(tmp_path, text, *disks, efi=efi)
    return str(caught.value)


def test_a_blank_disk_of_a_bios_machine_gets_a_dos_table(tmp_path: pathlib.Path) -> None:
    text = (
        "zerombr\nclearpart --all\nreqpart\npart / --fstype=ext4 --size=2000\n"
        "part /data --size=100 --grow --label=D\n"
    )
    assert plan(tmp_path, text) == Plan(
        {"vda": "dos"},
        (
            New(name="vda1", disk="vda", number=1, size=2000, kind="ext4"),
            New(name="vda2", disk="vda", number=2, size=6190, kind="xfs"),
        ),
        (
            Mount("/dev/vda1", "/", "ext4", make=True, label=""),
            Mount("/dev/vda2", "/data", "xfs", make=True, label="D"),
        ),
        "vda",
    )


@pytest.mark.parametrize(
    ("efi", "major", "kinds"),
    [
        pytest.param(False, 8, ["dos", "ext4"], id="BIOS, el8"),
        pytest.param(False, 10, ["gpt", "biosboot", "ext4"], id="BIOS, el10"),
        pytest.param(True, 9, ["gpt", "efi", "ext4"], id="UEFI"),
    ],
)
def test_reqpart_adds_what_firmware_and_table_require(
    tmp_path: pathlib.Path, efi: bool, major: int, kinds: list[str]
) -> None:
    result = plan(
        tmp_path,
        "zerombr\nclearpart --all\npart / --fstype=ext4 --size=2000\nreqpart\n",
        efi=efi,
        major=major,
    )
    assert [result.tables["vda"], *(part.kind for part in result.new)] == kinds


def test_a_reinstallation_formats_only_root(tmp_path: pathlib.Path) -> None:
    text = (
        "ignoredisk --only-use=vda\nclearpart --none\n"
        "part / --onpart=/dev/vda2 --fstype=ext4 --label=RK_ROOT\n"
        "part /state --onpart=vda3 --noformat\npart /boot/efi --onpart=vda1 --noformat\n"
    )
    assert plan(tmp_path, text, USED, efi=True) == Plan(
        {},
        (),
        (
            Mount("/dev/vda2", "/", "ext4", make=True, label="RK_ROOT"),
            Mount("/dev/vda1", "/boot/efi", "vfat", make=False),
            Mount("/dev/vda3", "/state", "ext4", make=False),
        ),
        "vda",
    )


def test_a_fifth_partition_of_a_dos_table_is_a_logical_one(tmp_path: pathlib.Path) -> None:
    parts = "".join(f"part /p{number} --fstype=ext4 --size=100\n" for number in range(1, 5))
    result = plan(tmp_path, f"zerombr\nclearpart --all\npart / --fstype=ext4 --size=2000\n{parts}")
    assert [(part.name, part.kind) for part in result.new] == [
        ("vda1", "ext4"),
        ("vda2", "ext4"),
        ("vda3", "ext4"),
        ("vda4", "extended"),
        ("vda5", "ext4"),
        ("vda6", "ext4"),
    ]


def test_growing_partitions_share_the_free_space_up_to_their_limits(tmp_path: pathlib.Path) -> None:
    text = (
        "zerombr\nclearpart --all\npart / --size=1000 --grow --maxsize=2000\n"
        "part /a --size=1000 --grow\npart /b --size=1000 --grow\n"
    )
    result = plan(tmp_path, text)
    assert [part.size for part in result.new] == [2000, 3095, 3095]
    assert sum(part.size for part in result.new) == 8192 - storage.MARGIN


def test_partitions_of_an_nvme_disk_have_a_p_in_their_names(tmp_path: pathlib.Path) -> None:
    result = plan(
        tmp_path, "zerombr\nclearpart --all\npart / --size=2000\n", Disk("nvme0n1", 8 * GIB)
    )
    assert result.new[0].name == "nvme0n1p1"


def test_a_disk_outside_only_use_is_not_changed(tmp_path: pathlib.Path) -> None:
    text = "ignoredisk --only-use=vdb\nclearpart --all --initlabel\npart / --size=2000\n"
    result = plan(tmp_path, text, USED, Disk("vdb", 8 * GIB))
    assert result.tables == {"vdb": "dos"} and {part.disk for part in result.new} == {"vdb"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        pytest.param(
            "part /state --onpart=vda3 --noformat\n", "not defined a root partition", id="no root"
        ),
        pytest.param(
            "part / --onpart=vda2 --noformat\n",
            "must create a new file system on the root",
            id="root kept",
        ),
        pytest.param("part / --size=100 --noformat\n", "--onpart is required", id="noformat alone"),
        pytest.param(
            "part / --onpart=vda9\n",
            '"vda9" given in part command does not exist',
            id="missing partition",
        ),
        pytest.param("part / --size=100\n", "No disk can be partitioned", id="all disks kept"),
        pytest.param(
            "part / --onpart=vda2\npart /a --onpart=vda2 --noformat\n",
            "in two part commands",
            id="twice",
        ),
        pytest.param(
            "ignoredisk --only-use=vdz\npart / --onpart=vda2\n", 'Disk "vdz"', id="missing disk"
        ),
        pytest.param(
            "ignoredisk --drives=vda\npart / --size=100\n", "No usable disks", id="no disk left"
        ),
        pytest.param("clearpart --all\npart / --size=9000\n", "Could not allocate", id="too large"),
        pytest.param(
            "clearpart --all\npart / --fstype=zfs --size=900\n",
            '"zfs" is not supported',
            id="file system",
        ),
        pytest.param(
            "clearpart --all\nraid / --device=a --level=1 raid.1 raid.2\n",
            'undefined partition "raid.1"',
            id="member of an array",
        ),
        pytest.param(
            "part / --onpart=vda2\nraid /a --device=a --useexisting --noformat\n",
            'RAID volume "a"',
            id="missing array",
        ),
        pytest.param(
            "part / --onpart=vda2\nvolgroup g --noformat\n", 'Volume group "g"', id="no group"
        ),
        pytest.param(
            "part / --onpart=vda2\nlogvol /a --vgname=g --name=a --noformat\n",
            'No volume group exists with the name "g"',
            id="volume of no group",
        ),
        pytest.param("clearpart --all\npart / --fstype=ext4\n", "requires a size", id="no size"),
        pytest.param(
            "clearpart --all --initlabel --disklabel=gpt\npart / --size=900\n",
            "biosboot, 1 MiB",
            id="no biosboot",
        ),
    ],
)
def test_contradictory_storage_commands_are_rejected(
    tmp_path: pathlib.Path, text: str, cause: str
) -> None:
    assert cause in refusal(tmp_path, text, USED)


def test_a_disk_without_a_table_is_only_used_with_zerombr_or_initlabel(
    tmp_path: pathlib.Path,
) -> None:
    assert "vda has no known table" in refusal(tmp_path, "clearpart --all\npart / --size=2000\n")


def test_uefi_requires_an_efi_system_partition(tmp_path: pathlib.Path) -> None:
    assert "EFI System Partition" in refusal(
        tmp_path, "zerombr\nclearpart --all\npart / --size=2000\n", efi=True
    )


def test_clearpart_linux_rejects_a_disk_with_a_foreign_partition(tmp_path: pathlib.Path) -> None:
    foreign = Disk("vda", 8 * GIB, "dos", (Partition("vda1", "vda", "ntfs"),))
    assert "vda1 is not a Linux partition" in refusal(
        tmp_path, "clearpart --linux\npart / --size=2000\n", foreign
    )


TWO = (Disk("vda", 8 * GIB), Disk("vdb", 4 * GIB))
NEW_STACKS = """
zerombr
clearpart --all --initlabel --disklabel=msdos
part / --fstype=ext4 --size=2000 --ondisk=vda
part raid.1 --size=500 --ondisk=vda
part raid.2 --size=500 --ondisk=vdb
raid /a --device=a --level=1 --fstype=xfs --label=A raid.1 raid.2
part pv.1 --size=900 --grow --ondisk=vda
part pv.2 --size=900 --grow --ondisk=vdb
volgroup g pv.1 pv.2
logvol /b --vgname=g --name=b --size=100 --grow --fstype=ext4 --label=B
"""
STACKS = Stacks(
    (Array("a", "1", ("/dev/vda2", "/dev/vdb1"), "xfs"),),
    (Group("g", ("/dev/vda3", "/dev/vdb2"), (Volume("b", "g", fstype="ext4"),)),),
)
INSTALLED = (
    Disk("vda", 8 * GIB, "dos", tuple(Partition(f"vda{n}", "vda", "ext4") for n in (1, 2, 3))),
    Disk("vdb", 4 * GIB, "dos", tuple(Partition(f"vdb{n}", "vdb") for n in (1, 2))),
)
OLD_STACKS = """
clearpart --none
part / --fstype=ext4 --onpart=vda1
raid /a --device=a --useexisting --noformat
volgroup g --noformat
logvol /b --vgname=g --name=b --useexisting --fstype=ext4 --label=B
"""


def test_arrays_and_volume_groups_are_created_from_their_partitions(tmp_path: pathlib.Path) -> None:
    result = plan(tmp_path, NEW_STACKS, *TWO)
    assert result.stacks == Stacks(
        (Array("a", "1", ("/dev/vda2", "/dev/vdb1")),),
        (Group("g", ("/dev/vda3", "/dev/vdb2"), (Volume("b", "g", 100, grow=True),)),),
    )
    assert [(mount.device, mount.point) for mount in result.mounts] == [
        ("/dev/vda1", "/"),
        ("/dev/md/a", "/a"),
        ("/dev/g/b", "/b"),
    ]
    assert {part.kind for part in result.new} == {"ext4", "raid", "lvm"}


def test_arrays_and_volumes_are_kept_or_formatted(tmp_path: pathlib.Path) -> None:
    handler = read(tmp_path, OLD_STACKS)
    result = storage.plan(handler, INSTALLED, efi=False, major=9, stacks=STACKS)
    assert (result.new, result.stacks) == ((), Stacks())
    assert [(mount.point, mount.make, mount.fstype) for mount in result.mounts] == [
        ("/", True, "ext4"),
        ("/a", False, "xfs"),
        ("/b", True, "ext4"),
    ]


def test_arrays_and_groups_are_lost_with_one_of_their_disks(tmp_path: pathlib.Path) -> None:
    text = OLD_STACKS.replace("--none", "--all --drives=vdb")
    handler = read(tmp_path, text)
    with pytest.raises(InstallError, match='RAID volume "a"'):
        storage.plan(handler, INSTALLED, efi=False, major=9, stacks=STACKS)
