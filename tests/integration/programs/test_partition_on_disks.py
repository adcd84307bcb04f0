"""The partition program on real block devices: real tables, real file systems, real signatures.

The disks are loop devices. sfdisk and mkfs carry out the commands of a first installation, and the
tests of reinstallations start from the result. Members of arrays are superblocks on a disk, which
need no kernel support.

Loop devices have partition names like NVMe drives (loop0p1). Tests of other names replace lsblk by
a program that prints another name and transport for each device, and everything else unchanged.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
from typing import Iterator, NamedTuple, Optional

import pytest
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from support.ansible import ROOT
from support.oldestpython import oldest_python

PROGRAM = ROOT / "xml" / "programs" / "partition.py"
LAYOUT = """
/                  RK_ROOT    xfs   330
swap               RK_SWAP    swap   20
/state/partition1  RK_STATE1  ext4   30 grow keep
"""
TYPES = {
    "biosboot": "21686148-6449-6E6F-744E-656564454649",
    "/boot/efi": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
}
MAKE = {
    "xfs": ["mkfs.xfs", "-q", "-f", "-L"],
    "ext4": ["mkfs.ext4", "-q", "-F", "-L"],
    "swap": ["mkswap", "-q", "-L"],
    "efi": ["mkfs.vfat", "-n"],
}
DISK_MIB = 1100
# partx notifies the kernel; sfdisk would wait without effect.
SFDISK_OPTIONS = ("--quiet", "--no-reread", "--no-tell-kernel")


def sh(*argv: str, stdin: str = "") -> str:
    """Run a program that must succeed, and return its output."""
    return subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=True, timeout=60
    ).stdout


@contextlib.contextmanager
def loop(mib: int = DISK_MIB) -> Iterator[str]:
    """Yield the device of a blank disk, which is in memory, where flushing is free."""
    image = os.memfd_create("disk")
    os.truncate(image, mib << 20)
    try:
        device = sh("losetup", "--find", "--show", f"/proc/{os.getpid()}/fd/{image}").strip()
    finally:
        os.close(image)
    try:
        yield device
    finally:
        subprocess.run(["partx", "--delete", device], check=False, capture_output=True)
        sh("losetup", "--detach", device)


@pytest.fixture
def disk() -> Iterator[str]:
    """Yield a blank disk."""
    with loop() as device:
        yield device


@pytest.fixture
def other() -> Iterator[str]:
    """Yield a second blank disk."""
    with loop() as device:
        yield device


class Naming(NamedTuple):
    """A kernel's names of disks, the text before a partition's number, and the transport."""

    disks: tuple[str, ...]
    infix: str
    transport: str

    def partition(self, number: int, disk: int = 0) -> str:
        return f"{self.disks[disk]}{self.infix}{number}"


NVME = Naming(("nvme0n1", "nvme1n1"), "p", "nvme")
VIRTIO = Naming(("vda", "vdb"), "", "virtio")
NAMINGS = pytest.mark.parametrize("naming", [NVME, VIRTIO], ids=lambda naming: naming.transport)
TABLES = pytest.mark.parametrize("table", ["gpt", "msdos"])

LSBLK = """#!{python}
import json, subprocess, sys
argv = [{lsblk!r}, *sys.argv[1:]]
result = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
for device in result["blockdevices"]:
    name = {names!r}[device["name"]]
    for child in device.get("children", []):
        child["name"] = child["name"].replace(device["name"] + "p", name + {infix!r})
    device.update(name=name, tran={transport!r})
