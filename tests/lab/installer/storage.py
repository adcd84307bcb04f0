# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plan what the storage commands of a kickstart change on the disks; nothing is written here.

New partitions are created on cleared or empty disks only; free space next to kept partitions is not
used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional, Sequence

from pykickstart.constants import CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX

from . import stacked
from .model import MIB, NO_STACKS, Disk, InstallError, Mount, New, Partition, Plan, Stacks

DEFAULT_FSTYPE = "xfs"
LINUX = frozenset({"ext2", "ext3", "ext4", "xfs", "swap", "vfat", ""})
FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "vfat", "efi", "swap", "biosboot"})
# The names of parts of arrays and volume groups, and the kinds of their partitions.
MEMBERS = {"raid.": "raid", "pv.": "lvm"}
UNMOUNTED = ("biosboot", *MEMBERS.values())
ESP_SIZE = 600
BIOSBOOT_SIZE = 1
BOOT_SIZE = 1024
# MiB reserved at both ends of a disk for the table and its copy.
MARGIN = 2
# Mount points that come first on a disk.
ORDER = {"biosboot": 0, "/boot/efi": 1, "/boot": 2}

Resolve = Callable[[str], str]


@dataclass(frozen=True)
class _Request:
    """A part command, or a partition of reqpart."""

    point: str
    fstype: str
    size: int
    grow: bool = False
    limit: int = 0
    disk: str = ""
    label: str = ""
    options: str = ""
    mkfs_options: str = ""


def plan(
    kickstart: Any,
    disks: Sequence[Disk],
    *,
    efi: bool,
    major: int,
    resolve: Resolve = str,
    stacks: Stacks = NO_STACKS,
) -> Plan:
    """Return the plan for ``disks``. Raises InstallError with a text for the screen.

    kickstart  pykickstart's handler
    efi        whether the machine's firmware is UEFI
    major      the release, which decides the kind of table of a new disk
    resolve    turns a name of the kickstart (``/dev/disk/by-id/…``) into the kernel's
    stacks     the existing arrays and volume groups
    """
    usable = _usable(kickstart.ignoredisk, disks, resolve)
    tables = _tables(kickstart, usable, efi=efi, major=major, resolve=resolve)
    existing = {
        part.name: part for disk in usable for part in disk.partitions if disk.name not in tables
    }
    preserved = [
        _preserved_mount(part, existing, resolve)
        for part in kickstart.partition.partitions
        if part.onPart
    ]
    requests = [
        _request(part, resolve) for part in kickstart.partition.partitions if not part.onPart
    ]
    kinds = {**{disk.name: disk.table for disk in usable if not disk.partitions}, **tables}
    if kickstart.reqpart.reqpart:
        requests = _reqpart_requests(kickstart.reqpart.addBoot, kinds, efi=efi) + requests
    new, new_mounts = _allocate(requests, kinds, {disk.name: disk.size for disk in usable})
    members = {part.member: f"/dev/{part.name}" for part in new if part.member}
    remaining = stacked.remaining(stacks, {f"/dev/{name}" for name in existing})
    new_stacks, stacked_mounts = stacked.plan(kickstart, members, remaining)
    mounts = tuple(
        sorted([*preserved, *new_mounts, *stacked_mounts], key=lambda mount: mount.point)
    )
    boot_disk = _boot_disk(kickstart.bootloader.bootDrive, mounts, new, existing, resolve)
    result = Plan(tables, tuple(new), mounts, boot_disk, new_stacks)
    _check(
        result, {disk.name: kinds.get(disk.name, disk.table) for disk in usable}, existing, efi=efi
    )
    return result


def _usable(ignored: Any, disks: Sequence[Disk], resolve: Resolve) -> list[Disk]:
    only, without = (
        {resolve(name) for name in names} for names in (ignored.onlyuse, ignored.ignoredisk)
    )
    missing = only - {disk.name for disk in disks}
    if missing:
        raise InstallError(f'Disk "{min(missing)}" given in ignoredisk command does not exist.')
    usable = [disk for disk in disks if (disk.name in only if only else disk.name not in without)]
    if not usable:
        raise InstallError("No usable disks.")
    return usable


