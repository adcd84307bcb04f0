# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide in %pre how the disks are partitioned, and write the kickstart commands.

There are three results: a first installation, a reinstallation that preserves volumes (paper, 6.3:
all partitions except root), or a refusal. This program reads the disks and never writes to them.

A volume is one of this cluster by its name only: the label of its file system, the name of its
array, or the names of its volume group and logical volume. Permission to delete data comes from the
install order (--wipe) and never from the contents of a disk, because a disk that cannot be read
looks blank.

Disks that share a volume are one set. Without permission, a set is either preserved, when all its
volumes exist, or created on blank disks, when none exists; anything in between is refused.

%pre starts this program with the installer's Python: standard library of Python 3.6 only.
"""

import argparse
import os
import re
import sys
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from partition_disks import Disk, Group, natural_order, read_disks, read_groups
from partition_layout import GROUP, LayoutLine, Refusal, boot_line, parse_layout
from partition_places import Place, Places, describe, fault, is_formatted, locate, shared_disks

ESP = ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef")
BIOSBOOT = ("21686148-6449-6e6f-744e-656564454649",)
ESP_MIB = 600
BIOSBOOT_MIB = 1
SPARE_MIB = 8
# The preferred transports for an operating system; lower is better.
TRANSPORTS = {"nvme": 0, "sata": 1, "sas": 1, "ata": 1, "virtio": 1}
TRUE_WORDS = ("yes", "true", "on", "y", "enabled", "1")
FALSE_WORDS = ("no", "false", "off", "n", "disabled", "0", "")
WIPE_HINT = "to delete the data on the disks, order the installation with wipe: true"


class Options(NamedTuple):
    """The conditions of an installation."""

    wipe: bool  # whether the order permits deleting data
    efi: bool  # the firmware
    os_disk: str  # the only disks to use, separated by commas, or empty
    table: str  # of a new layout


# ---- the decision


def decide(
    disks: List[Disk], lines: List[LayoutLine], options: Options, groups: Sequence[Group] = ()
) -> Tuple[List[str], str]:
    """Return the kickstart commands, and ``first``, ``reuse`` or ``wipe``. Raises Refusal.

    The second result is that of the disk with the boot partition.
    """
    places = locate(disks, groups, lines)
    own = {name for items in places.values() for place in items for name in place.disks}
    sets = disk_sets(lines)
    kept = [numbers for numbers in sets if _is_kept(numbers, lines, places)]
    if options.wipe:
        kept = []
    kept_lines = [line for line in lines if any(set(line.disks) <= item for item in kept)]
    _check_kept(kept_lines, places)
    new_lines = [line for line in lines if line not in kept_lines]
    boot = boot_line(lines)
    chosen = _choose_disks(disks, own, new_lines, boot, options) if new_lines else {}
    used = {name for line in kept_lines for place in places[line.label] for name in place.disks}
    cleared = [disk.name for _number, disk in sorted(chosen.items())]
    if options.wipe:  # labels on other disks would make the next installation ambiguous
        cleared += sorted(own - set(cleared))
    commands = ["ignoredisk --only-use=%s" % ",".join(cleared + sorted(used - set(cleared)))]
    commands += _clear(cleared, options)
    by_name = {disk.name: disk for disk in disks}
    if boot in kept_lines:
        boot_disks = [by_name[name] for place in places[boot.label] for name in place.disks]
        boot_disk, boot_commands = _reuse_boot(boot_disks, options.efi)
    else:
        boot_disk = chosen[boot.disks[0]]
        boot_commands = _new_boot(boot_disk, options)
    commands += boot_commands
    for number, line in enumerate(lines, 1):
        if line in kept_lines:
            commands.append(_reuse_command(line, places[line.label]))
        else:
            commands += _new_commands(line, number, chosen)
    commands.append("bootloader --location=mbr --boot-drive=%s" % boot_disk.name)
    mode = "reuse" if boot in kept_lines else "wipe" if options.wipe else "first"
    return commands, mode


def disk_sets(lines: Sequence[LayoutLine]) -> List[Set[int]]:
    """Return the numbers of the disks that share a volume, as sets."""
    sets: List[Set[int]] = []
    for line in lines:
        connected = [item for item in sets if item & set(line.disks)]
        sets = [item for item in sets if item not in connected]
        sets.append(set(line.disks).union(*connected))
    return sorted(sets, key=min)


def _is_kept(numbers: Set[int], lines: Sequence[LayoutLine], places: Places) -> bool:
    """Whether these disks contain any volume of the layout."""
    return any(line.label in places for line in lines if set(line.disks) <= numbers)


def _check_kept(lines: List[LayoutLine], places: Places) -> None:
    """Raise Refusal unless all these volumes can be reused."""
    root = next((line for line in lines if line.mount == "/"), None)
    if root and root.label not in places:
        raise Refusal(
            "%s exists, but %s is missing: the old installation is incomplete"
            % (describe(places), root.label),
            WIPE_HINT,
        )
    faults = [fault(line, places.get(line.label, [])) for line in lines]
    faults = [text for text in faults if text] + shared_disks(lines, places)
    if faults:
        raise Refusal("; ".join(faults), "correct the layout or the disks, or, " + WIPE_HINT)


# ---- existing volumes


def _reuse_boot(disks: List[Disk], efi: bool) -> Tuple[Disk, List[str]]:
    """Return the disk that the firmware boots from, and the command for its boot partition."""
    kinds = ESP if efi else BIOSBOOT
    for disk in disks:
        for part in disk.parts:
            if part.kind in kinds and efi:
                return disk, ["part /boot/efi --onpart=%s --noformat" % part.name]
            if part.kind in kinds:
                return disk, ["part biosboot --fstype=biosboot --onpart=%s" % part.name]
    if not efi and disks[0].table == "dos":  # a BIOS boots from the master boot record
        return disks[0], []
    if efi:
        text = "%s has no EFI system partition: it was installed in BIOS mode, but booted by UEFI"
    else:
        text = "%s has no BIOS boot partition: it was installed in UEFI mode, but booted by a BIOS"
    raise Refusal(text % disks[0].name)


def _reuse_command(line: LayoutLine, places: List[Place]) -> str:
    """Return the command for an existing volume.

    A formatted one gets its label again, which identifies it to the next installation.
    """
    if line.fstype == GROUP:
        return "volgroup %s --noformat" % line.label
    action = "--noformat"
    if is_formatted(line):
        action = "--fstype=%s --label=%s" % (line.fstype, line.label)
    if line.group:
        name = line.label.lower()
        text = "logvol %s --vgname=%s --name=%s --useexisting %s"
        return text % (line.mount, line.group, name, action)
    if line.level:
        return "raid %s --device=%s --useexisting %s" % (line.mount, line.label.lower(), action)
    assert places[0].part
    return "part %s --onpart=%s %s" % (line.mount, places[0].part.name, action)


# ---- new volumes


def _choose_disks(
    disks: List[Disk],
    own: Set[str],
    lines: List[LayoutLine],
    boot: LayoutLine,
    options: Options,
) -> Dict[int, Disk]:
    """Choose a disk for each number of the new lines."""
    if options.os_disk:
        disks = _named_disks(disks, options.os_disk)
    if not disks:
        raise Refusal("this machine has no disk")
    sizes = _sizes(lines, boot, options)
    free = [disk for disk in disks if not _contents(disk, options.wipe)]

    def preference(disk: Disk) -> Tuple[bool, int, int, str, List[Union[int, str]]]:
        # With permission to wipe, our own old disk is preferred to a foreign one.
        speed = TRANSPORTS.get(disk.transport, max(TRANSPORTS.values()) + 1)
        return disk.name not in own, speed, disk.size, disk.wwn, natural_order(disk.name)

    if not options.os_disk:
        free.sort(key=preference)
    chosen: Dict[int, Disk] = {}
    remaining = free
    for number in sorted(sizes):
        rest = [sizes[other] for other in sizes if other > number]
        for disk in remaining:
            others = [other for other in remaining if other is not disk]
            if disk.size >= sizes[number] and _count_fitting(rest, others) == len(rest):
                chosen[number], remaining = disk, others
                break
        else:
            raise _too_few(disks, sizes, free, options)
    return chosen


def _count_fitting(sizes: List[int], disks: List[Disk]) -> int:
    """Return how many of the sizes can have a disk of their own at the same time."""
    needs = sorted(sizes)
    count = 0
    for size in sorted(disk.size for disk in disks):
        if count < len(needs) and size >= needs[count]:
            count += 1
    return count


def _sizes(lines: List[LayoutLine], boot: LayoutLine, options: Options) -> Dict[int, int]:
    """Return the size in MiB that the layout needs on each new disk."""
    sizes: Dict[int, int] = {}
    for line in lines:
        for number in line.disks:
            sizes.setdefault(number, SPARE_MIB)
            sizes[number] += 0 if line.group else line.size
    if boot in lines:
        sizes[boot.disks[0]] += ESP_MIB if options.efi else BIOSBOOT_MIB
    return sizes


def _named_disks(disks: List[Disk], names: str) -> List[Disk]:
    """Return the disks of the attribute os_disk, in its order."""
    named = []
    for name in re.split(r"[\s,]+", names.strip(" ,")):
        matching = [disk for disk in disks if name in (disk.name, disk.path, disk.wwn, disk.serial)]
        if not matching:
            raise Refusal("unknown disk %r in the attribute os_disk" % name)
        named += [disk for disk in matching if disk not in named]
    return named


def _too_few(
    disks: List[Disk], sizes: Dict[int, int], free: List[Disk], options: Options
) -> Refusal:
    reasons = []
    for disk in sorted(disks, key=lambda disk: disk.name):
        text = _contents(disk, options.wipe)
        larger = [size for size in sizes.values() if size > disk.size]
        if not text and larger:
            text = "has %d MiB, but the layout needs %d" % (disk.size, min(larger))
        if text:
            reasons.append("%s %s" % (disk.name, text))
    text = "; ".join(reasons)
    count = _count_fitting(list(sizes.values()), free)
    return Refusal(
        "%d disk%s required, %d usable: %s"
        % (len(sizes), "s" * (len(sizes) > 1), count, text or "there are no others"),
        WIPE_HINT if "contains" in text else "",
    )


def _contents(disk: Disk, wipe: bool) -> str:
    """Return why a new layout cannot use this disk, whatever its size, or an empty text."""
    if disk.mounted:
        return "is in use (%s)" % ", ".join(disk.mounted)
    contents = [part.fstype or "a partition" for part in disk.parts]
    if not contents:
        contents = [text for text in (disk.fstype, disk.table) if text]
    if (contents or disk.stacked) and not wipe:
        return "contains %s" % ", ".join(contents + list(disk.stacked))
    return ""


def _clear(disks: List[str], options: Options) -> List[str]:
    if not disks:
        return ["clearpart --none"]
    command = "clearpart --all --initlabel --disklabel=%s --drives=%s"
    return ["zerombr", command % (options.table, ",".join(disks))]


def _new_boot(disk: Disk, options: Options) -> List[str]:
    """Return the command for the boot partition of a new disk."""
    text = "part %s --fstype=%s --size=%d --ondisk=%s"
    if options.efi:
        return [text % ("/boot/efi", "efi", ESP_MIB, disk.name)]
    if options.table == "gpt":
        return [text % ("biosboot", "biosboot", BIOSBOOT_MIB, disk.name)]
    return []


def _new_commands(line: LayoutLine, number: int, chosen: Dict[int, Disk]) -> List[str]:
    """Return the commands for a new volume; ``number`` makes the names of its parts unique."""
    size = "--size=%d%s" % (line.size, " --grow" if line.grow else "")
    name = line.label.lower()
    file_system = "--fstype=%s --label=%s" % (line.fstype, line.label)
    if line.group:
        text = "logvol %s --vgname=%s --name=%s %s %s"
        return [text % (line.mount, line.group, name, size, file_system)]
    disks = [chosen[index].name for index in line.disks]
    if not line.level and line.fstype != GROUP:
        text = "part %s --fstype=%s %s --ondisk=%s --label=%s"
        return [text % (line.mount, line.fstype, size, disks[0], line.label)]
    prefix = "raid" if line.level else "pv"
    members = ["%s.%d%02d" % (prefix, number, side) for side in range(1, len(disks) + 1)]
    commands = [
        "part %s %s --ondisk=%s" % (member, size, disk) for member, disk in zip(members, disks)
    ]
    if line.level:
        mount = "pv.%d" % number if line.fstype == GROUP else line.mount
        text = "raid %s --device=%s --level=%s%s %s"
        described = "" if line.fstype == GROUP else " " + file_system
        commands.append(text % (mount, name, line.level, described, " ".join(members)))
        members = [mount]
    if line.fstype == GROUP:
        commands.append("volgroup %s %s" % (line.label, " ".join(members)))
    return commands


# ---- the program


def boolean(text: str) -> bool:
    """Convert an attribute's truth value. Raises ValueError."""
    if text.lower() in TRUE_WORDS:
        return True
    if text.lower() in FALSE_WORDS:
        return False
    raise ValueError(text)