print(json.dumps(result))
"""


def environment(folder: pathlib.Path, naming: Naming, devices: list[str]) -> dict[str, str]:
    """Return an environment in which lsblk prints a kernel's names for these devices, in order."""
    names = {name(device): disk for device, disk in zip(devices, naming.disks)}
    real = shutil.which("lsblk")
    program = folder / "bin" / "lsblk"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        LSBLK.format(python=sys.executable, lsblk=real, names=names, **naming._asdict())
    )
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def decide(
    folder: pathlib.Path,
    disks: list[str],
    *options: str,
    naming: Optional[Naming] = None,
    layout: str = LAYOUT,
) -> tuple[str, list[str]]:
    """Return ``first``, ``reuse``, ``wipe`` or the refusal, and the commands."""
    (folder / "layout").write_text(layout)
    output = folder / "partition.ks"
    output.unlink(missing_ok=True)
    argv = [
        oldest_python(),
        str(PROGRAM),
        "--layout",
        str(folder / "layout"),
        "--output",
        str(output),
    ]
    argv += ["--firmware", "bios", *options]
    for device in disks:
        argv += ["--device", device]
    for device in disks:
        sh("blockdev", "--flushbufs", device)
    before = {device: sectors_written(device) for device in disks}
    env = {**os.environ, **(environment(folder, naming, disks) if naming else {})}
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert {device: sectors_written(device) for device in disks} == before, (
        "the program wrote to a disk"
    )
    if ended.returncode:
        assert not output.exists()
        return ended.stderr, []
    commands = [line for line in output.read_text().splitlines() if not line.startswith("#")]
    KickstartParser(makeVersion("RHEL9")).readKickstartFromString("\n".join(commands) + "\n")
    return ended.stdout.strip(), commands


def sectors_written(device: str) -> int:
    """Return the number of written sectors (Documentation/block/stat.rst, field 7)."""
    return int(pathlib.Path(f"/sys/block/{name(device)}/stat").read_text().split()[6])


def carry_out(commands: list[str], device: str, table: str = "gpt") -> None:
    """Partition and format a blank disk with the commands of a first installation."""
    parts = [line.split() for line in commands if line.startswith("part ")]
    rows = [f"label: {'gpt' if table == 'gpt' else 'dos'}"]
    file_systems = []
    for words in parts:
        option = dict(re.findall(r"--(\w+)=(\S+)", " ".join(words)))
        size = "" if "--grow" in words else f"size={option['size']}MiB,"
        kind = TYPES.get(words[1], "linux") if table == "gpt" else "83"
        rows.append(f"{size} type={kind}")
        file_systems.append((option["fstype"], option.get("label", "EFI")))
    sh("sfdisk", *SFDISK_OPTIONS, "--wipe", "always", device, stdin="\n".join(rows) + "\n")
    sh("partx", "--add", device)
    for number, (fstype, label) in enumerate(file_systems, 1):
        if fstype in MAKE:
            sh(*MAKE[fstype], label, f"{device}p{number}")


def name(device: str) -> str:
    return pathlib.Path(device).name


@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_a_reinstallation_keeps_the_partitions_of_a_first_installation(
    tmp_path: pathlib.Path, disk: str, firmware: str
) -> None:
    mode, commands = decide(tmp_path, [disk], "--firmware", firmware)
    assert mode == "first"
    carry_out(commands, disk)
    mode, again = decide(tmp_path, [disk], "--firmware", firmware)
    boot = (
        "part biosboot --fstype=biosboot --onpart={}p1"
        if firmware == "bios"
        else "part /boot/efi --onpart={}p1 --noformat"
    )
    assert (mode, again) == (
        "reuse",
        [
            f"ignoredisk --only-use={name(disk)}",
            "clearpart --none",
            boot.format(name(disk)),
            f"part / --onpart={name(disk)}p2 --fstype=xfs --label=RK_ROOT",
            f"part swap --onpart={name(disk)}p3 --noformat",
            f"part /state/partition1 --onpart={name(disk)}p4 --noformat",
            f"bootloader --location=mbr --boot-drive={name(disk)}",
        ],
    )


def test_a_reinstallation_keeps_a_master_boot_record(tmp_path: pathlib.Path, disk: str) -> None:
    _mode, commands = decide(tmp_path, [disk], "--table", "msdos")
    carry_out(commands, disk, "msdos")
    mode, again = decide(tmp_path, [disk], "--table", "msdos")
    assert mode == "reuse"
    assert f"part /state/partition1 --onpart={name(disk)}p3 --noformat" in again


def test_a_data_disk_is_never_part_of_the_commands(
    tmp_path: pathlib.Path, disk: str, other: str
) -> None:
    sh("mkfs.xfs", "-q", "-L", "science", other)
    _mode, commands = decide(tmp_path, [disk, other])
    assert name(other) not in "\n".join(commands)
    carry_out(commands, disk)
    mode, again = decide(tmp_path, [other, disk])
    assert mode == "reuse"
    assert name(other) not in "\n".join(again)


