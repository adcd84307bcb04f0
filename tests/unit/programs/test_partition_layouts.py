"""Several disks, arrays and volume groups: what survives a reinstallation, and what is refused."""

from __future__ import annotations

from typing import Any, Sequence

import pytest
from partition import Options, decide, disk_sets
from partition_disks import Disk, Group, Part, Stacked
from partition_layout import Refusal, parse_layout
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from support.ansible import ROOT

BIOSBOOT = "21686148-6449-6e6f-744e-656564454649"
BIG = 500_000
SYSTEM = "/ RK_ROOT xfs 30720\nswap RK_SWAP swap 4096\n"
SCRATCH = "/scratch RK_SCRATCH xfs 1024 grow keep disk=2\n"
RAID10 = "/scratch RK_SCRATCH xfs 1024 grow keep disk=2,3,4,5 raid=10\n"
LVM = """
lvm    RK_DATA  lvm  40960 grow disk=2,3
/home  RK_HOME  xfs  20480 keep vg=RK_DATA
/opt   RK_OPT   ext4 10240 grow format vg=RK_DATA
"""
LVM_ON_ARRAY = LVM.replace("disk=2,3", "disk=2,3 raid=1")
LVM_ROOT = """
/boot  RK_BOOT  xfs  1024  format
lvm    RK_SYS   lvm  61440 grow
/      RK_ROOT  xfs  30720 vg=RK_SYS
/home  RK_HOME  xfs  10240 grow keep vg=RK_SYS
"""


def disk(name: str, *parts: Part, stacked: Sequence[str] = (), **facts: Any) -> Disk:
    """Return a disk, which is blank without parts."""
    values: dict[str, Any] = {"size": BIG, "table": "gpt" if parts else "", "fstype": "", **facts}
    return Disk(
        name=name,
        path=f"/dev/{name}",
        transport="sata",
        wwn=f"wwn-{name}",
        serial="",
        mounted=[],
        parts=parts,
        stacked=tuple(stacked),
        **values,
    )


def system(name: str = "sda") -> Disk:
    """Return the first disk after an installation of SYSTEM."""
    return disk(
        name,
        Part(f"{name}1", "", "", BIOSBOOT),
        Part(f"{name}2", "RK_ROOT", "xfs", ""),
        Part(f"{name}3", "RK_SWAP", "swap", ""),
    )


def member(name: str, array: str, level: str, width: int, **facts: Any) -> Disk:
    """Return a disk with a member of an array."""
    part = Part(f"{name}1", f"any:{array}", "linux_raid_member", "", level, width, f"uuid-{array}")
    return disk(name, part._replace(**facts), stacked=[item.name for item in part.stacked])


def physical_volume(name: str, *volumes: Stacked) -> Disk:
    """Return a disk with a physical volume, and the active logical volumes on it."""
    part = Part(f"{name}1", "", "LVM2_member", "", stacked=volumes)
    return disk(name, part, stacked=[item.name for item in volumes])


def group(*devices: str, name: str = "RK_DATA", **facts: Any) -> Group:
    fields: dict[str, Any] = {"missing": 0, "volumes": ("rk_home", "rk_opt"), **facts}
    return Group(name=name, uuid=f"uuid-{name}-{devices[0]}", devices=devices, **fields)


HOME = Stacked("RK_DATA-rk_home", "lvm", "RK_HOME", "xfs")


def run(
    layout: str, disks: list[Disk], groups: Sequence[Group] = (), **changes: Any
) -> tuple[list[str], str]:
    """Decide, and parse the commands as the installer of each release does."""
    options = {"wipe": False, "efi": False, "os_disk": "", "table": "gpt", **changes}
    commands, mode = decide(disks, parse_layout(layout), Options(**options), groups)
    for release in ("RHEL8", "RHEL9", "RHEL10"):
        handler = makeVersion(release)
        KickstartParser(handler).readKickstartFromString("\n".join(commands) + "\n")
    return commands, mode


def refusal(layout: str, disks: list[Disk], groups: Sequence[Group] = (), **changes: Any) -> str:
    with pytest.raises(Refusal) as caught:
        run(layout, disks, groups, **changes)
    return str(caught.value)


def blank(*names: str) -> list[Disk]:
    return [disk(name) for name in names]