def _tables(
    kickstart: Any, usable: list[Disk], *, efi: bool, major: int, resolve: Resolve
) -> dict[str, str]:
    """Return the cleared disks and the kind of their new table."""
    clearing = kickstart.clearpart
    if clearing.type not in (CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX):
        return {}
    cleared = {resolve(name) for name in clearing.drives} or {disk.name for disk in usable}
    missing = cleared - {disk.name for disk in usable}
    if missing:
        raise InstallError(f'Disk "{min(missing)}" given in clearpart command does not exist.')
    tables = {}
    for disk in usable:
        if disk.name in cleared:
            foreign = [part.name for part in disk.partitions if part.fstype not in LINUX]
            if clearing.type == CLEARPART_TYPE_LINUX and foreign:
                raise InstallError(
                    f"clearpart --linux: {foreign[0]} is not a Linux partition, "
                    "and clearing a part of a disk is not supported."
                )
            tables[disk.name] = _table(kickstart, disk, efi=efi, major=major)
    return tables


def _table(kickstart: Any, disk: Disk, *, efi: bool, major: int) -> str:
    clearing = kickstart.clearpart
    if not (disk.table or clearing.initAll or kickstart.zerombr.zerombr):
        raise InstallError(f"{disk.name} has no known table: use zerombr or clearpart --initlabel.")
    if clearing.disklabel:
        return "dos" if clearing.disklabel == "msdos" else str(clearing.disklabel)
    if disk.table and not clearing.initAll:
        return disk.table
    return "gpt" if efi or major >= 10 else "dos"


def _preserved_mount(part: Any, existing: dict[str, Partition], resolve: Resolve) -> Mount:
    name = resolve(part.onPart)
    if name not in existing:
        raise InstallError(f'Partition "{part.onPart}" given in part command does not exist.')
    if part.mountpoint == "biosboot":
        # It has no file system; the boot loader writes it.
        return Mount(f"/dev/{name}", "biosboot", "biosboot", False)
    if not part.format:
        fstype = existing[name].fstype
        if not fstype:
            raise InstallError(f'Partition "{name}" is to be kept, but has no known file system.')
        return Mount(f"/dev/{name}", part.mountpoint, fstype, False, options=part.fsopts or "")
    fstype = _fstype(part)
    return Mount(
        device=f"/dev/{name}",
        point=part.mountpoint,
        fstype=fstype,
        make=True,
        label=part.label,
        options=part.fsopts or "",
        mkfs_options=part.mkfsopts or "",
    )


def _request(part: Any, resolve: Resolve) -> _Request:
    if not part.format:
        raise InstallError(f"part {part.mountpoint} --noformat: --onpart is required.")
    size = part.size or (1024 if part.recommended else 0)
    if not size and not part.grow:
        raise InstallError(f"Partition {part.mountpoint} requires a size specification.")
    return _Request(
        point=part.mountpoint,
        fstype=_fstype(part),
        size=int(size or 1),
        grow=bool(part.grow),
        limit=int(part.maxSizeMB or 0),
        disk=resolve(part.disk) if part.disk else "",
        label=part.label,
        options=part.fsopts or "",
        mkfs_options=part.mkfsopts or "",
    )


def _fstype(part: Any) -> str:
    if part.mountpoint in ("swap", "biosboot"):
        return str(part.mountpoint)
    for prefix, kind in MEMBERS.items():
        if part.mountpoint.startswith(prefix):
            return kind
    fstype = part.fstype or ("efi" if part.mountpoint == "/boot/efi" else DEFAULT_FSTYPE)
    if fstype not in FILE_SYSTEMS:
        raise InstallError(
            f'{part.mountpoint}: the file system type "{fstype}" is not supported by the lab.'
        )
    return fstype


def _reqpart_requests(add_boot: bool, kinds: dict[str, str], *, efi: bool) -> list[_Request]:
    """Return what reqpart adds for this firmware and this table."""
    requests = []
    if efi:
        requests.append(_Request("/boot/efi", "efi", ESP_SIZE))
    elif "gpt" in kinds.values():
        requests.append(_Request("biosboot", "biosboot", BIOSBOOT_SIZE))
    if add_boot:
        requests.append(_Request("/boot", DEFAULT_FSTYPE, BOOT_SIZE))
    return requests