@pytest.fixture
def ours(tmp_path: pathlib.Path, disk: str) -> str:
    """Return a disk after our first installation."""
    carry_out(decide(tmp_path, [disk])[1], disk)
    return disk


def test_a_missing_root_label_is_refused(tmp_path: pathlib.Path, ours: str) -> None:
    sh("xfs_admin", "-L", "--", f"{ours}p2")
    assert "RK_STATE1 on" in decide(tmp_path, [ours])[0]


def test_a_state_partition_with_a_different_file_system_is_refused(
    tmp_path: pathlib.Path, ours: str
) -> None:
    sh("mkfs.xfs", "-q", "-f", "-L", "RK_STATE1", f"{ours}p4")
    assert "contains xfs, but the layout requires ext4" in decide(tmp_path, [ours])[0]


def test_a_label_on_two_disks_is_refused(tmp_path: pathlib.Path, ours: str, other: str) -> None:
    sh("dd", f"if={ours}", f"of={other}", "bs=4M", "conv=sparse,nocreat", "status=none")
    sh("partx", "--add", other)
    assert "RK_ROOT (/) is on" in decide(tmp_path, [ours, other])[0]


def test_contradictory_signatures_are_refused(tmp_path: pathlib.Path, disk: str) -> None:
    sh("mkfs.ext4", "-q", "-F", disk)
    with open(disk, "r+b") as file:  # XFS begins at 0, ext4 at 1024: both are whole
        header = tmp_path / "xfs"
        with open(header, "wb") as other:
            other.truncate(400 << 20)
        sh("mkfs.xfs", "-q", "-f", str(header))
        with open(header, "rb") as other:
            file.write(other.read(512))
    assert "contradictory signatures" in decide(tmp_path, [disk])[0]


