# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of the installer: disks as they are, and a plan of what is to be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

MIB = 1 << 20


class InstallError(Exception):
    """The installation cannot go on; the text is what the screen shows."""


@dataclass(frozen=True)
class Partition:
    """A partition that is on a disk; ``fstype`` is what blkid finds in it, perhaps nothing."""

    name: str
    disk: str
    fstype: str = ""
    label: str = ""


@dataclass(frozen=True)
class Disk:
    """A disk as it is; ``table`` is "gpt", "dos", or "" when it has none that is known."""

    name: str
    size: int
    table: str = ""
    partitions: tuple[Partition, ...] = ()


@dataclass(frozen=True)
class New:
    """A partition to be made; its size is in MiB."""

    name: str
    disk: str
    number: int
    size: int
    kind: str


@dataclass(frozen=True)
class Mount:
    """A file system of the installed machine: made anew if ``make``, else as it is."""

    device: str
    point: str
    fstype: str
    make: bool
    label: str = ""
    options: str = ""
    mkfs_options: str = ""


@dataclass(frozen=True)
class Plan:
    """What is to be done with the disks, before anything is written."""

    tables: dict[str, str]
    new: tuple[New, ...]
    mounts: tuple[Mount, ...]
    boot_disk: Optional[str]

    def at(self, point: str) -> Optional[Mount]:
        """What is mounted at ``point``."""
        return next((mount for mount in self.mounts if mount.point == point), None)
