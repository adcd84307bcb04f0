# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the partition layout of nodes, as far as possible without a disk.

A layout is the table that a ``<pre>`` writes to /run/rocks/layout. xml/programs/partition.py
rejects it on the machine for the same reasons. Values of attributes are unknown here, so a field
that contains a reference is not checked.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Union

from ..escaping import unmark
from ..model import ERROR, WARNING, Origin, Remark
from .expansion import SourceLine
from .script_sections import Script

LAYOUT_FILE = "/run/rocks/layout"
LAYOUT_HEREDOC = re.compile(rf"> {LAYOUT_FILE} <<'(\w+)'$")
FIELDS = 4
SIZE = re.compile(r"\d+|&[\w.-]+;")
REFERENCE = re.compile(r"&[\w.-]+;")
LABEL = re.compile(r"[A-Za-z0-9_]+\Z")
SYNTAX = "MOUNT LABEL FSTYPE MIB [grow] [keep|format] [disk=N,...] [raid=LEVEL] [vg=LABEL]"
# As in xml/programs/partition_layout.py; tests compare the two.
OPTIONS = ("grow", "keep", "format")
SETTINGS = ("disk", "raid", "vg")
RAID_DISKS = {"0": 2, "1": 2, "5": 3, "6": 4, "10": 4}
LAST_DISK = 99
GROUP = "lvm"
EXTENT_MIB = 4
LONGEST_LABEL = {"xfs": 12, "ext4": 16, "swap": 15, "lvm": 16}
UNSUPPORTED = {
    "btrfs": "its subvolumes share one file system, so / cannot be formatted alone",
    "luks": "an encrypted partition shows its label only after it is unlocked",
    "zfs": "the installer does not know it",
}
FILE_SYSTEM_ALIASES = {
    "crypto_luks": "luks",
    "crypt": "luks",
    "lvm2_member": "lvm",
    "lvmpv": "lvm",
}
SYSTEM_MOUNTS = (
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
# Our node files store here what must survive a reinstallation.
STATE_MOUNT = "/state/partition1"


class Row(NamedTuple):
    """A volume: the fields of each line, and the options and settings after them."""

    mount: str
    label: str
    fstype: str
    size: str
    words: tuple[str, ...]
    settings: Mapping[str, str]
    origin: Origin

    @property
    def group(self) -> str:
        """The volume group of a logical volume, or empty."""
        return self.settings.get("vg", "")

    @property
    def level(self) -> str:
        """The level of the array, or empty."""
        return self.settings.get("raid", "")

    @property
    def disks(self) -> tuple[int, ...]:
        """The numbers of the disks; none for a logical volume, or if they are not valid."""
        numbers = self.settings.get("disk", "1").split(",")
        is_valid = all(number.isdigit() and 1 <= int(number) <= LAST_DISK for number in numbers)
        if self.group or not is_valid or len(set(map(int, numbers))) < len(numbers):
            return ()
        return tuple(sorted(map(int, numbers)))


def check_layout(scripts: Iterable[Script]) -> Iterator[Remark]:
    """Return what is wrong with the layout that these scripts write, if they write one."""
    all_scripts = tuple(scripts)
    for script in all_scripts:
        for table in _tables(script.lines):
            rows = []
            for line in table:
                row = _read_row(line)
                if isinstance(row, Row):
                    rows.append(row)
                    for check in (_check_fate, _check_file_system, _check_place):
                        yield from check(row)
                elif row:
                    yield row
            yield from _check_table(rows, script.origin)
            yield from _check_state(rows, (other for other in all_scripts if other is not script))


def _tables(lines: Sequence[SourceLine]) -> Iterator[list[SourceLine]]:
    """Yield the bodies of the here-documents that are written to the layout's file."""
    end = ""
    rows: list[SourceLine] = []
    for line in lines:
        text = unmark(line.text)
        if not end:
            match = LAYOUT_HEREDOC.search(text)
            end, rows = (match.group(1), []) if match else ("", rows)
        elif text == end:
            yield rows
            end = ""
        else:
            rows.append(line)


def _read_row(line: SourceLine) -> Union[Row, Remark, None]:
    text = unmark(line.text)[1:]  # without the margin
    words = text.partition("#")[0].split()
    if not words:
        return None
    rest = words[FIELDS:]
    settings = dict(word.split("=", 1) for word in rest if "=" in word)
    flags = tuple(word for word in rest if "=" not in word)
    is_valid = len(words) >= FIELDS and SIZE.fullmatch(words[3])
    is_known = not set(flags) - set(OPTIONS) and not set(settings) - set(SETTINGS)
    if not is_valid or not is_known or len(flags) + len(settings) < len(rest):
        text = f'"{text.strip()}" is not a valid partition'
        return _layout_error(line.origin, text, SYNTAX)
    return Row(
        mount=words[0],
        label=words[1],
        fstype=words[2],
        size=words[3],
        words=flags,
        settings=settings,
        origin=line.origin,
    )


def _check_fate(row: Row) -> Iterator[Remark]:
    choices = [word for word in ("keep", "format") if word in row.words]
    if "keep" in choices and row.mount in SYSTEM_MOUNTS:
        text = f"{row.mount} cannot be kept: packages are installed there"
        yield _layout_error(row.origin, text, "add format")
    elif row.fstype == GROUP and choices:
        text = f"{row.label}: {choices[0]} is stated for the group instead of its volumes"
        yield _layout_error(row.origin, text, "add it to the logical volumes")
    elif row.mount not in ("/", "swap", GROUP) and len(choices) != 1:
        text = f"{row.mount}: a reinstallation neither keeps nor formats it"
        yield _layout_error(row.origin, text, "add keep or format")


def _check_file_system(row: Row) -> Iterator[Remark]:
    """Check the file system and the label; a part that is a reference is checked on the node."""
    longest = LONGEST_LABEL.get(row.fstype)
    if longest is None:
        if not REFERENCE.search(row.fstype):
            name = FILE_SYSTEM_ALIASES.get(row.fstype.lower(), row.fstype.lower())
            text = f'unknown file system "{row.fstype}"'
            if name in UNSUPPORTED:
                text = f"a layout cannot contain {row.fstype}: {UNSUPPORTED[name]}"
            yield _layout_error(row.origin, text, f"use {', '.join(sorted(LONGEST_LABEL))}")
        return
    yield from _check_special(row)
    label = REFERENCE.sub("x", row.label)
    if len(label) > longest or not LABEL.match(label):
        text = f"the label {row.label} is not a plain name of at most {longest} letters"
        yield _layout_error(row.origin, text)


def _check_special(row: Row) -> Iterator[Remark]:
    for special in (GROUP, "swap"):
        if (row.mount == special) != (row.fstype == special):
            text = f"{row.mount} cannot have the file system {row.fstype}"
            hint = f"mount point and file system are both {special}, or neither"
            yield _layout_error(row.origin, text, hint)


def _check_place(row: Row) -> Iterator[Remark]:
    """Check the disks, the level and the group of a row."""
    needed = RAID_DISKS.get(row.level, 1)
    if row.group and (len(row.settings) > 1 or row.fstype == GROUP):
        text = f"{row.label}: vg={row.group} excludes disk=, raid= and another volume group"
        yield _layout_error(row.origin, text, "the volume group has the disks")
    elif "vg" in row.settings and not row.group:
        yield _layout_error(row.origin, f"{row.label}: vg= has no name")
    elif not row.group and not row.disks:
        text = f"{row.label}: disk={row.settings['disk']} does not list different disks"
        yield _layout_error(row.origin, text, "such as disk=1,2")
    elif "raid" in row.settings and row.level not in RAID_DISKS:
        text = f"{row.label}: unknown level raid={row.level}"
        yield _layout_error(row.origin, text, f"use {', '.join(RAID_DISKS)}")
    elif row.level and len(row.disks) < needed:
        text = f"{row.label}: raid={row.level} requires {needed} disks"
        hint = f"such as disk={','.join(map(str, range(1, needed + 1)))}"
        yield _layout_error(row.origin, text, hint)
    elif len(row.disks) > 1 and not row.level and row.fstype != GROUP:
        text = f"{row.mount} cannot be on {len(row.disks)} disks"
        yield _layout_error(row.origin, text, "add raid=, or make it a logical volume")


def _check_table(rows: Sequence[Row], origin: Origin) -> Iterator[Remark]:
    if not any(row.mount == "/" for row in rows):
        yield _layout_error(origin, "the layout has no line for /", "add one")
    for number, row in enumerate(rows):
        for earlier in rows[:number]:
            for field in ("mount", "label"):
                values = [getattr(item, field) for item in (row, earlier)]
                if field == "label":  # arrays and logical volumes have it in lower case
                    values = [value.lower() for value in values]
                if values[0] == values[1] != GROUP:
                    text = f"duplicate {field} {getattr(row, field)}; first at {earlier.origin}"
                    yield _layout_error(row.origin, text)
    numbers = {number for row in rows for number in row.disks}
    for number in sorted(set(range(1, max(numbers, default=1))) - numbers):
        yield _layout_error(origin, f"disk {number} has no line", "number the disks from 1")
    for number in sorted(numbers):
        yield from _check_growth([row for row in rows if number in row.disks], f"disk {number}")
    yield from _check_groups(rows)
    yield from _check_boot(rows)


def _check_growth(rows: Sequence[Row], where: str) -> Iterator[Remark]:
    for row in [row for row in rows if "grow" in row.words][1:]:
        text = f"more than one partition grows on {where}"
        yield _layout_error(row.origin, text, "remove grow from one of them")


def _check_groups(rows: Sequence[Row]) -> Iterator[Remark]:
    groups = {row.label: row for row in rows if row.fstype == GROUP}
    for row in rows:
        if row.group and row.group not in groups:
            text = f"{row.label}: the layout has no volume group {row.group}"
            yield _layout_error(row.origin, text, f"add: lvm {row.group} lvm MIB")
    for name, group in groups.items():
        volumes = [row for row in rows if row.group == name]
        if not volumes:
            text = f"the volume group {name} has no logical volume"
            yield _layout_error(group.origin, text, f"add vg={name} to a line")
        yield from _check_growth(volumes, name)
        sizes = [row.size for row in volumes]
        space = _capacity(group)
        if space is not None and all(size.isdigit() for size in sizes):
            needed = sum(-(-int(size) // EXTENT_MIB) * EXTENT_MIB for size in sizes)
            if needed > space:
                text = f"the volumes of {name} need {needed} MiB, and it has {space}"
                yield _layout_error(group.origin, text, "increase its size")


def _capacity(group: Row) -> Optional[int]:
    """Return the minimum space for volumes in MiB; None if it depends on a reference."""
    count = len(group.disks)
    if not group.size.isdigit() or not count:
        return None
    size = int(group.size)
    if not group.level:
        return count * max(0, size - 2 * EXTENT_MIB)
    shares = {"0": count, "1": 1, "5": count - 1, "6": count - 2, "10": count // 2}
    metadata = min(256, size // 256 + 2 * EXTENT_MIB)
    return max(0, shares.get(group.level, 1) * (size - metadata) - 2 * EXTENT_MIB)


def _check_boot(rows: Sequence[Row]) -> Iterator[Remark]:
    by_mount = {row.mount: row for row in rows}
    boot = by_mount.get("/boot", by_mount.get("/"))
    if boot and (boot.group or boot.level not in ("", "1")):
        kind = "a logical volume" if boot.group else f"RAID {boot.level}"
        text = f"{boot.mount} is {kind}, from which the boot loader cannot read /boot"
        hint = "add a line for /boot on a partition or a RAID 1 array"
        yield _layout_error(boot.origin, text, hint)


def _check_state(rows: Sequence[Row], scripts: Iterable[Script]) -> Iterator[Remark]:
    """Find scripts that store data on a partition that is not kept."""
    if any(row.mount == STATE_MOUNT and "keep" in row.words for row in rows):
        return
    for script in scripts:
        for line in script.lines:
            if STATE_MOUNT in line.text:
                text = f"{STATE_MOUNT} is used here, but the layout keeps no partition there"
                hint = (
                    "a reinstallation deletes the data: add the partition to the layout with keep"
                )
                yield Remark(
                    severity=WARNING, rule="layout", origin=line.origin, text=text, hint=hint
                )
                break


def _layout_error(origin: Origin, text: str, hint: str = "") -> Remark:
    return Remark(severity=ERROR, rule="layout", origin=origin, text=text, hint=hint)
