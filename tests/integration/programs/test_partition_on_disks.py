"""The partition program on real block devices: real tables, real file systems, real signatures.

The disks are loop devices.  An answer is carried out by sfdisk and mkfs as the installer would, so
that a reinstallation is asked of what a first installation left.  Arrays are superblocks on a disk:
they need no kernel.

Loop devices are called as NVMe drives are (loop0p1).  Where another naming is the subject, a
program in the place of lsblk says another name and transport for each device; everything else, all
that is read from the disks too, is real.
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

PROGRAM = ROOT / "xml" / "include" / "partition.py"
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
# partx tells the kernel; sfdisk would wait for it in vain.
QUICKLY = ("--quiet", "--no-reread", "--no-tell-kernel")


def sh(*argv: str, stdin: str = "") -> str:
    """A program that must succeed: what it prints."""
    return subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=True, timeout=60
    ).stdout


@contextlib.contextmanager
def loop(mib: int = DISK_MIB) -> Iterator[str]:
    """A blank disk; its device.  It lies in memory, where flushing costs nothing."""
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
    """One blank disk."""
    with loop() as device:
        yield device


@pytest.fixture
def other() -> Iterator[str]:
    """A second blank disk."""
    with loop() as device:
        yield device


# How a kernel calls the disks of a machine: the names in order, what stands before a partition's
# number, transport.
class Naming(NamedTuple):
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
said = json.loads(subprocess.run([{lsblk!r}, *sys.argv[1:]], stdout=subprocess.PIPE, check=True).stdout)
for one in said["blockdevices"]:
    disk, infix = {names!r}[one["name"]], {infix!r}
    for child in one.get("children", []):
        child["name"] = child["name"].replace(one["name"] + "p", disk + infix)
    one.update(name=disk, tran={transport!r})
print(json.dumps(said))
"""


def called(folder: pathlib.Path, naming: Naming, devices: list[str]) -> dict[str, str]:
    """An environment in which these devices, in this order, have the names that a kernel would give
    them.
    """
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
    folder: pathlib.Path, disks: list[str], *options: str, naming: Optional[Naming] = None
) -> tuple[str, list[str]]:
    """``first``, ``reuse``, ``wipe`` or the refusal, and the commands."""
    (folder / "layout").write_text(LAYOUT)
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
    before = {device: written(device) for device in disks}
    env = {**os.environ, **(called(folder, naming, disks) if naming else {})}
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert {device: written(device) for device in disks} == before, "the program wrote to a disk"
    if ended.returncode:
        assert not output.exists()
        return ended.stderr, []
    commands = [line for line in output.read_text().splitlines() if not line.startswith("#")]
    KickstartParser(makeVersion("RHEL9")).readKickstartFromString("\n".join(commands) + "\n")
    return ended.stdout.strip(), commands


def written(device: str) -> int:
    """How many sectors were ever written to the disk (Documentation/block/stat.rst, field 7)."""
    return int(pathlib.Path(f"/sys/block/{name(device)}/stat").read_text().split()[6])


def carry_out(commands: list[str], device: str, table: str = "gpt") -> None:
    """Partition and format a blank disk as the commands of a first installation say."""
    wanted = [line.split() for line in commands if line.startswith("part ")]
    rows, makes = [f"label: {'gpt' if table == 'gpt' else 'dos'}"], []
    for words in wanted:
        option = dict(re.findall(r"--(\w+)=(\S+)", " ".join(words)))
        size = "" if "--grow" in words else f"size={option['size']}MiB,"
        kind = TYPES.get(words[1], "linux") if table == "gpt" else "83"
        rows.append(f"{size} type={kind}")
        makes.append((option["fstype"], option.get("label", "EFI")))
    sh("sfdisk", *QUICKLY, "--wipe", "always", device, stdin="\n".join(rows) + "\n")
    sh("partx", "--add", device)
    for number, (fstype, label) in enumerate(makes, 1):
        if fstype in MAKE:
            sh(*MAKE[fstype], label, f"{device}p{number}")


def name(device: str) -> str:
    return pathlib.Path(device).name


