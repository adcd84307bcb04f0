# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the disks of this machine, and apply a plan to them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

from . import programs, screen
from .model import Array, Disk, Group, Mount, Partition, Plan, Stacks, Volume
from .programs import SYSROOT

SYS = pathlib.Path("/sys/block")
SECTOR = 512
# sfdisk's names for partition types.
KINDS = {
    "gpt": {
        "efi": "uefi",
        "biosboot": "21686148-6449-6E6F-744E-656564454649",
        "swap": "swap",
        "raid": "raid",
        "lvm": "lvm",
    },
    "dos": {"efi": "ef", "swap": "82", "extended": "5", "raid": "fd", "lvm": "8e"},
}
LINUX = {"gpt": "linux", "dos": "83"}
ESP_OPTIONS = "umask=0077,shortname=winnt"
MAKE = {
    "efi": ["mkfs.vfat", "-F", "32"],
    "ext2": ["mkfs.ext2", "-q", "-F"],
    "ext3": ["mkfs.ext3", "-q", "-F"],
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "swap": ["mkswap", "-f"],
    "vfat": ["mkfs.vfat"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
}
LABEL = {"efi": "-n", "vfat": "-n"}


def list_disks() -> list[Disk]:
    """Return all disks by name, without removable and read-only ones, loops and RAM disks."""
    names = sorted(
        path.name
        for path in SYS.iterdir()
        if not path.name.startswith(("loop", "ram", "zram", "sr", "fd", "dm-", "md"))
    )
    return [
        _disk(name)
        for name in names
        if _number(name, "ro") == 0 and _number(name, "removable") == 0
    ]


def list_stacks() -> Stacks:
    """Return the active arrays and all volume groups; none where the programs are missing."""
    arrays = []
    for path in sorted(SYS.glob("md*/md")):
        if (path / "array_state").read_text().strip() in ("clear", "inactive"):
            continue
        device = f"/dev/{path.parent.name}"
        output = programs.run(["mdadm", "--detail", "--export", device], log="storage")
        values = dict(line.partition("=")[::2] for line in output.splitlines())
        name = values.get("MD_NAME", path.parent.name).rpartition(":")[2]
        members = tuple(sorted(f"/dev/{item.name}" for item in (path.parent / "slaves").iterdir()))
        level = values["MD_LEVEL"].removeprefix("raid")
        arrays.append(Array(name, level, members, _probe(device).get("TYPE", "")))
    groups = []
    if shutil.which("lvm"):
        devices = {os.path.realpath(array.device): array.device for array in arrays}
        for row in _lvm_report("vgs", "vg_name"):
            group = row["vg_name"]
            select = f"vg_name={group}"
            physical = [
                os.path.realpath(item["pv_name"])
                for item in _lvm_report("pvs", "pv_name", "--select", select)
            ]
            names = [item["lv_name"] for item in _lvm_report("lvs", "lv_name", "--select", select)]
            volumes = tuple(
                Volume(name, group, fstype=_probe(f"/dev/{group}/{name}").get("TYPE", ""))
                for name in names
            )
            groups.append(Group(group, tuple(devices.get(pv, pv) for pv in physical), volumes))
    return Stacks(tuple(arrays), tuple(groups))


def _lvm_report(report: str, column: str, *options: str) -> list[dict[str, str]]:
    argv = ["lvm", report, "--reportformat", "json", "--options", column, *options]
    output = json.loads(programs.run(argv, log="storage"))
    return [row for part in output["report"] for rows in part.values() for row in rows]


def resolve(name: str) -> str:
    """Return the kernel's name of a disk or partition of a kickstart."""
    path = name if name.startswith("/") else f"/dev/{name}"
    return os.path.realpath(path).removeprefix("/dev/")


def efi() -> bool:
    """Return whether this machine's firmware is UEFI."""
    return pathlib.Path("/sys/firmware/efi").is_dir()


def apply(plan: Plan) -> None:
    """Create tables, partitions and file systems, and mount them below the installed root."""
    for disk, kind in plan.tables.items():
        _write_table(plan, disk, kind)
    for disk in {part.disk for part in plan.new} - set(plan.tables):
        _write_table(plan, disk, _disk(disk).table)
    for array in plan.stacks.arrays:
        _make_array(array)
    for group in plan.stacks.groups:
        _make_group(group)
    if plan.stacks.arrays or plan.stacks.groups:
        programs.run(["udevadm", "settle", "--timeout=30"], log="storage")
    for mount in plan.mounts:
        if mount.make:
            _make(mount)
    SYSROOT.mkdir(parents=True, exist_ok=True)
    for mount in plan.mounts:
        if mount.point.startswith("/"):
            _mount(mount)
        elif mount.point == "swap":
            programs.run(["swapon", mount.device], log="storage")


def fstab(plan: Plan) -> str:
    """Return the text of /etc/fstab."""
    lines = []
    for mount in plan.mounts:
        if mount.point.startswith("/") or mount.point == "swap":
            swap = mount.point == "swap"
            fstype = {"efi": "vfat"}.get(mount.fstype, mount.fstype)
            check = 0 if swap or fstype == "xfs" else (1 if mount.point == "/" else 2)
            point = "none" if swap else mount.point
            fields = (f"UUID={uuid(mount.device)}", point, fstype, _options(mount), "0", str(check))
            lines.append(" ".join(fields) + "\n")
    return "".join(lines)


def uuid(device: str) -> str:
    """Return the UUID of the file system on ``device``, read from the device itself."""
    return programs.run(["blkid", "-p", "-s", "UUID", "-o", "value", device], log="storage").strip()


def _disk(name: str) -> Disk:
    values = _probe(f"/dev/{name}")
    partitions = sorted(
        (path.parent.name for path in (SYS / name).glob("*/partition")),
        key=lambda part: (len(part), part),
    )
    return Disk(
        name,
        _number(name, "size") * SECTOR,
        values.get("PTTYPE", ""),
        tuple(_partition(name, part) for part in partitions),
    )


def _partition(disk: str, name: str) -> Partition:
    values = _probe(f"/dev/{name}")
    return Partition(name, disk, values.get("TYPE", ""), values.get("LABEL", ""))


def _probe(device: str) -> dict[str, str]:
    """Read the signatures on the device; blkid's status 2 means that it has none."""
    output = programs.run(["blkid", "-p", "-o", "export", device], ok=(0, 2), log="storage")
    return dict(line.partition("=")[::2] for line in output.splitlines())


def _number(disk: str, attribute: str) -> int:
    return int((SYS / disk / attribute).read_text())


def _write_table(plan: Plan, disk: str, kind: str) -> None:
    screen.show(f"Creating disklabel on /dev/{disk}")
    # The remains of an earlier table or file system would be detected later.
    programs.run(["wipefs", "--all", "--force", f"/dev/{disk}"], log="storage")
    lines = [f"label: {kind}"]
    for part in plan.new:
        if part.disk == disk:
            size = f"size={part.size}MiB, " if part.size else ""
            lines.append(f"{size}type={KINDS[kind].get(part.kind, LINUX[kind])}")
    table = "\n".join(lines) + "\n"
    programs.run(
        ["sfdisk", "--quiet", "--wipe-partitions", "always", f"/dev/{disk}"],
        stdin=table,
        log="storage",
    )
    programs.run(["udevadm", "settle", "--timeout=30"], log="storage")


def _make_array(array: Array) -> None:
    screen.show(f"Creating array {array.name}")
    for device in array.devices:
        programs.run(["wipefs", "--all", "--force", device], log="storage")
    argv = ["mdadm", "--create", array.device, "--run", f"--name={array.name}", "--metadata=1.2"]
    argv += [f"--level={array.level}", f"--raid-devices={len(array.devices)}", *array.devices]
    programs.run(argv, log="storage")
    programs.run(["udevadm", "settle", "--timeout=30"], log="storage")


def _make_group(group: Group) -> None:
    screen.show(f"Creating volume group {group.name}")
    programs.run(["lvm", "pvcreate", "--force", "--yes", *group.devices], log="storage")
    programs.run(["lvm", "vgcreate", group.name, *group.devices], log="storage")
    for volume in sorted(group.volumes, key=lambda volume: volume.grow):
        size = ["--extents", "100%FREE"] if volume.grow else ["--size", f"{volume.size}M"]
        argv = ["lvm", "lvcreate", "--yes", "--name", volume.name, *size, group.name]
        programs.run(argv, log="storage")


def _make(mount: Mount) -> None:
    screen.show(f"Creating {mount.fstype} on {mount.device}")
    label = [LABEL.get(mount.fstype, "-L"), mount.label] if mount.label else []
    programs.run(
        [*MAKE[mount.fstype], *mount.mkfs_options.split(), *label, mount.device], log="storage"
    )


def _mount(mount: Mount) -> None:
    target = SYSROOT / mount.point[1:]
    target.mkdir(parents=True, exist_ok=True)
    if mount.point == "/boot/efi":
        target.chmod(0o700)
    programs.run(
        [
            "mount",
            "-t",
            {"efi": "vfat"}.get(mount.fstype, mount.fstype),
            "-o",
            _options(mount),
            mount.device,
            str(target),
        ],
        log="storage",
    )


def _options(mount: Mount) -> str:
    return mount.options or (ESP_OPTIONS if mount.fstype == "efi" else "defaults")
