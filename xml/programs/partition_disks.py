# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the disks of this machine for partition.py; nothing is written to them."""

import json
import os
import re
import subprocess
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple, Union

from partition_layout import Refusal

EXCLUDED_DEVICES = re.compile(r"(zram|ram|nbd|fd|sr|loop)\d")
COLUMNS = "NAME,KNAME,TYPE,SIZE,RO,RM,TRAN,WWN,SERIAL,MOUNTPOINT"
ARRAY_MEMBER = "linux_raid_member"
PHYSICAL_VOLUME = "LVM2_member"

Run = Callable[[List[str]], Tuple[int, str, str]]
"""A function that runs a program, and returns its exit status, output and error output."""
Device = Dict[str, Any]
"""A device in the output of lsblk."""


class Stacked(NamedTuple):
    """An array or a volume on a partition; ``kind`` is its type in the output of lsblk."""

    name: str
    kind: str
    label: str
    fstype: str


class Part(NamedTuple):
    """A partition of a disk; ``kind`` is its type in the partition table.

    ``level``, ``width`` (the number of disks) and ``uuid`` describe the array that a member belongs
    to, and ``stacked`` are the devices on it that are active.
    """

    name: str
    label: str
    fstype: str
    kind: str
    level: str = ""
    width: int = 0
    uuid: str = ""
    stacked: Tuple[Stacked, ...] = ()


class Disk(NamedTuple):
    """A disk; ``size`` is in MiB.

    ``table`` and ``fstype`` are signatures on the disk itself, and ``stacked`` are the names of all
    volumes and arrays on it.
    """

    name: str
    path: str
    size: int
    transport: str
    wwn: str
    serial: str
    table: str
    fstype: str
    mounted: List[str]
    parts: Tuple[Part, ...]
    stacked: Tuple[str, ...]


class Group(NamedTuple):
    """A volume group: its partitions and arrays, its missing devices, and its logical volumes."""

    name: str
    uuid: str
    devices: Tuple[str, ...]
    missing: int
    volumes: Tuple[str, ...]


def run(argv: List[str]) -> Tuple[int, str, str]:
    """Run a program, and return its exit status, output and error output."""
    try:
        process = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
    except OSError as error:
        raise Refusal(
            "cannot start %s (%s), so the disks are unknown" % (argv[0], error.strerror)
        ) from error
    return process.returncode, process.stdout, process.stderr.strip()


def read_disks(devices: Sequence[str] = (), run: Run = run) -> List[Disk]:
    """Read the disks of this machine, or only ``devices``, whatever their type.

    Signatures come from the disk itself (blkid -p). lsblk would take them from udev, and without
    udev's data a full disk looks blank.
    """
    status, output, errors = run(
        ["lsblk", "--json", "--bytes", "--output", COLUMNS] + list(devices)
    )
    if status != 0:
        raise Refusal("lsblk: %s" % errors)
    listed = json.loads(output)["blockdevices"]
    return [_read_disk(device, run) for device in listed if devices or _is_disk(device)]


def _is_disk(device: Device) -> bool:
    is_fixed = all(flag in (False, 0, "0") for flag in (device["ro"], device["rm"]))
    return device["type"] == "disk" and is_fixed and not EXCLUDED_DEVICES.match(device["name"])


def _read_disk(device: Device, run: Run) -> Disk:
    signatures = probe(_path(device), run)
    children = device.get("children") or []
    parts = [_read_part(child, run) for child in children if child["type"] == "part"]
    return Disk(
        name=device["name"],
        path=_path(device),
        size=int(device["size"]) >> 20,
        transport=device.get("tran") or "",
        wwn=device.get("wwn") or "",
        serial=device.get("serial") or "",
        table=signatures.get("PTTYPE", ""),
        fstype=signatures.get("TYPE", ""),
        mounted=sorted(_mount_points(device)),
        parts=tuple(sorted(parts, key=lambda part: natural_order(part.name))),
        stacked=tuple(sorted(child["name"] for child in _stacked(children))),
    )


def _read_part(device: Device, run: Run) -> Part:
    signatures = probe(_path(device), run)
    fstype = signatures.get("TYPE", "")
    array = _examine(_path(device), run) if fstype == ARRAY_MEMBER else {}
    width = array.get("MD_DEVICES", "")
    return Part(
        name=device["name"],
        label=signatures.get("LABEL", ""),
        fstype=fstype,
        kind=signatures.get("PART_ENTRY_TYPE", "").lower(),
        level=re.sub(r"\Araid", "", array.get("MD_LEVEL", "")),
        width=int(width) if width.isdigit() else 0,
        uuid=signatures.get("UUID", "") if array else "",
        stacked=tuple(
            _read_stacked(child, run) for child in _stacked(device.get("children") or [])
        ),
    )