def arguments(argv: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Decide how the disks are partitioned.")
    parser.add_argument("--layout", required=True, help="the file of the layout")
    parser.add_argument("--output", required=True, help="the file for the commands, for %%include")
    parser.add_argument(
        "--wipe",
        type=boolean,
        default=False,
        help="yes: the install order permits deleting data",
    )
    parser.add_argument(
        "--disk", default="", help="the only disks to use: names, paths, WWNs or serial numbers"
    )
    parser.add_argument("--mirror", type=boolean, default=False, help="yes: mirror disks 1 and 2")
    parser.add_argument(
        "--table",
        default="gpt",
        choices=["gpt", "msdos"],
        help="the partition table of a new layout",
    )
    parser.add_argument("--append", default="", help="arguments for the kernel")
    parser.add_argument(
        "--firmware",
        default="efi" if os.path.isdir("/sys/firmware/efi") else "bios",
        choices=["bios", "efi"],
    )
    parser.add_argument("--device", action="append", default=[], help="use only this device")
    return parser.parse_args(argv)


def main(argv: Optional[List[str]] = None) -> int:
    parsed = arguments(argv)
    try:
        with open(parsed.layout) as file:
            lines = parse_layout(file.read(), mirror=parsed.mirror)
        if re.search(r"[\"\\\n\r]", parsed.append):
            raise Refusal("the kernel arguments contain a quote, a backslash or a line end")
        options = Options(
            wipe=parsed.wipe,
            efi=parsed.firmware == "efi",
            os_disk=parsed.disk,
            table=parsed.table,
        )
        disks = read_disks(parsed.device)
        # LVM runs only where the layout has it: a broken group elsewhere is no obstacle.
        groups = read_groups(disks) if any(line.fstype == GROUP for line in lines) else []
        commands, mode = decide(disks, lines, options, groups)
    except Refusal as refusal:
        sys.stderr.write("partition: refused: %s. The disks are unchanged.\n" % refusal)
        return 1
    if parsed.append:
        commands[-1] += ' --append="%s"' % parsed.append
    with open(parsed.output, "w") as file:
        file.write("# %s\n%s\n" % (mode, "\n".join(commands)))
    print(mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
