# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the storage commands of a kickstart ask of these disks: a plan, or a refusal.  Nothing is touched here.

New partitions are made on disks that are cleared or empty; space that is left beside kept partitions is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional, Sequence

from pykickstart.constants import CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX

from .model import MIB, Disk, InstallError, Mount, New, Partition, Plan

DEFAULT_FSTYPE = "xfs"
LINUX = frozenset({"ext2", "ext3", "ext4", "xfs", "swap", "vfat", ""})
FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "vfat", "efi", "swap", "biosboot"})
NOT_KNOWN = ("pv.", "raid.", "btrfs.")
ESP_SIZE, BIOSBOOT_SIZE, BOOT_SIZE = 600, 1, 1024
# Left free at both ends of a disk: the table and its copy.
MARGIN = 2
# What comes first on a disk.
ORDER = {"biosboot": 0, "/boot/efi": 1, "/boot": 2}

Resolve = Callable[[str], str]


@dataclass(frozen=True)
class _Request:
    """One part command, or what reqpart adds."""

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
    kickstart: Any, disks: Sequence[Disk], *, efi: bool, major: int, resolve: Resolve = str
) -> Plan:
    """The plan for ``disks``.  Raises InstallError, worded for the screen.

    kickstart  pykickstart's handler
    efi        does the machine's firmware speak UEFI?
    major      the release: it decides the kind of table that a new disk gets
    resolve    turns a name of the kickstart (``/dev/disk/by-id/…``) into the kernel's
    """
    usable = _usable(kickstart.ignoredisk, disks, resolve)
    tables = _tables(kickstart, usable, efi=efi, major=major, resolve=resolve)
    existing = {
        part.name: part for disk in usable for part in disk.partitions if disk.name not in tables
    }
    kept = [
        _kept(part, existing, resolve) for part in kickstart.partition.partitions if part.onPart
    ]
    requests = [
        _request(part, resolve) for part in kickstart.partition.partitions if not part.onPart
    ]
    kinds = {**{disk.name: disk.table for disk in usable if not disk.partitions}, **tables}
    if kickstart.reqpart.reqpart:
        requests = _required(kickstart.reqpart.addBoot, kinds, efi=efi) + requests
    new, made = _placed(requests, kinds, {disk.name: disk.size for disk in usable})
    mounts = tuple(sorted([*kept, *made], key=lambda mount: mount.point))
    boot_disk = _boot_disk(kickstart.bootloader.bootDrive, mounts, new, existing, resolve)
    decided = Plan(tables, tuple(new), mounts, boot_disk)
    _check(
        decided, {disk.name: kinds.get(disk.name, disk.table) for disk in usable}, existing, efi=efi
    )
    return decided


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
    """Which disks are emptied, and the kind of their new table."""
    clearing = kickstart.clearpart
    if clearing.type not in (CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX):
        return {}
    wanted = {resolve(name) for name in clearing.drives} or {disk.name for disk in usable}
    missing = wanted - {disk.name for disk in usable}
    if missing:
        raise InstallError(f'Disk "{min(missing)}" given in clearpart command does not exist.')
    tables = {}
    for disk in usable:
        if disk.name in wanted:
            foreign = [part.name for part in disk.partitions if part.fstype not in LINUX]
            if clearing.type == CLEARPART_TYPE_LINUX and foreign:
                raise InstallError(
                    f"clearpart --linux: {foreign[0]} is not Linux's, and a part of a disk is not cleared here."
                )
            tables[disk.name] = _table(kickstart, disk, efi=efi, major=major)
    return tables


def _table(kickstart: Any, disk: Disk, *, efi: bool, major: int) -> str:
    clearing = kickstart.clearpart
    if not (disk.table or clearing.initAll or kickstart.zerombr.zerombr):
        raise InstallError(
            f"{disk.name} has no table that is known: zerombr or clearpart --initlabel would make one."
        )
    if clearing.disklabel:
        return "dos" if clearing.disklabel == "msdos" else str(clearing.disklabel)
    if disk.table and not clearing.initAll:
        return disk.table
    return "gpt" if efi or major >= 10 else "dos"


def _kept(part: Any, existing: dict[str, Partition], resolve: Resolve) -> Mount:
    name = resolve(part.onPart)
    if name not in existing:
        raise InstallError(f'Partition "{part.onPart}" given in part command does not exist.')
    if part.mountpoint == "biosboot":
        # There is nothing in it that could be made anew: the boot loader's installation writes it.
        return Mount(f"/dev/{name}", "biosboot", "biosboot", False)
    if not part.format:
        fstype = existing[name].fstype
        if not fstype:
            raise InstallError(
                f'Partition "{name}" is to be kept, but holds no file system that is known.'
            )
        return Mount(f"/dev/{name}", part.mountpoint, fstype, False, options=part.fsopts or "")
    fstype = _fstype(part)
    return Mount(
        f"/dev/{name}",
        part.mountpoint,
        fstype,
        True,
        part.label,
        part.fsopts or "",
        part.mkfsopts or "",
    )