# ---- first installations


def test_every_disk_of_a_layout_is_created() -> None:
    commands, mode = run(SYSTEM + SCRATCH, blank("sda", "sdb", "sdc"))
    assert mode == "first"
    assert commands == [
        "ignoredisk --only-use=sda,sdb",
        "zerombr",
        "clearpart --all --initlabel --disklabel=gpt --drives=sda,sdb",
        "part biosboot --fstype=biosboot --size=1 --ondisk=sda",
        "part / --fstype=xfs --size=30720 --ondisk=sda --label=RK_ROOT",
        "part swap --fstype=swap --size=4096 --ondisk=sda --label=RK_SWAP",
        "part /scratch --fstype=xfs --size=1024 --grow --ondisk=sdb --label=RK_SCRATCH",
        "bootloader --location=mbr --boot-drive=sda",
    ]


def test_an_array_has_a_member_on_each_of_its_disks() -> None:
    commands, _mode = run(SYSTEM + RAID10, blank("sda", "sdb", "sdc", "sdd", "sde"))
    assert commands[6:11] == [
        "part raid.301 --size=1024 --grow --ondisk=sdb",
        "part raid.302 --size=1024 --grow --ondisk=sdc",
        "part raid.303 --size=1024 --grow --ondisk=sdd",
        "part raid.304 --size=1024 --grow --ondisk=sde",
        "raid /scratch --device=rk_scratch --level=10 --fstype=xfs --label=RK_SCRATCH"
        " raid.301 raid.302 raid.303 raid.304",
    ]


def test_a_volume_group_has_a_partition_on_each_of_its_disks() -> None:
    commands, _mode = run(SYSTEM + LVM, blank("sda", "sdb", "sdc"))
    assert commands[6:11] == [
        "part pv.301 --size=40960 --grow --ondisk=sdb",
        "part pv.302 --size=40960 --grow --ondisk=sdc",
        "volgroup RK_DATA pv.301 pv.302",
        "logvol /home --vgname=RK_DATA --name=rk_home --size=20480 --fstype=xfs --label=RK_HOME",
        "logvol /opt --vgname=RK_DATA --name=rk_opt --size=10240 --grow --fstype=ext4"
        " --label=RK_OPT",
    ]


def test_a_volume_group_can_be_on_an_array() -> None:
    commands, _mode = run(SYSTEM + LVM_ON_ARRAY, blank("sda", "sdb", "sdc"))
    assert commands[8:10] == [
        "raid pv.3 --device=rk_data --level=1 raid.301 raid.302",
        "volgroup RK_DATA pv.3",
    ]


def test_the_attribute_os_disk_gives_the_order_of_the_disks() -> None:
    commands, _mode = run(SYSTEM + SCRATCH, blank("sda", "sdb", "sdc"), os_disk="wwn-sdc, sda")
    assert "part / --fstype=xfs --size=30720 --ondisk=sdc --label=RK_ROOT" in commands
    assert commands[0] == "ignoredisk --only-use=sdc,sda"
    assert "unknown disk 'sdx'" in refusal(SYSTEM, blank("sda"), os_disk="sda sdx")


def test_a_small_fast_disk_does_not_keep_a_large_volume_from_its_disk() -> None:
    fast = disk("nvme0n1")._replace(transport="nvme")
    small = disk("sda", size=60_000)
    layout = SYSTEM + SCRATCH.replace("1024", "400000")
    commands, _mode = run(layout, [small, fast])
    assert commands[0] == "ignoredisk --only-use=sda,nvme0n1"


def test_too_few_disks_are_refused() -> None:
    assert "3 disks required, 2 usable: there are no others" in refusal(
        SYSTEM + LVM, blank("sda", "sdb")
    )
    assert "sdb has 900 MiB, but the layout needs 1032" in refusal(
        SYSTEM + SCRATCH, [disk("sda"), disk("sdb", size=900)]
    )


# ---- reinstallations


def test_a_second_disk_is_kept() -> None:
    scratch = disk("sdb", Part("sdb1", "RK_SCRATCH", "xfs", ""))
    commands, mode = run(SYSTEM + SCRATCH, [scratch, system()])
    assert mode == "reuse"
    assert commands[:2] == ["ignoredisk --only-use=sda,sdb", "clearpart --none"]
    assert "part /scratch --onpart=sdb1 --noformat" in commands


