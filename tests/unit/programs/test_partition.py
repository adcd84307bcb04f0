"""The partitioning decision: a reinstallation keeps all partitions except root (paper, 6.3)."""

from __future__ import annotations

from typing import Any, Optional

import partition
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partition import Options, decide
from partition_disks import Disk, Part
from partition_layout import Refusal, parse_layout
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from support.layouts import BAD_LAYOUTS

LAYOUT = """
/                  RK_ROOT    xfs   30720
swap               RK_SWAP    swap   4096
/state/partition1  RK_STATE1  xfs    1024 grow keep
"""
LINES = parse_layout(LAYOUT)
MIRROR = parse_layout(LAYOUT, mirror=True)
ESP = partition.ESP[0]
BIOSBOOT = partition.BIOSBOOT[0]
INSTALLED = (("RK_ROOT", "xfs"), ("RK_SWAP", "swap"), ("RK_STATE1", "xfs"))
BIG = 500_000


def disk(name: str = "sda", parts: tuple[Part, ...] = (), **facts: Any) -> Disk:
    """Return a disk, which is blank without parts."""
    fields: dict[str, Any] = {
        **{
            "path": f"/dev/{name}",
            "size": BIG,
            "transport": "sata",
            "wwn": f"wwn-{name}",
            "serial": f"serial-{name}",
        },
        **{"table": "gpt" if parts else "", "fstype": "", "mounted": [], "stacked": ()},
        **facts,
    }
    return Disk(name=name, parts=parts, **fields)


def installed_disk(
    name: str = "sda", boot: str = BIOSBOOT, fstypes: Optional[dict[str, str]] = None, **facts: Any
) -> Disk:
    """Return a disk after a first installation."""
    infix = "p" if name[-1].isdigit() else ""
    parts = [Part(f"{name}{infix}1", "", "vfat" if boot == ESP else "", boot)]
    for number, (label, fstype) in enumerate(INSTALLED, 2):
        parts.append(Part(f"{name}{infix}{number}", label, (fstypes or {}).get(label, fstype), ""))
    return disk(name, tuple(parts), **facts)


def without(disk: Disk, label: str) -> Disk:
    """Return the disk after a partition lost its label."""
    return disk._replace(
        parts=tuple(part._replace(label="") if part.label == label else part for part in disk.parts)
    )


def options(**changes: Any) -> Options:
    return Options(**{"wipe": False, "efi": False, "os_disk": "", "table": "gpt", **changes})


def commands(disks: list[Disk], mirror: bool = False, **changes: Any) -> list[str]:
    return decide(disks, MIRROR if mirror else LINES, options(**changes))[0]


def test_a_blank_disk_gets_the_whole_layout() -> None:
    assert decide([disk()], LINES, options()) == (
        [
            "ignoredisk --only-use=sda",
            "zerombr",
            "clearpart --all --initlabel --disklabel=gpt --drives=sda",
            "part biosboot --fstype=biosboot --size=1 --ondisk=sda",
            "part / --fstype=xfs --size=30720 --ondisk=sda --label=RK_ROOT",
            "part swap --fstype=swap --size=4096 --ondisk=sda --label=RK_SWAP",
            "part /state/partition1 --fstype=xfs --size=1024 --grow --ondisk=sda --label=RK_STATE1",
            "bootloader --location=mbr --boot-drive=sda",
        ],
        "first",
    )


def test_a_reinstallation_formats_root_and_keeps_what_the_layout_keeps() -> None:
    assert decide([installed_disk("nvme0n1", ESP), disk("sdb")], LINES, options(efi=True)) == (
        [
            "ignoredisk --only-use=nvme0n1",
            "clearpart --none",
            "part /boot/efi --onpart=nvme0n1p1 --noformat",
            "part / --onpart=nvme0n1p2 --fstype=xfs --label=RK_ROOT",
            "part swap --onpart=nvme0n1p3 --noformat",
            "part /state/partition1 --onpart=nvme0n1p4 --noformat",
            "bootloader --location=mbr --boot-drive=nvme0n1",
        ],
        "reuse",
    )


