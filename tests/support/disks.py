# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A model of a machine's disks, on which the lab's installer carries out kickstart commands.

Every file system has a number of its own, so that a test can tell which ones survived.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import tempfile
from typing import Iterator

import partition_disks as program
from lab.installer import kickstart, storage
from lab.installer.model import MIB, Array, Disk, Group, Mount, Partition, Plan, Stacks, Volume

BIOSBOOT = "21686148-6449-6e6f-744e-656564454649"
BIG_MIB = 500_000
MEMBERS = {"raid": "linux_raid_member", "lvm": "LVM2_member"}
numbers = itertools.count(1)


@dataclasses.dataclass
class Content:
    """What a partition, an array or a logical volume contains; ``array`` is a member's array."""

    fstype: str = ""
    label: str = ""
    kind: str = ""
    array: str = ""
    number: int = dataclasses.field(default_factory=lambda: next(numbers))


@dataclasses.dataclass
class Machine:
    """Disks with their partitions, and what is on these; names are without /dev/."""

    disks: dict[str, dict[str, Content]]
    arrays: dict[str, tuple[Array, Content]] = dataclasses.field(default_factory=dict)
    groups: dict[str, tuple[tuple[str, ...], dict[str, Content]]] = dataclasses.field(
        default_factory=dict
    )

    def contents(self) -> Iterator[Content]:
        """Yield every file system."""
        for parts in self.disks.values():
            yield from (part for part in parts.values() if part.fstype not in MEMBERS.values())
        yield from (content for _array, content in self.arrays.values())
        for _devices, volumes in self.groups.values():
            yield from volumes.values()

    def surviving(self) -> set[int]:
        return {content.number for content in self.contents()}

    # ---- what the partition program reads

    def read(self) -> tuple[list[program.Disk], list[program.Group]]:
        disks = [
            program.Disk(
                name=name,
                path=f"/dev/{name}",
                size=BIG_MIB,
                transport="sata",
                wwn=name,
                serial="",
                table="gpt" if parts else "",
                fstype="",
                mounted=[],
                parts=tuple(self._part(part, parts[part]) for part in parts),
                stacked=tuple(sorted({item for part in parts for item in self._stacked(part)})),
            )
            for name, parts in self.disks.items()
        ]
        groups = [
            program.Group(
                name=name,
                uuid=name,
                devices=tuple(self._kernel_name(device) for device in devices),
                missing=sum(not self._exists(device) for device in devices),
                volumes=tuple(sorted(volumes)),
            )
            for name, (devices, volumes) in self.groups.items()
        ]
        return disks, groups

    def _part(self, name: str, content: Content) -> program.Part:
        part = program.Part(name, content.label, content.fstype, content.kind)
        if content.array:
            array, inside = self.arrays[content.array]
            kernel = self._kernel_name(array.device)
            level = f"raid{array.level}"
            part = part._replace(
                label=f"any:{array.name}",
                level=array.level,
                width=len(array.devices),
                uuid=array.name,
                stacked=(program.Stacked(kernel, level, inside.label, inside.fstype),),
            )
        return part

    def _stacked(self, part: str) -> Iterator[str]:
        for name, (array, _content) in self.arrays.items():
            if f"/dev/{part}" in array.devices:
                yield self._kernel_name(f"/dev/md/{name}")

    def _kernel_name(self, device: str) -> str:
        return device.rpartition("/")[2] if "/md/" not in device else f"md-{device[8:]}"

    def _exists(self, device: str) -> bool:
        if device.startswith("/dev/md/"):
            return device[8:] in self.arrays
        return any(device[5:] in parts for parts in self.disks.values())

    # ---- what the installer does

    def carry_out(self, commands: list[str]) -> Plan:
        """Change the disks as the lab's installer would."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "ks.cfg")
            path.write_text("\n".join(commands) + "\n")
            handler = kickstart.read(path, 9)[0]
        disks = [
            Disk(
                name,
                BIG_MIB * MIB,
                "gpt" if parts else "",
                tuple(Partition(part, name, parts[part].fstype) for part in parts),
            )
            for name, parts in self.disks.items()
        ]
        plan = storage.plan(handler, disks, efi=False, major=9, stacks=self._stacks())
        self._apply(plan)
        return plan

    def _stacks(self) -> Stacks:
        arrays = tuple(
            dataclasses.replace(array, fstype=content.fstype)
            for array, content in self.arrays.values()
        )
        groups = tuple(
            Group(
                name,
                devices,
                tuple(Volume(key, name, fstype=item.fstype) for key, item in volumes.items()),
            )
            for name, (devices, volumes) in self.groups.items()
        )
        return Stacks(arrays, groups)

    def _apply(self, plan: Plan) -> None:
        for disk in plan.tables:
            self.clear(disk)
        for part in plan.new:
            kind = BIOSBOOT if part.kind == "biosboot" else ""
            self.disks[part.disk][part.name] = Content(MEMBERS.get(part.kind, ""), kind=kind)
        for array in plan.stacks.arrays:
            self.arrays[array.name] = (array, Content())
            for device in array.devices:
                self._partition(device).array = array.name
        for group in plan.stacks.groups:
            volumes = {volume.name: Content() for volume in group.volumes}
            self.groups[group.name] = (group.devices, volumes)
            for device in group.devices:
                if device.startswith("/dev/md/"):
                    self.arrays[device[8:]][1].fstype = "LVM2_member"
        for mount in plan.mounts:
            if mount.make:
                self._format(mount)

    def _format(self, mount: Mount) -> None:
        content = self._find(mount.device)
        content.fstype, content.label, content.number = mount.fstype, mount.label, next(numbers)

    def _find(self, device: str) -> Content:
        words = device.split("/")[2:]
        if words[0] == "md":
            return self.arrays[words[1]][1]
        if len(words) == 2:
            return self.groups[words[0]][1][words[1]]
        return self._partition(device)

    def _partition(self, device: str) -> Content:
        return next(parts[device[5:]] for parts in self.disks.values() if device[5:] in parts)

    # ---- what happens to disks

    def clear(self, disk: str) -> None:
        """Clear a disk; an array or a group is lost with any of its devices."""
        lost = {f"/dev/{part}" for part in self.disks[disk]}
        self.disks[disk] = {}
        for name, (array, _content) in list(self.arrays.items()):
            if lost & set(array.devices):
                lost.add(array.device)
                del self.arrays[name]
                for device in set(array.devices) - lost:
                    content = self._partition(device)
                    content.array, content.label = "", f"any:{name}"
        for name, (devices, _volumes) in list(self.groups.items()):
            if lost & set(devices):
                del self.groups[name]