def _read_stacked(device: Device, run: Run) -> Stacked:
    try:
        signatures = probe(_path(device), run)
    except Refusal:  # such as an array that does not run: its partitions have been read
        signatures = {}
    return Stacked(
        name=device["name"],
        kind=device["type"],
        label=signatures.get("LABEL", ""),
        fstype=signatures.get("TYPE", ""),
    )


def _path(device: Device) -> str:
    """Return the kernel's device node; EL 8's lsblk does not have the column PATH."""
    return "/dev/" + str(device["kname"])


def probe(path: str, run: Run) -> Dict[str, str]:
    """Read the signatures of a device. Raises Refusal if it is unreadable or ambiguous."""
    status, output, errors = run(["blkid", "-p", "-o", "export", path])
    if status == 8:
        raise Refusal("%s has contradictory signatures" % path)
    if status not in (0, 2):
        raise Refusal("cannot read %s: %s" % (path, errors or "blkid ended with %d" % status))
    if status == 2:
        _check_readable(path)
    return _values(output)


def _values(output: str) -> Dict[str, str]:
    lines = [line.partition("=") for line in output.splitlines() if "=" in line]
    return {name: value for name, _sign, value in lines}


def _check_readable(path: str) -> None:
    """Raise Refusal for an unreadable disk, for which blkid ends as for a blank one."""
    try:
        with open(path, "rb") as device:
            device.read(4096)
    except OSError as error:
        raise Refusal("cannot read %s (%s)" % (path, error.strerror)) from error


def _examine(path: str, run: Run) -> Dict[str, str]:
    """Return mdadm's description of a member's array, or nothing if mdadm does not know it."""
    status, output, _errors = run(["mdadm", "--examine", "--export", path])
    return _values(output) if status == 0 else {}


def read_groups(disks: Sequence[Disk], run: Run = run) -> List[Group]:
    """Read the volume groups on these disks, active or not. Raises Refusal if LVM cannot."""
    names = {part.name for disk in disks for part in disk.parts}
    names |= {disk.name for disk in disks} | {name for disk in disks for name in disk.stacked}
    # These reports read metadata without locks, and activate nothing.
    columns = "pv_name,vg_name,vg_uuid,vg_missing_pv_count"
    rows = _rows(*run(["lvm", "pvs", "--readonly", "--reportformat", "json", "--options", columns]))
    devices: Dict[str, List[str]] = {}
    facts: Dict[str, Tuple[str, int]] = {}
    for row in rows:
        name = os.path.basename(os.path.realpath(row["pv_name"]))
        if row["vg_uuid"] and name in names:
            devices.setdefault(row["vg_uuid"], []).append(name)
            facts[row["vg_uuid"]] = (row["vg_name"], int(row["vg_missing_pv_count"] or 0))
    volumes: Dict[str, List[str]] = {}
    rows = _rows(
        *run(["lvm", "lvs", "--readonly", "--reportformat", "json", "--options", "vg_uuid,lv_name"])
    )
    for row in rows:
        volumes.setdefault(row["vg_uuid"], []).append(row["lv_name"])
    return [
        Group(
            name=name,
            uuid=uuid,
            devices=tuple(sorted(devices[uuid], key=natural_order)),
            missing=missing,
            volumes=tuple(sorted(volumes.get(uuid, []))),
        )
        for uuid, (name, missing) in sorted(facts.items(), key=lambda item: (item[1], item[0]))
    ]


def _rows(status: int, output: str, errors: str) -> List[Dict[str, str]]:
    """Return the rows of a report of LVM."""
    if status != 0:
        raise Refusal("lvm: %s" % (errors or "ended with %d" % status))
    report: List[Dict[str, List[Dict[str, str]]]] = json.loads(output)["report"]
    return [row for part in report for rows in part.values() for row in rows]


def _mount_points(device: Device) -> Iterator[str]:
    if device.get("mountpoint"):
        yield device["mountpoint"]
    for child in device.get("children") or []:
        yield from _mount_points(child)


def _stacked(children: List[Device]) -> Iterator[Device]:
    """Yield the volumes and arrays on partitions, the lowest first."""
    for child in children:
        if child["type"] != "part":
            yield child
        yield from _stacked(child.get("children") or [])


def natural_order(name: str) -> List[Union[int, str]]:
    """Return a sort key by which sda10 comes after sda9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