APART = """
/        RK_ROOT    xfs   10240
/var     RK_VAR     xfs   20480 format
swap     RK_SWAP    swap  4096
/scratch RK_STATE1  ext4  1024 grow keep
"""


def test_a_separate_partition_of_the_system_is_formatted_with_root() -> None:
    # /var contains the list of installed packages, which must match the root.
    lines = parse_layout(APART)
    labels = (("RK_ROOT", "xfs"), ("RK_VAR", "ext4"), ("RK_SWAP", "swap"), ("RK_STATE1", "ext4"))
    parts = [Part("sda1", "", "", BIOSBOOT)]
    parts += [
        Part(f"sda{number}", label, fstype, "") for number, (label, fstype) in enumerate(labels, 2)
    ]
    assert decide([disk(parts=tuple(parts))], lines, options())[0][3:7] == [
        "part / --onpart=sda2 --fstype=xfs --label=RK_ROOT",
        "part /var --onpart=sda3 --fstype=xfs --label=RK_VAR",
        "part swap --onpart=sda4 --noformat",
        "part /scratch --onpart=sda5 --noformat",
    ]


def test_a_different_layout_on_an_installed_disk_requires_permission_to_wipe() -> None:
    with pytest.raises(
        Refusal, match=r"RK_VAR \(/var\) is missing; .*order the installation with wipe: true"
    ):
        decide([installed_disk()], parse_layout(APART), options())
    assert decide([installed_disk()], parse_layout(APART), options(wipe=True))[1] == "wipe"


def test_a_master_boot_record_needs_no_boot_partition() -> None:
    first = commands([disk("vda", transport="virtio")], table="msdos")
    assert not [line for line in first if "biosboot" in line]
    old = installed_disk("vda", table="dos")
    again = commands([old._replace(parts=old.parts[1:])])
    assert "part / --onpart=vda2 --fstype=xfs --label=RK_ROOT" in again


def test_fast_and_small_disks_are_preferred() -> None:
    disks = [
        disk("sda", transport="sata", size=900_000),
        disk("nvme1n1", transport="nvme", size=900_000),
        disk("nvme0n1", transport="nvme", size=400_000),
        disk("vda", transport="virtio", size=100_000),
    ]
    assert commands(disks)[0] == "ignoredisk --only-use=nvme0n1"
    assert commands(list(reversed(disks))) == commands(disks)


@pytest.mark.parametrize("name", ["sdb", "/dev/sdb", "wwn-sdb", "serial-sdb"])
def test_os_disk_selects_the_disk(name: str) -> None:
    assert (
        commands([disk("sda", size=100_000), disk("sdb")], os_disk=name)[0]
        == "ignoredisk --only-use=sdb"
    )


FOREIGN = {
    "a file system without a table": disk(fstype="ext4"),
    "an empty table": disk(table="gpt"),
    "a foreign partition": disk(parts=(Part("sda1", "", "ntfs", ""),)),
    "a partition without a signature": disk(parts=(Part("sda1", "", "", ""),)),
    "LVM": disk(parts=(Part("sda1", "", "LVM2_member", ""),), stacked=("vg0-data",)),
    "an array's member": disk(parts=(Part("sda1", "host:0", "linux_raid_member", ""),)),
    "a whole-disk array": disk(fstype="linux_raid_member", stacked=("md127",)),
    "firmware RAID": disk(fstype="isw_raid_member"),
    "another cluster's disk": disk(
        parts=(Part("sda1", "R2_ROOT", "xfs", ""), Part("sda2", "R2_STATE1", "xfs", ""))
    ),
    "only a volume on it": disk(stacked=("mpatha",)),
}


@pytest.mark.parametrize("contents", FOREIGN)
def test_disks_with_foreign_contents_are_not_used(contents: str) -> None:
    with pytest.raises(Refusal, match="1 disk required, 0 usable: sda contains"):
        commands([FOREIGN[contents]])
    assert commands([FOREIGN[contents], disk("sdb")])[0] == "ignoredisk --only-use=sdb"


@pytest.mark.parametrize("contents", FOREIGN)
def test_permission_to_wipe_comes_from_the_order(contents: str) -> None:
    assert "clearpart --all --initlabel --disklabel=gpt --drives=sda" in commands(
        [FOREIGN[contents]], wipe=True
    )


