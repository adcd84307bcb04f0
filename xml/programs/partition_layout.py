# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the layout of the disks, which partition.py creates or recognises.

A layout has one line per volume: MOUNT LABEL FSTYPE MIB, then any of these words:

* ``grow``: it gets the rest of its disks, or of its volume group;
* ``keep``, or ``format`` for a part of the operating system that is not on /: what a reinstallation
  does. Only / (always formatted), swap (mount point ``swap``) and volume groups need neither word;
* ``disk=N,...``: the numbers of its disks; 1 is the default;
* ``raid=LEVEL``: it is an array with a partition of MIB on each of its disks;
* ``vg=LABEL``: it is a logical volume of this volume group.

A volume group is a line with ``lvm`` as mount point and file system. Its MIB is the size of its
partition on each of its disks.
"""

import re
from typing import Dict, List, NamedTuple, Sequence, Tuple

LONGEST_LABEL = {"xfs": 12, "ext4": 16, "swap": 15, "lvm": 16}
GROUP = "lvm"
# What a layout cannot contain, and why a reinstallation could not keep it.
UNSUPPORTED = {
    "btrfs": "its subvolumes share one file system, so / cannot be formatted alone",
    "luks": "an encrypted partition shows its label only after it is unlocked",
    "zfs": "the installer does not know it",
}
ALIASES = {"crypto_luks": "luks", "crypt": "luks", "lvm2_member": "lvm", "lvmpv": "lvm"}
WORDS = ("grow", "keep", "format")
SETTINGS = ("disk", "raid", "vg")
SYNTAX = "MOUNT LABEL FSTYPE MIB [grow] [keep|format] [disk=N,...] [raid=LEVEL] [vg=LABEL]"
# The levels of arrays, and the number of disks that each requires.
RAID_DISKS = {"0": 2, "1": 2, "5": 3, "6": 4, "10": 4}
MIRROR_DISKS = (1, 2)
LAST_DISK = 99
# Packages are installed here: an old file system would not match the new root.
SYSTEM = (
    "/",
    "/boot",
    "/etc",
    "/usr",
    "/usr/lib",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/lib/rpm",
)
EXTENT_MIB = 4


class Refusal(Exception):
    """The installation stops, and the disks are unchanged."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason + ("; " + hint if hint else ""))


class LayoutLine(NamedTuple):
    """A volume of the layout; ``size`` is in MiB."""

    mount: str
    label: str
    fstype: str
    size: int
    grow: bool
    keep: bool
    format: bool
    disks: Tuple[int, ...] = (1,)  # of a logical volume: those of its group
    level: str = ""  # of the array, or empty
    group: str = ""  # of a logical volume, or empty


def parse_layout(text: str, mirror: bool = False) -> List[LayoutLine]:
    """Parse a layout. Raises Refusal, which names the faulty line.

    With ``mirror``, a line without disks, level and group is a RAID 1 array on the first two disks.
    """
    lines = []
    for number, words in enumerate((line.split("#")[0].split() for line in text.splitlines()), 1):
        if words:
            try:
                lines.append(_parse_line(words, mirror))
            except ValueError as error:
                raise Refusal("layout, line %d: %s" % (number, error)) from error
    _check_layout(lines)
    groups = {line.label: line for line in lines if line.fstype == GROUP}
    return [line._replace(disks=groups[line.group].disks) if line.group else line for line in lines]


def _parse_line(words: List[str], mirror: bool) -> LayoutLine:
    settings = [word.partition("=") for word in words[4:] if word not in WORDS]
    values = {name: value for name, _sign, value in settings}
    is_valid = len(words) >= 4 and words[3].isdigit() and len(values) == len(settings)
    if not is_valid or not all(name in SETTINGS and value for name, value in values.items()):
        raise ValueError("expected %s" % SYNTAX)
    mount, label, fstype, size = words[:4]
    if mirror and not values:
        values = {"disk": ",".join(map(str, MIRROR_DISKS)), "raid": "1"}
    line = LayoutLine(
        mount=mount,
        label=label,
        fstype=fstype,
        size=int(size),
        grow="grow" in words[4:],
        keep="keep" in words[4:],
        format="format" in words[4:],
        disks=_disk_numbers(values.get("disk", "1")),
        level=values.get("raid", ""),
        group=values.get("vg", ""),
    )
    _check_file_system(line)
    _check_keep_or_format(line)
    _check_place(line, sorted(values))
    return line


def _disk_numbers(text: str) -> Tuple[int, ...]:
    numbers = text.split(",")
    is_valid = all(number.isdigit() and 1 <= int(number) <= LAST_DISK for number in numbers)
    if not is_valid or len(set(map(int, numbers))) < len(numbers):
        raise ValueError("disk=%s does not list different disks, such as disk=1,2" % text)
    return tuple(sorted(map(int, numbers)))


def _check_file_system(line: LayoutLine) -> None:
    fstype, label = line.fstype, line.label
    if fstype not in LONGEST_LABEL:
        raise ValueError(unknown_file_system(fstype))
    if len(label) > LONGEST_LABEL[fstype] or not re.match(r"[A-Za-z0-9_]+\Z", label):
        raise ValueError(
            "label %r is not a plain name of at most %d letters" % (label, LONGEST_LABEL[fstype])
        )
    for special in (GROUP, "swap"):
        if (line.mount == special) != (fstype == special):
            raise ValueError(
                "%s cannot have the file system %s: mount point and file system are both %s, or "
                "neither" % (line.mount, fstype, special)
            )


