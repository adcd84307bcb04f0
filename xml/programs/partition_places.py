# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the volumes of a layout on the disks, and compare them with it."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from partition_disks import (
    ARRAY_MEMBER,
    PHYSICAL_VOLUME,
    Disk,
    Group,
    Part,
    Stacked,
    natural_order,
)
from partition_layout import GROUP, LayoutLine

PARTITION = "partition"
ARRAY = "array"
VOLUME = "logical volume"
VOLUME_GROUP = "volume group"
ARTICLES = {
    PARTITION: "a partition",
    ARRAY: "an array",
    VOLUME: "a logical volume",
    VOLUME_GROUP: "a volume group",
}


class Place(NamedTuple):
    """Where a volume of the layout is; ``stacked`` is the array or logical volume, if active."""

    kind: str
    name: str
    disks: Tuple[str, ...]
    part: Optional[Part] = None
    stacked: Optional[Stacked] = None
    group: Optional[Group] = None


Places = Dict[str, List[Place]]
"""The places of each label."""


def locate(disks: Sequence[Disk], groups: Sequence[Group], lines: Sequence[LayoutLine]) -> Places:
    """Return where the volumes of a layout are."""
    places: Places = {}
    labels = {line.label for line in lines if line.fstype != GROUP}
    active = {
        stacked.name: stacked for disk in disks for part in disk.parts for stacked in part.stacked
    }
    known: Set[str] = set()
    for disk in disks:
        for part in disk.parts:
            label = array_label(part, {line.label for line in lines})
            if label:
                array = part.stacked[0] if part.stacked else None  # the lowest
                known |= {array.name} if array else set()
                place = Place(ARRAY, part.name, (disk.name,), part, array)
                places.setdefault(label, []).append(place)
            elif part.label in labels:
                place = Place(PARTITION, part.name, (disk.name,), part)
                places.setdefault(part.label, []).append(place)
    for line in lines:
        for group in [group for group in groups if group.name in (line.label, line.group)]:
            on = _group_disks(group, disks)
            name = "%s-%s" % (group.name, line.label.lower())
            if line.fstype == GROUP and group.name == line.label:
                place = Place(VOLUME_GROUP, group.name, on, group=group)
                places.setdefault(line.label, []).append(place)
            if line.group == group.name and line.label.lower() in group.volumes:
                known.add(name)
                place = Place(VOLUME, name, on, stacked=active.get(name), group=group)
                places.setdefault(line.label, []).append(place)
    for name, stacked in sorted(active.items()):
        if name not in known and stacked.label in labels:
            place = Place(stacked.kind, name, _stacked_disks(name, disks), stacked=stacked)
            places.setdefault(stacked.label, []).append(place)
    return places


def array_label(part: Part, labels: Set[str]) -> str:
    """Return the layout's label for a member of an array, whose name is HOST:NAME or NAME."""
    if part.fstype != ARRAY_MEMBER:
        return ""
    by_name = {label.lower(): label for label in labels}
    return by_name.get(part.label.rpartition(":")[2].lower(), "")


def _group_disks(group: Group, disks: Sequence[Disk]) -> Tuple[str, ...]:
    devices = set(group.devices)
    return tuple(
        disk.name
        for disk in disks
        if devices & ({disk.name} | {part.name for part in disk.parts} | set(disk.stacked))
    )


def _stacked_disks(name: str, disks: Sequence[Disk]) -> Tuple[str, ...]:
    return tuple(disk.name for disk in disks if name in disk.stacked)


def fault(line: LayoutLine, places: List[Place]) -> str:
    """Return why the volume of a line cannot be reused, or an empty text."""
    where = "%s (%s)" % (line.label, line.mount)
    if not places:
        return "%s is missing" % where
    kinds = _kinds(line)
    for place in places:
        if place.kind not in kinds:
            return "%s is %s (%s), but the layout requires %s" % (
                where,
                ARTICLES.get(place.kind, "a device of type " + place.kind),
                place.name,
                ARTICLES[kinds[0]],
            )
    faults = [_array_fault(line, [place for place in places if place.kind == ARRAY], where)]
    others = [place for place in places if place.kind != ARRAY]
    if not others and kinds[0] != ARRAY:
        faults.append("%s has lost its volume group" % where)
    elif len(others) > 1:
        faults.append("%s is on %s" % (where, _names(others)))
    faults += [_single_fault(line, place, where) for place in others]
    return next((text for text in faults if text), "")


def _kinds(line: LayoutLine) -> Tuple[str, ...]:
    """Return the kinds of places that a line must have, the main one first."""
    if line.fstype == GROUP:
        return (VOLUME_GROUP, ARRAY) if line.level else (VOLUME_GROUP,)
    if line.group:
        return (VOLUME,)
    return (ARRAY,) if line.level else (PARTITION,)


def _array_fault(line: LayoutLine, places: List[Place], where: str) -> str:
    """Compare the members of an array with the layout, which may require none."""
    parts = [place.part for place in places if place.part]
    arrays = {(part.uuid, part.level, part.width) for part in parts}
    if len(arrays) > 1:
        return "%s is on %s, which are not one array" % (where, _names(places))
    if not line.level:
        return ""
    _uuid, level, width = arrays.pop() if arrays else ("", "", 0)
    if level and level != line.level:
        return "%s is a RAID %s, but the layout requires RAID %s" % (where, level, line.level)
    if not len(parts) == len(line.disks) == (width or len(parts)):
        return "%s is on %s, but the layout requires an array of %d disks" % (
            where,
            _names(places) or "no array",
            len(line.disks),
        )
    return _content_fault(line, places[0].stacked, where)


def _single_fault(line: LayoutLine, place: Place, where: str) -> str:
    if place.kind == VOLUME_GROUP and len(place.disks) != len(line.disks):
        text = "%s is on %s, but the layout requires %d disk%s"
        count = len(line.disks)
        return text % (where, " and ".join(place.disks), count, "s" * (count > 1))
    if place.group and place.group.missing:
        return "%s lacks %d of its devices" % (where, place.group.missing)
    return (
        ""
        if place.group and not place.stacked
        else _content_fault(line, place.part or place.stacked, where)
    )


def _content_fault(line: LayoutLine, device: Union[Part, Stacked, None], where: str) -> str:
    """Compare the file system with the layout; that of an inactive device is unknown."""
    fstype = PHYSICAL_VOLUME if line.fstype == GROUP else line.fstype
    if device is None or is_formatted(line) or device.fstype == fstype:
        return ""
    return "%s contains %s, but the layout requires %s" % (
        where,
        device.fstype or "no file system",
        line.fstype,
    )


def is_formatted(line: LayoutLine) -> bool:
    """Whether a reinstallation formats this volume."""
    return line.mount == "/" or line.format


def shared_disks(lines: List[LayoutLine], places: Places) -> List[str]:
    """Return which partitions share a disk, although the layout has them on different disks."""
    faults = []
    first: Dict[str, LayoutLine] = {}
    for line in lines:
        for place in places.get(line.label, []):
            if place.kind == PARTITION:
                other = first.setdefault(place.disks[0], line)
                if other.disks != line.disks:
                    faults.append(
                        "%s (%s) and %s (%s) are both on %s, but the layout has them on different "
                        "disks" % (other.label, other.mount, line.label, line.mount, place.disks[0])
                    )
    return faults


def _names(places: Sequence[Place]) -> str:
    return " and ".join(sorted((place.name for place in places), key=natural_order))


def describe(places: Places) -> str:
    return ", ".join("%s on %s" % (label, _names(items)) for label, items in sorted(places.items()))