def test_a_wipe_prefers_our_own_disk_to_a_faster_foreign_disk() -> None:
    theirs = disk("nvme0n1", (Part("nvme0n1p1", "data", "xfs", ""),), transport="nvme")
    assert commands([theirs, installed_disk("sdb")], wipe=True)[0] == "ignoredisk --only-use=sdb"


def test_a_wipe_clears_every_disk_with_our_labels() -> None:
    lines = commands([installed_disk("sda"), installed_disk("sdb")], wipe=True)
    assert lines[0] == "ignoredisk --only-use=sda,sdb"
    assert "part / --fstype=xfs --size=30720 --ondisk=sda --label=RK_ROOT" in lines


REFUSED = [
    pytest.param(
        [without(installed_disk(), "RK_ROOT")],
        {},
        r"RK_STATE1 on sda4, RK_SWAP on sda3 .*RK_ROOT is missing",
        id="root lost its label",
    ),
    pytest.param(
        [without(installed_disk(), "RK_STATE1")],
        {},
        r"RK_STATE1 \(/state/partition1\) is missing",
        id="state lost",
    ),
    pytest.param(
        [without(installed_disk(), "RK_SWAP")], {}, r"RK_SWAP \(swap\) is missing", id="swap lost"
    ),
    pytest.param(
        [installed_disk(), installed_disk("sdb")],
        {},
        r"RK_ROOT \(/\) is on sda2 and sdb2",
        id="a label twice",
    ),
    pytest.param(
        [installed_disk(fstypes={"RK_STATE1": "ext4"})],
        {},
        r"contains ext4, but the layout requires xfs",
        id="another file system",
    ),
    pytest.param(
        [installed_disk(fstypes={"RK_STATE1": ""})],
        {},
        r"contains no file system, but the layout",
        id="no file system",
    ),
    pytest.param(
        [installed_disk()], {"efi": True}, r"no EFI system partition", id="BIOS before, UEFI now"
    ),
    pytest.param(
        [installed_disk(boot=ESP)], {}, r"no BIOS boot partition", id="UEFI before, BIOS now"
    ),
    pytest.param(
        [installed_disk()],
        {"mirror": True},
        r"is a partition \(sda2\), but the layout requires an array",
        id="half a mirror",
    ),
    pytest.param([], {}, r"has no disk", id="no disk"),
    pytest.param(
        [disk(size=30_000)], {}, r"has 30000 MiB, but the layout needs 35849", id="too small"
    ),
    pytest.param(
        [disk(mounted=["/run/install"])],
        {"wipe": True},
        r"in use \(/run/install\)",
        id="the installer's own",
    ),
    pytest.param(
        [disk()], {"os_disk": "sdz"}, r"unknown disk 'sdz'", id="the named disk is not there"
    ),
    pytest.param(
        [disk(table="gpt"), disk("sdb")],
        {"os_disk": "sda"},
        r"sda contains gpt",
        id="the named disk is not blank",
    ),
    pytest.param([disk()], {"mirror": True}, r"2 disks required, 1 usable", id="a mirror of one"),
]


@pytest.mark.parametrize(("disks", "changes", "fault"), REFUSED)
def test_unclear_disks_are_refused(disks: list[Disk], changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refusal, match=fault):
        commands(disks, **changes)


def test_the_file_system_of_root_can_change() -> None:
    assert "part / --onpart=sda2 --fstype=xfs --label=RK_ROOT" in commands(
        [installed_disk(fstypes={"RK_ROOT": "ext4"})]
    )


def mirrored_disks() -> list[Disk]:
    """Return two disks after a mirrored installation."""
    parts = [
        tuple(
            [Part(f"{name}1", "", "", BIOSBOOT)]
            + [
                Part(f"{name}{number}", f"compute-0-0:{label.lower()}", "linux_raid_member", "")
                for number, (label, _fstype) in enumerate(INSTALLED, 2)
            ]
        )
        for name in ("sda", "sdb")
    ]
    return [disk("sda", parts[0], stacked=("md127",)), disk("sdb", parts[1], stacked=("md127",))]