def unknown_file_system(fstype: str) -> str:
    """Return why a volume cannot have this file system, and which it can have."""
    name = ALIASES.get(fstype.lower(), fstype.lower())
    if name in UNSUPPORTED:
        reason = "a layout cannot contain %s: %s" % (fstype, UNSUPPORTED[name])
    else:
        reason = "unknown file system %r" % fstype
    return "%s; use %s" % (reason, ", ".join(sorted(LONGEST_LABEL)))


def _check_keep_or_format(line: LayoutLine) -> None:
    if line.keep and line.mount in SYSTEM:
        raise ValueError(
            "%s cannot be kept, because packages are installed there; use format" % line.mount
        )
    if line.fstype == GROUP and (line.keep or line.format):
        raise ValueError("keep and format belong to the logical volumes of %s" % line.label)
    if line.mount not in ("/", "swap", GROUP) and line.keep == line.format:
        raise ValueError(
            "a reinstallation neither keeps nor formats %s; add keep or format" % line.mount
        )


def _check_place(line: LayoutLine, settings: Sequence[str]) -> None:
    """Check the disks, the level and the group of a line."""
    if line.group and len(settings) > 1:
        raise ValueError("vg=%s excludes disk= and raid=, which the group has" % line.group)
    if line.group and line.fstype == GROUP:
        raise ValueError("the volume group %s cannot be part of another" % line.label)
    if line.level and line.level not in RAID_DISKS:
        raise ValueError("unknown level raid=%s; use %s" % (line.level, ", ".join(RAID_DISKS)))
    if line.level and len(line.disks) < RAID_DISKS[line.level]:
        raise ValueError(
            "raid=%s requires %d disks, such as disk=%s"
            % (
                line.level,
                RAID_DISKS[line.level],
                ",".join(map(str, range(1, RAID_DISKS[line.level] + 1))),
            )
        )
    if len(line.disks) > 1 and not line.level and line.fstype != GROUP:
        raise ValueError(
            "%s cannot be on %d disks; add raid=, or make it a logical volume"
            % (line.mount, len(line.disks))
        )


def _check_layout(lines: List[LayoutLine]) -> None:
    _check_duplicates(lines)
    if not any(line.mount == "/" for line in lines):
        raise Refusal("layout: no line for /")
    disks = {number for line in lines for number in line.disks}
    missing = set(range(1, max(disks))) - disks
    if missing:
        raise Refusal("layout: disk %d has no line" % min(missing))
    for number in sorted(disks):
        if sum(line.grow and not line.group for line in lines if number in line.disks) > 1:
            raise Refusal("layout: more than one partition grows on disk %d" % number)
    for group in [line for line in lines if line.fstype == GROUP]:
        _check_group(group, [line for line in lines if line.group == group.label])
    groups = [line.label for line in lines if line.fstype == GROUP]
    for line in lines:
        if line.group and line.group not in groups:
            raise Refusal("layout: no line for the volume group %s" % line.group)
    boot = boot_line(lines)
    if boot.group or boot.level not in ("", "1"):
        raise Refusal(
            "layout: the boot loader cannot read /boot from %s; add a line for /boot on a "
            "partition or a RAID 1 array, such as: /boot LABEL xfs 1024 format"
            % ("the logical volume of " + boot.mount if boot.group else "RAID " + boot.level)
        )


def _check_duplicates(lines: List[LayoutLine]) -> None:
    # Arrays and logical volumes have the label in lower case as their name.
    values: Dict[str, List[str]] = {
        "mount": [line.mount for line in lines if line.mount != GROUP],
        "label": [line.label.lower() for line in lines],
    }
    for line in lines:
        for field, present in sorted(values.items()):
            value = getattr(line, field)
            if present.count(value if field == "mount" else value.lower()) > 1:
                raise Refusal("layout: duplicate %s %s" % (field, value))


def _check_group(group: LayoutLine, volumes: List[LayoutLine]) -> None:
    if not volumes:
        raise Refusal("layout: the volume group %s has no logical volume" % group.label)
    if sum(line.grow for line in volumes) > 1:
        raise Refusal("layout: more than one volume grows in %s" % group.label)
    size = sum(-(-line.size // EXTENT_MIB) * EXTENT_MIB for line in volumes)
    if size > capacity(group):
        raise Refusal(
            "layout: the volumes of %s need %d MiB, and it has %d; increase its size"
            % (group.label, size, capacity(group))
        )


def capacity(group: LayoutLine) -> int:
    """Return the minimum space for volumes in a group, in MiB, after the metadata."""
    count = len(group.disks)
    if not group.level:
        return count * max(0, group.size - 2 * EXTENT_MIB)
    shares = {"0": count, "1": 1, "5": count - 1, "6": count - 2, "10": count // 2}
    # mdadm reserves up to 128 MiB of each member at either end.
    metadata = min(256, group.size // 256 + 2 * EXTENT_MIB)
    return max(0, shares[group.level] * (group.size - metadata) - 2 * EXTENT_MIB)


def boot_line(lines: List[LayoutLine]) -> LayoutLine:
    """Return the line of the file system that contains /boot."""
    by_mount = {line.mount: line for line in lines}
    return by_mount.get("/boot", by_mount["/"])
