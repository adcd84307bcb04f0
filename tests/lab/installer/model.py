# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records of the installer: existing disks, and a plan for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

MIB = 1 << 20


class InstallError(Exception):
    """The installation cannot continue; the screen shows the text."""


class Question(InstallError):
    """anaconda's text mode asks whether to continue in spite of this; nobody answers."""


class ScriptError(InstallError):
    """A script with ``--erroronfail`` has failed."""

    def __init__(self, line: int, details: str) -> None:
        super().__init__(
            f"There was an error running the kickstart script at line {line}.  This is a fatal"
            " error and installation will be aborted.  The details of this error are:"
            f"\n\n{details}"
        )


@dataclass(frozen=True)
class Partition:
    """An existing partition; ``fstype`` is the type that blkid detects, or ""."""

    name: str
    disk: str
    fstype: str = ""
    label: str = ""


@dataclass(frozen=True)
class Disk:
    """An existing disk and its size in bytes; ``table`` is "gpt", "dos" or "" (none or unknown)."""

    name: str
    size: int
    table: str = ""
    partitions: tuple[Partition, ...] = ()


@dataclass(frozen=True)
class Array:
    """An array; ``name`` is the one of its superblocks, ``devices`` are device nodes."""

    name: str
    level: str
    devices: tuple[str, ...]
    fstype: str = ""

    @property
    def device(self) -> str:
        return f"/dev/md/{self.name}"


@dataclass(frozen=True)
class Volume:
    """A logical volume; its size is in MiB, and it can grow to the rest of its group."""

    name: str
    group: str
    size: int = 0
    grow: bool = False
    fstype: str = ""

    @property
    def device(self) -> str:
        return f"/dev/{self.group}/{self.name}"


@dataclass(frozen=True)
class Group:
    """A volume group; ``devices`` are device nodes."""

    name: str
    devices: tuple[str, ...]
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True)
class Stacks:
    """The existing arrays and volume groups, or those to create."""

    arrays: tuple[Array, ...] = ()
    groups: tuple[Group, ...] = ()


NO_STACKS = Stacks()


@dataclass(frozen=True)
class New:
    """A partition to create; its size is in MiB, and ``member`` its name in the kickstart, if it
    is part of an array or a volume group."""

    name: str
    disk: str
    number: int
    size: int
    kind: str
    member: str = ""


@dataclass(frozen=True)
class Mount:
    """A file system of the installed machine; it is created if ``make``, else kept."""

    device: str
    point: str
    fstype: str
    make: bool
    label: str = ""
    options: str = ""
    mkfs_options: str = ""


@dataclass(frozen=True)
class Plan:
    """All changes to the disks, decided before anything is written."""

    tables: dict[str, str]
    new: tuple[New, ...]
    mounts: tuple[Mount, ...]
    boot_disk: Optional[str]
    stacks: Stacks = NO_STACKS

    def at(self, point: str) -> Optional[Mount]:
        """Return the mount at ``point``, if any."""
        return next((mount for mount in self.mounts if mount.point == point), None)