def test_a_mirror_uses_two_blank_disks() -> None:
    lines = commands([disk("sda"), disk("sdb"), disk("sdc")], mirror=True)
    assert lines[0] == "ignoredisk --only-use=sda,sdb"
    assert lines[4:7] == [
        "part raid.101 --size=30720 --ondisk=sda",
        "part raid.102 --size=30720 --ondisk=sdb",
        "raid / --device=rk_root --level=1 --fstype=xfs --label=RK_ROOT raid.101 raid.102",
    ]


def test_a_mirror_of_a_single_disk_is_refused() -> None:
    with pytest.raises(Refusal, match="2 disks required, 1 usable: there are no others"):
        commands([disk()], mirror=True)


def test_a_mirror_is_reused() -> None:
    lines, mode = decide(mirrored_disks(), MIRROR, options())
    assert mode == "reuse"
    assert lines[3:6] == [
        "raid / --device=rk_root --useexisting --fstype=xfs --label=RK_ROOT",
        "raid swap --device=rk_swap --useexisting --noformat",
        "raid /state/partition1 --device=rk_state1 --useexisting --noformat",
    ]


def test_a_mirror_is_not_reused_as_single_disks() -> None:
    with pytest.raises(Refusal, match=r"RK_ROOT \(/\) is an array \(sda2\)"):
        commands(mirrored_disks())
    with pytest.raises(Refusal, match=r"RK_ROOT \(/\) is an array \(sda2\)"):
        commands(mirrored_disks()[:1])


@pytest.mark.parametrize(("text", "fact"), BAD_LAYOUTS)
def test_a_faulty_layout_is_refused_with_its_line(text: str, fact: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_layout(text)
    assert fact in str(caught.value)


# ---- arbitrary disks

parts = st.builds(
    Part,
    name=st.sampled_from(["sda1", "sda2", "sdb1", "nvme0n1p1"]),
    label=st.sampled_from(["", "RK_ROOT", "RK_SWAP", "RK_STATE1", "data", "host:rk_root"]),
    fstype=st.sampled_from(["", "xfs", "ext4", "swap", "linux_raid_member", "LVM2_member"]),
    kind=st.sampled_from(["", ESP, BIOSBOOT]),
)
disks = st.lists(
    st.builds(
        lambda name, parts, size, mounted: disk(name, tuple(parts), size=size, mounted=mounted),
        st.sampled_from(["sda", "sdb", "nvme0n1", "vda"]),
        st.lists(parts, max_size=4),
        st.sampled_from([1_000, BIG]),
        st.sampled_from([[], ["/mnt"]]),
    ),
    max_size=3,
    unique_by=lambda disk: disk.name,
)
all_options = st.builds(
    options,
    wipe=st.booleans(),
    efi=st.booleans(),
    table=st.sampled_from(["gpt", "msdos"]),
)


@given(disks, all_options)
def test_without_permission_only_root_and_blank_disks_are_written(
    machine: list[Disk], choice: Options
) -> None:
    try:
        lines, mode = decide(machine, LINES, choice)
    except Refusal:
        return
    text = "\n".join(lines)
    if not choice.wipe:
        full = {
            disk.name for disk in machine if disk.parts or disk.table or disk.fstype or disk.stacked
        }
        cleared = [
            line.rpartition("=")[2].split(",")
            for line in lines
            if line.startswith("clearpart --all")
        ]
        assert not full & {name for names in cleared for name in names}
        for line in lines:
            if "--onpart" in line or "--useexisting" in line:
                assert line.split()[1] in ("/", "biosboot") or line.endswith("--noformat")
    assert text.count("\npart / ") + text.count("\nraid / ") == 1
    assert ("clearpart --none" in text) == (mode == "reuse")


@given(disks, all_options)
def test_the_installer_can_parse_every_result(machine: list[Disk], choice: Options) -> None:
    try:
        lines, _mode = decide(machine, LINES, choice)
    except Refusal:
        return
    for release in ("RHEL8", "RHEL9", "RHEL10"):
        KickstartParser(makeVersion(release)).readKickstartFromString("\n".join(lines) + "\n")