@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_what_a_first_installation_makes_a_reinstallation_keeps(
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


def test_a_master_boot_record_is_kept_too(tmp_path: pathlib.Path, disk: str) -> None:
    _mode, commands = decide(tmp_path, [disk], "--table", "msdos")
    carry_out(commands, disk, "msdos")
    mode, again = decide(tmp_path, [disk], "--table", "msdos")
    assert mode == "reuse"
    assert f"part /state/partition1 --onpart={name(disk)}p3 --noformat" in again


def test_a_data_disk_beside_ours_is_never_named(
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
    """A disk as our first installation left it."""
    carry_out(decide(tmp_path, [disk])[1], disk)
    return disk


def test_a_lost_root_label_is_a_refusal(tmp_path: pathlib.Path, ours: str) -> None:
    sh("xfs_admin", "-L", "--", f"{ours}p2")
    assert "RK_STATE1 on" in decide(tmp_path, [ours])[0]


def test_a_state_partition_that_was_made_anew_is_a_refusal(
    tmp_path: pathlib.Path, ours: str
) -> None:
    sh("mkfs.xfs", "-q", "-f", "-L", "RK_STATE1", f"{ours}p4")
    assert "contains xfs, but the layout requires ext4" in decide(tmp_path, [ours])[0]


def test_a_label_on_two_disks_is_a_refusal(tmp_path: pathlib.Path, ours: str, other: str) -> None:
    sh("dd", f"if={ours}", f"of={other}", "bs=4M", "conv=sparse,nocreat", "status=none")
    sh("partx", "--add", other)
    assert "RK_ROOT (/) is on" in decide(tmp_path, [ours, other])[0]


def test_contradicting_signatures_are_a_refusal(tmp_path: pathlib.Path, disk: str) -> None:
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
    # The regression: lsblk asks udev for labels, and there is no udev here at all.
    empty = sh("lsblk", "--noheadings", "--output", "LABEL,FSTYPE", ours).split()
    assert decide(tmp_path, [ours])[0] == "reuse", f"lsblk itself says {empty}"


def superblock(array: str) -> bytes:
    """An md superblock, version 1.2: what blkid and the kernel know an array's member by (md.4,
    mdp_superblock_1).
    """
    block = bytearray(256)
    struct.pack_into("<IIII", block, 0, 0xA92B4EFC, 1, 0, 0)
    block[16:32] = bytes(range(16))
    block[32 : 32 + len(array)] = array.encode()
    struct.pack_into("<IIQ", block, 72, 1, 0, 204800)  # level 1
    struct.pack_into("<II", block, 88, 0, 2)  # two disks
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


def test_members_of_a_strange_array_are_left_alone(tmp_path: pathlib.Path, disk: str) -> None:
    put(disk, superblock("server:0"), 4096)
    assert "contains linux_raid_member" in decide(tmp_path, [disk])[0]


def test_our_own_mirror_is_used_again(tmp_path: pathlib.Path, disk: str, other: str) -> None:
    for device in (disk, other):
        rows = [
            "label: gpt",
            f"size=1MiB, type={TYPES['biosboot']}",
            "size=330MiB",
            "size=40MiB",
            "",
        ]
        sh("sfdisk", *QUICKLY, device, stdin="\n".join(rows[:4]) + "\n,\n")
        sh("partx", "--add", device)
        for number, label in enumerate(("rk_root", "rk_swap", "rk_state1"), 2):
            put(f"{device}p{number}", superblock(f"compute-0-0:{label}"), 4096)
    mode, commands = decide(tmp_path, [disk, other], "--mirror", "yes")
    assert mode == "reuse", mode
    assert "raid / --device=rk_root --useexisting --fstype=xfs --label=RK_ROOT" in commands
    assert "raid /state/partition1 --device=rk_state1 --useexisting --noformat" in commands


def test_a_volume_group_is_left_alone(tmp_path: pathlib.Path, disk: str) -> None:
    sh(
        "pvcreate",
        "--quiet",
        "--force",
        "--config",
        f'devices {{ filter = [ "a|{disk}|", "r|.*|" ] use_devicesfile=0 }}',
        disk,
    )
    assert "contains LVM2_member" in decide(tmp_path, [disk])[0]


def test_a_disk_that_is_too_small_is_named(tmp_path: pathlib.Path) -> None:
    with loop(64) as device:
        assert "has 64 MiB, but the layout needs 389" in decide(tmp_path, [device])[0]


def test_another_clusters_disk_needs_permission(tmp_path: pathlib.Path, disk: str) -> None:
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


# ---- the same on every table, under every name that a kernel gives


@pytest.fixture
def two(disk: str, other: str) -> list[str]:
    """Two blank disks."""
    return [disk, other]


@TABLES
@NAMINGS
def test_names_of_the_kernel_live_only_within_one_boot(
    tmp_path: pathlib.Path, two: list[str], naming: Naming, table: str
) -> None:
    mode, commands = decide(tmp_path, two, "--table", table, naming=naming)
    assert mode == "first" and f"ignoredisk --only-use={naming.disks[0]}" in commands
    carry_out(commands, two[0], table)
    at = 1 if table == "msdos" else 2
    for order, disk in (
        (two, 0),
        (two[::-1], 1),
    ):  # the second time the kernel found the other disk first
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
    "state made anew": (remake_state, "contains xfs, but the layout requires ext4"),
    "another cluster's": (become_another_clusters, "1 disk required, 0 usable"),
}


@TABLES
@NAMINGS
@pytest.mark.parametrize("change", CHANGED)
def test_in_doubt_the_disks_stay_as_they_are_until_an_order_permits_to_wipe(
    tmp_path: pathlib.Path, disk: str, naming: Naming, table: str, change: str
) -> None:
    carry_out(decide(tmp_path, [disk], "--table", table)[1], disk, table)
    do, said = CHANGED[change]
    do(disk, table)
    refusal, commands = decide(tmp_path, [disk], "--table", table, naming=naming)
    assert commands == [] and said in refusal
    assert "order the installation with wipe: true. The disks are unchanged." in refusal
    mode, commands = decide(tmp_path, [disk], "--table", table, "--wipe", "yes", naming=naming)
    assert mode == "wipe"
    assert f"clearpart --all --initlabel --disklabel={table} --drives={naming.disks[0]}" in commands


def put_array(device: str) -> None:
    put(f"{device}p1", superblock("server:0"), 4096)


def put_volume_group(device: str) -> None:
    own = f'devices {{ filter = [ "a|{device}p1|", "r|.*|" ] use_devicesfile=0 }}'
    sh("pvcreate", "--quiet", "--force", "--config", own, f"{device}p1")


FOREIGN = {
    "array": (put_array, "linux_raid_member"),
    "volume group": (put_volume_group, "LVM2_member"),
}


@TABLES
@NAMINGS
@pytest.mark.parametrize("held", FOREIGN)
def test_arrays_and_volume_groups_of_others_are_passed_over(
    tmp_path: pathlib.Path, two: list[str], naming: Naming, table: str, held: str
) -> None:
    make, said = FOREIGN[held]
    sh("sfdisk", *QUICKLY, two[0], stdin=f"label: {'dos' if table == 'msdos' else 'gpt'}\n,\n")
    sh("partx", "--add", two[0])
    make(two[0])
    assert (
        f"{naming.disks[0]} contains {said}"
        in decide(tmp_path, two[:1], "--table", table, naming=naming)[0]
    )
    mode, commands = decide(tmp_path, two, "--table", table, naming=naming)
    assert mode == "first"
    assert naming.disks[0] not in "\n".join(commands)


@NAMINGS
def test_a_blank_disk_that_is_too_small_is_passed_over(
    tmp_path: pathlib.Path, disk: str, naming: Naming
) -> None:
    with loop(64) as small:
        _mode, commands = decide(tmp_path, [small, disk], naming=naming)
        assert commands[0] == f"ignoredisk --only-use={naming.disks[1]}"
        refusal, _commands = decide(tmp_path, [small], "--wipe", "yes", naming=naming)
        assert f"{naming.disks[0]} has 64 MiB, but the layout needs 389" in refusal