def test_a_kept_disk_survives_the_replacement_of_the_first_disk() -> None:
    scratch = disk("sdb", Part("sdb1", "RK_SCRATCH", "xfs", ""))
    commands, mode = run(SYSTEM + SCRATCH, [disk("sda"), scratch])
    assert mode == "first"
    assert "clearpart --all --initlabel --disklabel=gpt --drives=sda" in commands
    assert "part /scratch --onpart=sdb1 --noformat" in commands


def test_a_disk_that_was_added_to_the_layout_is_created_next_to_the_kept_ones() -> None:
    commands, mode = run(SYSTEM + SCRATCH, [system(), disk("sdb")])
    assert mode == "reuse"
    assert "part swap --onpart=sda3 --noformat" in commands
    assert commands[2] == "clearpart --all --initlabel --disklabel=gpt --drives=sdb"
    assert "1 disk required, 0 usable: sda contains" in refusal(SYSTEM + SCRATCH, [system()])


def members(width: int = 4, level: str = "10", **facts: Any) -> list[Disk]:
    names = ("sdb", "sdc", "sdd", "sde")
    return [member(name, "rk_scratch", level, width, **facts) for name in names]


def test_an_array_is_kept() -> None:
    commands, mode = run(SYSTEM + RAID10, [system(), *members()])
    assert mode == "reuse"
    assert "raid /scratch --device=rk_scratch --useexisting --noformat" in commands


def test_an_array_that_does_not_match_the_layout_is_refused() -> None:
    layout = SYSTEM + RAID10
    assert "RK_SCRATCH (/scratch) is a RAID 5, but the layout requires RAID 10" in refusal(
        layout, [system(), *members(level="5")]
    )
    assert "but the layout requires an array of 4 disks" in refusal(
        layout, [system(), *members()[:3], disk("sdf")]
    )
    other = member("sde", "rk_scratch", "10", 4, uuid="other")
    assert "which are not one array" in refusal(layout, [system(), *members()[:3], other])
    ext4 = (Stacked("md127", "raid10", "RK_SCRATCH", "ext4"),)
    assert "contains ext4, but the layout requires xfs" in refusal(
        layout, [system(), *members(stacked=ext4)]
    )


def test_logical_volumes_are_kept() -> None:
    disks = [system(), physical_volume("sdb", HOME), physical_volume("sdc")]
    commands, mode = run(SYSTEM + LVM, disks, [group("sdb1", "sdc1")])
    assert mode == "reuse"
    assert commands[-4:-1] == [
        "volgroup RK_DATA --noformat",
        "logvol /home --vgname=RK_DATA --name=rk_home --useexisting --noformat",
        "logvol /opt --vgname=RK_DATA --name=rk_opt --useexisting --fstype=ext4 --label=RK_OPT",
    ]


def test_root_on_a_logical_volume_is_formatted_alone() -> None:
    disks = [
        disk(
            "sda",
            Part("sda1", "", "", BIOSBOOT),
            Part("sda2", "RK_BOOT", "xfs", ""),
            Part("sda3", "", "LVM2_member", ""),
        )
    ]
    groups = [group("sda3", name="RK_SYS", volumes=("rk_home", "rk_root"))]
    commands, mode = run(LVM_ROOT, disks, groups)
    assert mode == "reuse"
    assert commands[2:6] == [
        "part biosboot --fstype=biosboot --onpart=sda1",
        "part /boot --onpart=sda2 --fstype=xfs --label=RK_BOOT",
        "volgroup RK_SYS --noformat",
        "logvol / --vgname=RK_SYS --name=rk_root --useexisting --fstype=xfs --label=RK_ROOT",
    ]


def test_logical_volumes_on_an_array_are_kept() -> None:
    disks = [
        member(name, "rk_data", "1", 2, stacked=(Stacked("md127", "raid1", "", "LVM2_member"),))
        for name in ("sdb", "sdc")
    ]
    disks = [item._replace(stacked=("md127",)) for item in disks]
    commands, mode = run(SYSTEM + LVM_ON_ARRAY, [system(), *disks], [group("md127")])
    assert mode == "reuse"
    assert "logvol /home --vgname=RK_DATA --name=rk_home --useexisting --noformat" in commands
    assert "has lost its volume group" in refusal(SYSTEM + LVM_ON_ARRAY, [system(), *disks])