def _request(part: Any, resolve: Resolve) -> _Request:
    if not part.format:
        raise InstallError(
            f"part {part.mountpoint} --noformat: there must be an --onpart that says which partition is kept."
        )
    if part.mountpoint.startswith(NOT_KNOWN):
        raise InstallError(
            f"part {part.mountpoint}: LVM, RAID and Btrfs are not known to the installer of the lab."
        )
    size = part.size or (1024 if part.recommended else 0)
    if not size and not part.grow:
        raise InstallError(f"Partition {part.mountpoint} requires a size specification.")
    return _Request(
        part.mountpoint, _fstype(part), int(size or 1), bool(part.grow), int(part.maxSizeMB or 0),
        resolve(part.disk) if part.disk else "", part.label, part.fsopts or "", part.mkfsopts or "",
    )  # fmt: skip


def _fstype(part: Any) -> str:
    if part.mountpoint in ("swap", "biosboot"):
        return str(part.mountpoint)
    fstype = part.fstype or ("efi" if part.mountpoint == "/boot/efi" else DEFAULT_FSTYPE)
    if fstype not in FILE_SYSTEMS:
        raise InstallError(
            f'The file system type "{fstype}" of {part.mountpoint} is not known to the installer of the lab.'
        )
    return fstype


def _required(add_boot: bool, kinds: dict[str, str], *, efi: bool) -> list[_Request]:
    """What reqpart adds for this firmware and this table."""
    requests = []
    if efi:
        requests.append(_Request("/boot/efi", "efi", ESP_SIZE))
    elif "gpt" in kinds.values():
        requests.append(_Request("biosboot", "biosboot", BIOSBOOT_SIZE))
    if add_boot:
        requests.append(_Request("/boot", DEFAULT_FSTYPE, BOOT_SIZE))
    return requests


def _placed(
    requests: list[_Request], kinds: dict[str, str], sizes: dict[str, int]
) -> tuple[list[New], list[Mount]]:
    """The partitions that fulfil the requests, disk by disk, and what is mounted from them."""
    if requests and not kinds:
        raise InstallError("There is no disk that may be partitioned: clearpart keeps them all.")
    new: list[New] = []
    mounts: list[Mount] = []
    chosen = [request.disk or next(iter(kinds)) for request in requests]
    for disk in dict.fromkeys(chosen):
        if not kinds.get(disk):
            raise InstallError(
                f"{disk}: its partitions are kept, or it has no table; no new ones are made beside them."
            )
        own = sorted(
            (request for request, name in zip(requests, chosen) if name == disk), key=_position
        )
        for made, request in zip(
            _numbered(disk, kinds[disk], own, sizes[disk] // MIB - MARGIN),
            _with_extended(kinds[disk], own),
        ):
            new.append(made)
            if request and request.fstype != "biosboot":
                mounts.append(_mount(made, request))
    return new, mounts


def _position(request: _Request) -> tuple[int, bool]:
    return ORDER.get(request.point, 3), request.grow


def _with_extended(kind: str, requests: list[_Request]) -> list[Optional[_Request]]:
    """The requests, with a None where a DOS table needs its extended partition."""
    if kind == "dos" and len(requests) > 4:
        return [*requests[:3], None, *requests[3:]]
    return list(requests)


def _numbered(disk: str, kind: str, requests: list[_Request], space: int) -> list[New]:
    # A logical partition costs a table of its own.
    sizes = _sizes(
        requests, space - (len(requests) if kind == "dos" and len(requests) > 4 else 0), disk
    )
    separator = "p" if disk[-1].isdigit() else ""
    made = []
    remaining = iter(sizes)
    for number, request in enumerate(_with_extended(kind, requests), 1):
        size = next(remaining) if request else 0
        fstype = request.fstype if request else "extended"
        made.append(New(f"{disk}{separator}{number}", disk, number, size, fstype))
    return made


def _sizes(requests: list[_Request], space: int, disk: str) -> list[int]:
    """Sizes in MiB: those that grow share what is left, as far as their limits let them."""
    sizes = [request.size for request in requests]
    left = space - sum(sizes)
    if left < 0:
        raise InstallError(
            f"Could not allocate requested partitions: {disk} has {space} MiB, {sum(sizes)} are asked for."
        )
    growing = [index for index, request in enumerate(requests) if request.grow]
    while growing and left >= len(growing):
        share = left // len(growing)
        for index in list(growing):
            limit = requests[index].limit or space
            more = min(share, limit - sizes[index])
            sizes[index] += more
            left -= more
            if more < share:
                growing.remove(index)
    return sizes


def _mount(made: New, request: _Request) -> Mount:
    return Mount(
        f"/dev/{made.name}",
        request.point,
        request.fstype,
        True,
        request.label,
        request.options,
        request.mkfs_options,
    )


def _boot_disk(
    named: str,
    mounts: Iterable[Mount],
    new: Iterable[New],
    existing: dict[str, Partition],
    resolve: Resolve,
) -> Optional[str]:
    """The disk that the bootloader command names, else the one that /boot or / is on."""
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
            raise InstallError(f"{twice[0]} is given by two part commands.")
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
            "For a UEFI installation, you must include an EFI System Partition mounted at /boot/efi."
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
            "Your BIOS-based system needs a special partition to boot from a GPT disk label: biosboot, 1 MiB."
        )