def _allocate(
    requests: list[_Request], kinds: dict[str, str], sizes: dict[str, int]
) -> tuple[list[New], list[Mount]]:
    """Return the new partitions, disk by disk, and their mounts."""
    if requests and not kinds:
        raise InstallError("No disk can be partitioned: clearpart keeps all of them.")
    new: list[New] = []
    mounts: list[Mount] = []
    chosen = [request.disk or next(iter(kinds)) for request in requests]
    for disk in dict.fromkeys(chosen):
        if not kinds.get(disk):
            raise InstallError(f"{disk}: new partitions need a cleared or empty disk with a table.")
        disk_requests = sorted(
            (request for request, name in zip(requests, chosen) if name == disk), key=_position
        )
        for partition, request in zip(
            _number_partitions(disk, kinds[disk], disk_requests, sizes[disk] // MIB - MARGIN),
            _with_extended(kinds[disk], disk_requests),
        ):
            new.append(partition)
            if request and request.fstype not in UNMOUNTED:
                mounts.append(_mount(partition, request))
    return new, mounts


def _position(request: _Request) -> tuple[int, bool]:
    return ORDER.get(request.point, 3), request.grow


def _with_extended(kind: str, requests: list[_Request]) -> list[Optional[_Request]]:
    """Return the requests, with None in the place of a DOS table's extended partition."""
    if kind == "dos" and len(requests) > 4:
        return [*requests[:3], None, *requests[3:]]
    return list(requests)


def _number_partitions(disk: str, kind: str, requests: list[_Request], space: int) -> list[New]:
    # Each logical partition needs its own table.
    sizes = _sizes(
        requests, space - (len(requests) if kind == "dos" and len(requests) > 4 else 0), disk
    )
    separator = "p" if disk[-1].isdigit() else ""
    partitions = []
    remaining = iter(sizes)
    for number, request in enumerate(_with_extended(kind, requests), 1):
        size = next(remaining) if request else 0
        fstype = request.fstype if request else "extended"
        name = f"{disk}{separator}{number}"
        member = request.point if request and fstype in MEMBERS.values() else ""
        new = New(name=name, disk=disk, number=number, size=size, kind=fstype, member=member)
        partitions.append(new)
    return partitions


def _sizes(requests: list[_Request], space: int, disk: str) -> list[int]:
    """Return sizes in MiB; growing partitions share the free space up to their limits."""
    sizes = [request.size for request in requests]
    free = space - sum(sizes)
    if free < 0:
        raise InstallError(
            f"Could not allocate requested partitions: {disk} has {space} MiB, not {sum(sizes)}."
        )
    growing = [index for index, request in enumerate(requests) if request.grow]
    while growing and free >= len(growing):
        share = free // len(growing)
        for index in list(growing):
            limit = requests[index].limit or space
            more = min(share, limit - sizes[index])
            sizes[index] += more
            free -= more
            if more < share:
                growing.remove(index)
    return sizes


def _mount(partition: New, request: _Request) -> Mount:
    return Mount(
        device=f"/dev/{partition.name}",
        point=request.point,
        fstype=request.fstype,
        make=True,
        label=request.label,
        options=request.options,
        mkfs_options=request.mkfs_options,
    )


def _boot_disk(
    named: str,
    mounts: Iterable[Mount],
    new: Iterable[New],
    existing: dict[str, Partition],
    resolve: Resolve,
) -> Optional[str]:
    """Return the disk of the bootloader command, else the one of /boot or /."""
    if named:
        return resolve(named)
    disks = {
        **{f"/dev/{name}": part.disk for name, part in existing.items()},
        **{f"/dev/{part.name}": part.disk for part in new},
    }
    points = {mount.point: mount.device for mount in mounts}
    device = points.get("/boot", points.get("/"))
    return disks.get(device) if device else None


def _check(plan: Plan, kinds: dict[str, str], existing: dict[str, Partition], *, efi: bool) -> None:
    for what in ("point", "device"):
        values = [getattr(mount, what) for mount in plan.mounts if getattr(mount, what) != "swap"]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise InstallError(f"{twice[0]} is in two part commands.")
    root = plan.at("/")
    if root is None:
        raise InstallError(
            "You have not defined a root partition (/), which is required for installation."
        )
    if not root.make:
        raise InstallError("You must create a new file system on the root device.")
    esp = plan.at("/boot/efi")
    if efi and (esp is None or esp.fstype not in ("efi", "vfat")):
        raise InstallError(
            "For a UEFI installation, you must include an EFI System Partition mounted at "
            "/boot/efi."
        )
    biosboot = any(part.kind == "biosboot" for part in plan.new) or any(
        mount.point == "biosboot" for mount in plan.mounts
    )
    if (
        not efi
        and plan.boot_disk
        and kinds.get(plan.boot_disk) == "gpt"
        and not biosboot
        and plan.tables
    ):
        raise InstallError(
            "Your BIOS-based system needs a special partition to boot from a GPT disk label: "
            "biosboot, 1 MiB."
        )