PVS = [physical_volume("sdb", HOME), physical_volume("sdc")]
GROUP_FAULTS = {
    "a volume is missing": (
        PVS,
        [group("sdb1", "sdc1", volumes=("rk_home",))],
        "RK_OPT (/opt) is missing",
    ),
    "a disk is missing": (
        PVS[:1],
        [group("sdb1", missing=1)],
        "RK_DATA (lvm) is on sdb, but the layout requires 2 disks",
    ),
    "a device is missing": (
        PVS,
        [group("sdb1", "sdc1", missing=1)],
        "RK_DATA (lvm) lacks 1 of its devices",
    ),
    "two groups with one name": (
        PVS,
        [group("sdb1"), group("sdc1")],
        "RK_DATA (lvm) is on RK_DATA and RK_DATA",
    ),
    "another file system": (
        [physical_volume("sdb", HOME._replace(fstype="ext4")), PVS[1]],
        [group("sdb1", "sdc1")],
        "RK_HOME (/home) contains ext4, but the layout requires xfs",
    ),
    "a volume is a partition": (
        [disk("sdb", Part("sdb1", "RK_HOME", "xfs", "")), disk("sdc")],
        [],
        "RK_HOME (/home) is a partition (sdb1), but the layout requires a logical volume",
    ),
    "a volume is in another group": (
        [physical_volume("sdb", Stacked("vg0-data", "lvm", "RK_HOME", "xfs")), disk("sdc")],
        [group("sdb1", name="vg0", volumes=("data",))],
        "RK_HOME (/home) is a device of type lvm (vg0-data), but the layout requires",
    ),
}


@pytest.mark.parametrize("case", GROUP_FAULTS)
def test_volume_groups_that_do_not_match_the_layout_are_refused(case: str) -> None:
    disks, groups, fact = GROUP_FAULTS[case]
    text = refusal(SYSTEM + LVM, [system(), *disks, disk("sdx"), disk("sdy")], groups)
    assert fact in text
    assert "order the installation with wipe: true" in text


def test_a_foreign_volume_group_is_not_touched() -> None:
    foreign = physical_volume("sdb", Stacked("vg0-data", "lvm", "data", "xfs"))
    disks = [foreign, *blank("sda", "sdc", "sdd")]
    commands, mode = run(SYSTEM + LVM, disks, [group("sdb1", name="vg0", volumes=("data",))])
    assert mode == "first"
    assert "sdb" not in "\n".join(commands)


def test_partitions_of_one_disk_are_not_accepted_for_two() -> None:
    both = system()
    both = both._replace(parts=(*both.parts, Part("sda4", "RK_SCRATCH", "xfs", "")))
    assert (
        "RK_ROOT (/) and RK_SCRATCH (/scratch) are both on sda, but the layout has them on"
        in refusal(SYSTEM + SCRATCH, [both, disk("sdb")])
    )


def test_a_wipe_clears_every_disk_with_a_volume_of_the_layout() -> None:
    disks = [system(), physical_volume("sdb"), physical_volume("sdc"), disk("sdd", size=10**6)]
    commands, mode = run(SYSTEM + LVM, disks, [group("sdb1", "sdc1")], wipe=True)
    assert mode == "wipe"
    assert "clearpart --all --initlabel --disklabel=gpt --drives=sda,sdb,sdc" in commands


def test_the_layouts_of_the_documentation_are_valid() -> None:
    text = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    layouts = [block for block in text.split("```")[1::2] if "\n/ " in block and "_ROOT" in block]
    layouts = [block for block in layouts if not block.startswith("diff")]
    assert len(layouts) == 2
    for layout in layouts:
        parse_layout(layout)


def test_disks_that_share_a_volume_are_one_set() -> None:
    layout = "/ A xfs 1 disk=1,2 raid=1\n/b B xfs 1 keep disk=4\n/c C xfs 1 keep disk=2,3 raid=0\n"
    assert disk_sets(parse_layout(layout)) == [{1, 2, 3}, {4}]