def test_a_disk_without_udev_data_does_not_look_blank(
    tmp_path: pathlib.Path, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A regression: lsblk reads labels from udev, which does not run here.
    empty = sh("lsblk", "--noheadings", "--output", "LABEL,FSTYPE", ours).split()
    assert decide(tmp_path, [ours])[0] == "reuse", f"lsblk itself says {empty}"


def superblock(array: str, level: int = 1, disks: int = 2) -> bytes:
    """Return an md superblock of version 1.2, which marks a member of an array (md.4)."""
    block = bytearray(256)
    struct.pack_into("<IIII", block, 0, 0xA92B4EFC, 1, 0, 0)
    block[16:32] = bytes(range(16))
    block[32 : 32 + len(array)] = array.encode()
    struct.pack_into("<IIQ", block, 72, level, 0, 204800)
    struct.pack_into("<II", block, 88, 0, disks)
    struct.pack_into(
        "<QQQ", block, 128, 2048, 204800, 8
    )  # data offset and size; this block is at sector 8
    total = sum(struct.unpack("<64I", bytes(block)))
    struct.pack_into("<I", block, 216, (total & 0xFFFFFFFF) + (total >> 32))
    return bytes(block)


def put(device: str, data: bytes, offset: int) -> None:
    with open(device, "r+b") as file:
        file.seek(offset)
        file.write(data)


def test_members_of_a_foreign_array_are_not_used(tmp_path: pathlib.Path, disk: str) -> None:
    put(disk, superblock("server:0"), 4096)
    assert "contains linux_raid_member" in decide(tmp_path, [disk])[0]


def test_our_own_mirror_is_reused(tmp_path: pathlib.Path, disk: str, other: str) -> None:
    for device in (disk, other):
        rows = [
            "label: gpt",
            f"size=1MiB, type={TYPES['biosboot']}",
            "size=330MiB",
            "size=40MiB",
            "",
        ]
        sh("sfdisk", *SFDISK_OPTIONS, device, stdin="\n".join(rows[:4]) + "\n,\n")
        sh("partx", "--add", device)
        for number, label in enumerate(("rk_root", "rk_swap", "rk_state1"), 2):
            put(f"{device}p{number}", superblock(f"compute-0-0:{label}"), 4096)
    mode, commands = decide(tmp_path, [disk, other], "--mirror", "yes")
    assert mode == "reuse", mode
    assert "raid / --device=rk_root --useexisting --fstype=xfs --label=RK_ROOT" in commands
    assert "raid /state/partition1 --device=rk_state1 --useexisting --noformat" in commands


def test_a_volume_group_is_not_used(tmp_path: pathlib.Path, disk: str) -> None:
    sh(
        "pvcreate",
        "--quiet",
        "--force",
        "--config",
        f'devices {{ filter = [ "a|{disk}|", "r|.*|" ] use_devicesfile=0 }}',
        disk,
    )
    assert "contains LVM2_member" in decide(tmp_path, [disk])[0]


def test_a_small_disk_is_refused_with_its_size(tmp_path: pathlib.Path) -> None:
    with loop(64) as device:
        assert "has 64 MiB, but the layout needs 389" in decide(tmp_path, [device])[0]


def test_the_disk_of_another_cluster_requires_permission_to_wipe(
    tmp_path: pathlib.Path, disk: str
) -> None:
    _mode, commands = decide(tmp_path, [disk])
    carry_out([line.replace("RK_", "OT_") for line in commands], disk)
    assert "contains" in decide(tmp_path, [disk])[0]
    mode, commands = decide(tmp_path, [disk], "--wipe", "yes")
    assert mode == "wipe"
    assert f"clearpart --all --initlabel --disklabel=gpt --drives={name(disk)}" in commands


def test_kernel_arguments_cannot_add_a_command(tmp_path: pathlib.Path, disk: str) -> None:
    assert decide(tmp_path, [disk], "--append", "console=ttyS0")[1][-1].endswith(
        '--append="console=ttyS0"'
    )
    assert "quote" in decide(tmp_path, [disk], "--append", 'x" --password=1')[0]


# ---- with every partition table, and the names of every kernel


@pytest.fixture
def two(disk: str, other: str) -> list[str]:
    """Yield two blank disks."""
    return [disk, other]


@TABLES
@NAMINGS
def test_the_decision_does_not_depend_on_kernel_names(
    tmp_path: pathlib.Path, two: list[str], naming: Naming, table: str
) -> None:
    mode, commands = decide(tmp_path, two, "--table", table, naming=naming)
    assert mode == "first" and f"ignoredisk --only-use={naming.disks[0]}" in commands
    carry_out(commands, two[0], table)
    at = 1 if table == "msdos" else 2
    for order, disk in (
        (two, 0),
        (two[::-1], 1),
    ):  # the second time, the kernel detects the other disk first
        mode, again = decide(tmp_path, order, "--table", table, naming=naming)
        assert (mode, again[:2]) == (
            "reuse",
            [f"ignoredisk --only-use={naming.disks[disk]}", "clearpart --none"],
        )
        assert [line for line in again if line.startswith("part ") and "biosboot" not in line] == [
            f"part / --onpart={naming.partition(at, disk)} --fstype=xfs --label=RK_ROOT",
            f"part swap --onpart={naming.partition(at + 1, disk)} --noformat",
            f"part /state/partition1 --onpart={naming.partition(at + 2, disk)} --noformat",
        ]
        assert again[-1] == f"bootloader --location=mbr --boot-drive={naming.disks[disk]}"


def lose_root_label(device: str, table: str) -> None:
    sh("xfs_admin", "-L", "--", f"{device}p{1 if table == 'msdos' else 2}")


def lose_state(device: str, table: str) -> None:
    sh("wipefs", "--quiet", "--all", f"{device}p{3 if table == 'msdos' else 4}")


def remake_state(device: str, table: str) -> None:
    sh("mkfs.xfs", "-q", "-f", "-L", "RK_STATE1", f"{device}p{3 if table == 'msdos' else 4}")


def become_another_clusters(device: str, table: str) -> None:
    first = 1 if table == "msdos" else 2
    sh("xfs_admin", "-L", "OT_ROOT", f"{device}p{first}")
    sh("swaplabel", "-L", "OT_SWAP", f"{device}p{first + 1}")
    sh("e2label", f"{device}p{first + 2}", "OT_STATE1")


CHANGED = {
    "root lost": (lose_root_label, "RK_ROOT is missing: the old installation is incomplete"),
    "state lost": (lose_state, "RK_STATE1 (/state/partition1) is missing"),
    "state reformatted": (remake_state, "contains xfs, but the layout requires ext4"),
    "another cluster's": (become_another_clusters, "1 disk required, 0 usable"),
}


@TABLES
@NAMINGS
@pytest.mark.parametrize("change", CHANGED)
def test_unclear_disks_are_unchanged_until_an_order_permits_a_wipe(
    tmp_path: pathlib.Path, disk: str, naming: Naming, table: str, change: str
) -> None:
    carry_out(decide(tmp_path, [disk], "--table", table)[1], disk, table)
    do, fact = CHANGED[change]
    do(disk, table)
    refusal, commands = decide(tmp_path, [disk], "--table", table, naming=naming)
    assert commands == [] and fact in refusal
    assert "order the installation with wipe: true. The disks are unchanged." in refusal
    mode, commands = decide(tmp_path, [disk], "--table", table, "--wipe", "yes", naming=naming)
    assert mode == "wipe"
    assert f"clearpart --all --initlabel --disklabel={table} --drives={naming.disks[0]}" in commands


def put_array(device: str) -> None:
    put(f"{device}p1", superblock("server:0"), 4096)


def put_volume_group(device: str) -> None:
    config = f'devices {{ filter = [ "a|{device}p1|", "r|.*|" ] use_devicesfile=0 }}'
    sh("pvcreate", "--quiet", "--force", "--config", config, f"{device}p1")


FOREIGN = {
    "array": (put_array, "linux_raid_member"),
    "volume group": (put_volume_group, "LVM2_member"),
}


@TABLES
@NAMINGS
@pytest.mark.parametrize("contents", FOREIGN)
def test_foreign_arrays_and_volume_groups_are_skipped(
    tmp_path: pathlib.Path, two: list[str], naming: Naming, table: str, contents: str
) -> None:
    make, fact = FOREIGN[contents]
    sh(
        "sfdisk",
        *SFDISK_OPTIONS,
        two[0],
        stdin=f"label: {'dos' if table == 'msdos' else 'gpt'}\n,\n",
    )
    sh("partx", "--add", two[0])
    make(two[0])
    assert (
        f"{naming.disks[0]} contains {fact}"
        in decide(tmp_path, two[:1], "--table", table, naming=naming)[0]
    )
    mode, commands = decide(tmp_path, two, "--table", table, naming=naming)
    assert mode == "first"
    assert naming.disks[0] not in "\n".join(commands)


@NAMINGS
def test_a_small_blank_disk_is_skipped(tmp_path: pathlib.Path, disk: str, naming: Naming) -> None:
    with loop(64) as small:
        _mode, commands = decide(tmp_path, [small, disk], naming=naming)
        assert commands[0] == f"ignoredisk --only-use={naming.disks[1]}"
        refusal, _commands = decide(tmp_path, [small], "--wipe", "yes", naming=naming)
        assert f"{naming.disks[0]} has 64 MiB, but the layout needs 389" in refusal


# ---- arrays and volume groups, as mdadm and LVM read them; they are not active on this kernel

DATA_LAYOUT = """
/                  RK_ROOT    xfs   330
swap               RK_SWAP    swap  20
lvm                RK_DATA    lvm   100 grow disk=2,3
/home              RK_HOME    ext4  40  keep vg=RK_DATA
/opt               RK_OPT     ext4  40  grow format vg=RK_DATA
"""
ARRAY_LAYOUT = """
/                  RK_ROOT    xfs   330
swap               RK_SWAP    swap  20
/scratch           RK_SCRATCH xfs   330 grow keep disk=2,3 raid=LEVEL
"""


def lvm(devices: list[str], *argv: str) -> None:
    """Run a command of LVM, which sees these devices only, and activates nothing."""
    accepted = ", ".join(f'"a|^{device}$|"' for device in devices)
    config = (
        f'devices {{ filter = [ {accepted}, "r|.*|" ] use_devicesfile=0 }}'
        " global { activation=0 } backup { backup=0 archive=0 }"
    )
    sh(*argv[:1], "--quiet", "--config", config, *argv[1:])


@pytest.fixture
def third() -> Iterator[str]:
    """Yield a third blank disk."""
    with loop(400) as device:
        yield device


def one_partition(device: str) -> str:
    sh("sfdisk", *SFDISK_OPTIONS, "--wipe", "always", device, stdin="label: gpt\n,\n")
    sh("partx", "--add", device)
    return f"{device}p1"


@pytest.fixture
def data_disks(tmp_path: pathlib.Path, disk: str, other: str, third: str) -> list[str]:
    """Return three disks after an installation of DATA_LAYOUT."""
    names = f"{disk},{other},{third}"
    mode, commands = decide(tmp_path, [disk, other, third], "--disk", names, layout=DATA_LAYOUT)
    assert mode == "first", mode
    carry_out([line for line in commands if "pv." not in line], disk)
    parts = [one_partition(device) for device in (other, third)]
    lvm(parts, "pvcreate", *parts)
    lvm(parts, "vgcreate", "RK_DATA", *parts)
    for volume in ("rk_home", "rk_opt"):
        words = ["--activate", "n", "--zero", "n", "--wipesignatures", "n", "--size", "40M"]
        lvm(parts, "lvcreate", *words, "--name", volume, "RK_DATA")
    return [disk, other, third]


def test_logical_volumes_are_kept_before_they_are_active(
    tmp_path: pathlib.Path, data_disks: list[str]
) -> None:
    mode, commands = decide(tmp_path, data_disks, layout=DATA_LAYOUT)
    assert mode == "reuse", mode
    assert "clearpart --none" in commands
    assert commands[-4:-1] == [
        "volgroup RK_DATA --noformat",
        "logvol /home --vgname=RK_DATA --name=rk_home --useexisting --noformat",
        "logvol /opt --vgname=RK_DATA --name=rk_opt --useexisting --fstype=ext4 --label=RK_OPT",
    ]


def test_a_volume_group_without_one_of_its_disks_is_refused(
    tmp_path: pathlib.Path, data_disks: list[str]
) -> None:
    sh("wipefs", "--quiet", "--all", f"{data_disks[2]}p1")
    refusal, commands = decide(tmp_path, data_disks, layout=DATA_LAYOUT)
    assert commands == []
    assert f"RK_DATA (lvm) is on {name(data_disks[1])}, but the layout requires 2 disks" in refusal
    assert "order the installation with wipe: true. The disks are unchanged." in refusal


def test_a_missing_logical_volume_is_refused(tmp_path: pathlib.Path, data_disks: list[str]) -> None:
    lvm([f"{device}p1" for device in data_disks[1:]], "lvremove", "--yes", "RK_DATA/rk_home")
    assert "RK_HOME (/home) is missing" in decide(tmp_path, data_disks, layout=DATA_LAYOUT)[0]


def test_a_kept_volume_group_survives_the_replacement_of_the_system_disk(
    tmp_path: pathlib.Path, data_disks: list[str]
) -> None:
    with loop() as new:
        disks = [new, *data_disks[1:]]
        mode, commands = decide(tmp_path, disks, layout=DATA_LAYOUT)
        assert mode == "first", mode
        assert f"clearpart --all --initlabel --disklabel=gpt --drives={name(new)}" in commands
        assert "logvol /home --vgname=RK_DATA --name=rk_home --useexisting --noformat" in commands


@pytest.mark.parametrize("level", [1, 0])
def test_an_array_is_kept_at_its_level_only(
    tmp_path: pathlib.Path, disk: str, other: str, third: str, level: int
) -> None:
    layout = ARRAY_LAYOUT.replace("LEVEL", "1")
    _mode, commands = decide(
        tmp_path, [disk, other, third], "--disk", f"{disk},{other},{third}", layout=layout
    )
    carry_out([line for line in commands if "raid" not in line], disk)
    for device in (other, third):
        put(one_partition(device), superblock("any:rk_scratch", level), 4096)
    mode, commands = decide(tmp_path, [disk, other, third], layout=layout)
    if level == 1:
        assert mode == "reuse", mode
        assert "raid /scratch --device=rk_scratch --useexisting --noformat" in commands
    else:
        assert "is a RAID 0, but the layout requires RAID 1" in mode
    refusal, _commands = decide(tmp_path, [disk, other], layout=layout)
    assert "but the layout requires an array of 2 disks" in refusal or level == 0
