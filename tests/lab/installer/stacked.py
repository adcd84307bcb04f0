# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plan arrays and volume groups, and the file systems on them; nothing is written here."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Optional

from .model import Array, Group, InstallError, Mount, Stacks, Volume

DEFAULT_FSTYPE = "xfs"


def remaining(stacks: Stacks, devices: Iterable[str]) -> Stacks:
    """Return the arrays and groups whose devices all remain."""
    known = set(devices)
    arrays = tuple(array for array in stacks.arrays if known.issuperset(array.devices))
    known |= {array.device for array in arrays}
    groups = tuple(group for group in stacks.groups if known.issuperset(group.devices))
    return Stacks(arrays, groups)


def plan(
    kickstart: Any, members: Mapping[str, str], existing: Stacks
) -> tuple[Stacks, list[Mount]]:
    """Return the arrays and groups to create, and the mounts of all that the kickstart names.

    members  names of the kickstart (``raid.1``, ``pv.1``) and their new partitions

    Raises InstallError with a text for the screen.
    """
    devices = dict(members)
    arrays: list[Array] = []
    mounts: list[Mount] = []
    for command in kickstart.raid.raidList:
        old = _by_name(existing.arrays, command.device)
        if command.preexist or not command.format:
            if old is None:
                raise InstallError(
                    f'RAID volume "{command.device}" specified with --useexisting does not exist.'
                )
            mounts.append(_mount(command, old.device, old.fstype))
            continue
        if old is not None:
            raise InstallError(f'The RAID volume name "{command.device}" is already in use.')
        array = Array(
            command.device,
            str(command.level).lower().replace("raid", ""),
            tuple(_member(devices, name, "RAID") for name in command.members),
        )
        arrays.append(array)
        if command.mountpoint.startswith("pv."):
            devices[command.mountpoint] = array.device
        else:
            mounts.append(_mount(command, array.device))
    groups = _groups(kickstart, devices, existing)
    for command in kickstart.logvol.lvList:
        mounts.append(_volume(command, groups, existing))
    new = tuple(groups[name] for name in groups if not _by_name(existing.groups, name))
    return Stacks(tuple(arrays), new), mounts


def _groups(kickstart: Any, devices: Mapping[str, str], existing: Stacks) -> dict[str, Group]:
    """Return the new groups and the existing ones, by name."""
    groups = {group.name: group for group in existing.groups}
    for command in kickstart.volgroup.vgList:
        if command.preexist or not command.format:
            if command.vgname not in groups:
                raise InstallError(
                    f'Volume group "{command.vgname}" given in volgroup command does not exist.'
                )
            continue
        if command.vgname in groups:
            raise InstallError(f'The volume group name "{command.vgname}" is already in use.')
        physical = tuple(_member(devices, name, "Volume Group") for name in command.physvols)
        groups[command.vgname] = Group(command.vgname, physical)
    return groups


def _volume(command: Any, groups: dict[str, Group], existing: Stacks) -> Mount:
    """Return the mount of a logical volume, and add a new one to its group."""
    group = groups.get(command.vgname)
    if group is None:
        raise InstallError(f'No volume group exists with the name "{command.vgname}".')
    old = _by_name(group.volumes, command.name)
    if command.preexist or not command.format:
        if old is None or not _by_name(existing.groups, group.name):
            raise InstallError(
                f'Logical volume "{command.name}" given in logvol command does not exist.'
            )
        return _mount(command, old.device, old.fstype)
    if old is not None:
        raise InstallError(f'Logical volume name "{command.name}" is already in use.')
    if _by_name(existing.groups, group.name):
        raise InstallError(f"{group.name}: new volumes of an existing group are not supported.")
    volume = Volume(command.name, group.name, int(command.size or 0), bool(command.grow))
    groups[group.name] = Group(group.name, group.devices, (*group.volumes, volume))
    return _mount(command, volume.device)


def _member(devices: Mapping[str, str], name: str, what: str) -> str:
    if name not in devices:
        raise InstallError(f'Tried to use undefined partition "{name}" in {what} specification.')
    return devices[name]


def _mount(command: Any, device: str, existing: Optional[str] = None) -> Mount:
    point = command.mountpoint
    if not command.format:
        if existing == "":
            raise InstallError(f"{device} is to be kept, but has no known file system.")
        return Mount(device, point, existing or "", make=False, options=command.fsopts or "")
    fstype = "swap" if point == "swap" else command.fstype or DEFAULT_FSTYPE
    return Mount(
        device=device,
        point=point,
        fstype=fstype,
        make=True,
        label=command.label,
        options=command.fsopts or "",
        mkfs_options=command.mkfsopts or "",
    )


def _by_name(items: Iterable[Any], name: str) -> Any:
    return next((item for item in items if item.name == name), None)
