# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide, in %pre, what becomes of the disks: a first installation, a reinstallation that keeps what the layout says
(paper, 6.3: every partition but root), or a refusal.  Reads the disks and never writes to one; its result are
kickstart commands.

A file system's label says that it is ours; nothing else does.  Permission to wipe comes from the install order
(--wipe), never from what a disk looks like: a disk that cannot be read looks blank.

The layout has one line per partition: MOUNT LABEL FSTYPE MIB, then `grow` where it takes the rest of the disk, and
what a reinstallation does to it: `keep`, or `format` for a part of the operating system that has a partition of its
own.  Only / (always formatted) and swap, whose mount is `swap`, need not say it: what survives is never a guess.

Standard library of Python 3.6, since the installer's Python runs it.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys

ESP = ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef")
BIOSBOOT = ("21686148-6449-6e6f-744e-656564454649",)
ESP_MIB, BIOSBOOT_MIB, SPARE_MIB = 600, 1, 8
# Where an operating system is looked for first: what is fast and fixed before what is big.
TRANSPORTS = {"nvme": 0, "sata": 1, "sas": 1, "ata": 1, "virtio": 1}
NO_DISK = re.compile(r"(zram|ram|nbd|fd|sr|loop)\d")
LONGEST_LABEL = {"xfs": 12, "ext4": 16, "swap": 15}
MAX_ARRAY = 2  # disks of a mirror
COLUMNS = "NAME,KNAME,TYPE,SIZE,RO,RM,TRAN,WWN,SERIAL,MOUNTPOINT"
WORDS = ("grow", "keep", "format")
# Where packages are installed to: an old file system there does not fit the new root.
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

Line = collections.namedtuple("Line", "mount label fstype size grow keep format")
# `table` and `fstype` are what stands on the device itself; `kind` is the type of a partition in its table.
Part = collections.namedtuple("Part", "name label fstype kind")
Disk = collections.namedtuple(
    "Disk", "name path size transport wwn serial table fstype mounted parts stacked"
)
# wipe: the order's permission; efi: the firmware; pin: the only disk to be used; mirror: two disks as one; table: of a
# disk that is partitioned anew.
Wish = collections.namedtuple("Wish", "wipe efi pin mirror table")


WIPE_HINT = "to lose what is there, order the installation with wipe: true"


class Refusal(Exception):
    """The installation stops here, and the disks are as they were."""

    def __init__(self, what, hint=""):
        super().__init__(what + ("; " + hint if hint else ""))


# ---- the layout


def layout_from(text):
    """The lines of a layout.  Refuses one in which something is wrong, naming its line."""
    lines = []
    for number, words in enumerate((line.split("#")[0].split() for line in text.splitlines()), 1):
        if not words:
            continue
        if len(words) < 4 or not words[3].isdigit() or set(words[4:]) - set(WORDS):
            raise Refusal(
                "layout, line %d: expected MOUNT LABEL FSTYPE MIB [grow] [keep|format]" % number
            )
        mount, label, fstype, size = words[:4]
        if fstype not in LONGEST_LABEL:
            raise Refusal(
                "layout, line %d: file system %r; known: %s"
                % (number, fstype, ", ".join(sorted(LONGEST_LABEL)))
            )
        if len(label) > LONGEST_LABEL[fstype] or not re.match(r"[A-Za-z0-9_]+\Z", label):
            raise Refusal(
                "layout, line %d: label %r is no plain name of at most %d letters"
                % (number, label, LONGEST_LABEL[fstype])
            )
        _check_fate(mount, words[4:], number)
        lines.append(Line(mount, label, fstype, int(size), *(word in words[4:] for word in WORDS)))
    _check_layout(lines)
    return lines


def _check_fate(mount, words, number):
    fates = [word for word in ("keep", "format") if word in words]
    if "keep" in fates and mount in SYSTEM:
        raise Refusal(
            "layout, line %d: %s cannot be kept, since packages are installed there; say format"
            % (number, mount)
        )
    if mount not in ("/", "swap") and len(fates) != 1:
        raise Refusal(
            "layout, line %d: what becomes of %s when the node is reinstalled? say keep or format"
            % (number, mount)
        )


def _check_layout(lines):
    for field in ("mount", "label"):
        values = [getattr(line, field) for line in lines]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise Refusal("layout: the %s %s stands there twice" % (field, twice[0]))
    if not any(line.mount == "/" for line in lines):
        raise Refusal("layout: there is no /")
    if sum(line.grow for line in lines) > 1:
        raise Refusal("layout: more than one partition takes the rest of the disk")


# ---- what is there


def run(argv):
    """A program's exit status, output and complaint."""
    try:
        ended = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
    except OSError as error:
        raise Refusal(
            "%s cannot be started (%s), so the disks cannot be judged" % (argv[0], error.strerror)
        ) from error
    return ended.returncode, ended.stdout, ended.stderr.strip()


def survey(devices=(), run=run):
    """The disks of this machine; ``devices`` names the only ones to look at, whatever their kind.

    What a disk holds is asked of the disk itself (blkid -p).  lsblk would ask udev, and without udev's data a full
    disk looks blank.
    """
    status, said, complaint = run(
        ["lsblk", "--json", "--bytes", "--output", COLUMNS] + list(devices)
    )
    if status != 0:
        raise Refusal("lsblk: %s" % complaint)
    found = json.loads(said)["blockdevices"]
    return [_disk(one, run) for one in found if devices or _is_disk(one)]


def _is_disk(one):
    flags = (one["ro"], one["rm"])
    fixed = all(flag in (False, 0, "0") for flag in flags)
    return one["type"] == "disk" and fixed and not NO_DISK.match(one["name"])


def _disk(one, run):
    own = probe(_path(one), run)
    children = one.get("children") or []
    parts = []
    for child in children:
        if child["type"] == "part":
            held = probe(_path(child), run)
            parts.append(
                Part(
                    child["name"],
                    held.get("LABEL", ""),
                    held.get("TYPE", ""),
                    held.get("PART_ENTRY_TYPE", "").lower(),
                )
            )
    return Disk(
        name=one["name"],
        path=_path(one),
        size=int(one["size"]) >> 20,
        transport=one.get("tran") or "",
        wwn=one.get("wwn") or "",
        serial=one.get("serial") or "",
        table=own.get("PTTYPE", ""),
        fstype=own.get("TYPE", ""),
        mounted=sorted(_mounted(one)),
        parts=tuple(sorted(parts, key=lambda part: _natural(part.name))),
        stacked=tuple(sorted(_stacked(children))),
    )


def _path(one):
    """The kernel's own node of a device.  lsblk can print it itself (PATH) from util-linux 2.33 on, which EL 8 has not."""
    return "/dev/" + one["kname"]


def probe(path, run):
    """What stands on one device.  Refuses one that says two things, or cannot be read."""
    status, said, complaint = run(["blkid", "-p", "-o", "export", path])
    if status == 8:
        raise Refusal("%s carries signatures that contradict each other" % path)
    if status not in (0, 2):
        raise Refusal("%s cannot be read: %s" % (path, complaint or "blkid ended with %d" % status))
    if status == 2:
        _check_readable(path)
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def _check_readable(path):
    """blkid says the same of a blank disk and of one that it cannot read."""
    try:
        with open(path, "rb") as device:
            device.read(4096)
    except OSError as error:
        raise Refusal("%s cannot be read (%s)" % (path, error.strerror)) from error


def _mounted(one):
    if one.get("mountpoint"):
        yield one["mountpoint"]
    for child in one.get("children") or []:
        yield from _mounted(child)


def _stacked(children):
    """Names of volumes and arrays that stand on partitions."""
    for child in children:
        if child["type"] != "part":
            yield child["name"]
        yield from _stacked(child.get("children") or [])


def _natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


# ---- the decision


def decide(disks, lines, wish):
    """The kickstart commands for these disks, and ``first``, ``reuse`` or ``wipe``.  Raises Refusal."""
    labels = {line.label for line in lines}
    ours = {}
    for disk in disks:
        for part in disk.parts:
            label = array_label(part, labels) or (part.label if part.label in labels else "")
            if label:
                ours.setdefault(label, []).append((disk, part))
    known = {disk.name for places in ours.values() for disk, _part in places}
    if ours and not wish.wipe:
        return _reuse(ours, lines, wish), "reuse"
    chosen = _choose(disks, known, lines, wish)
    return _first(chosen, known, lines, wish), "wipe" if wish.wipe else "first"


def array_label(part, labels):
    """The layout's label that a member of an array belongs to: an array is named HOST:NAME, or NAME."""
    if part.fstype != "linux_raid_member":
        return ""
    named = {label.lower(): label for label in labels}
    return named.get(part.label.rpartition(":")[2].lower(), "")


def _reuse(ours, lines, wish):
    root = next(line for line in lines if line.mount == "/")
    if root.label not in ours:
        raise Refusal(
            "%s found, but not %s: what was here is not whole" % (_where(ours), root.label),
            WIPE_HINT,
        )
    faults = []
    for line in lines:
        faults += _faults(line, ours.get(line.label, []), wish.mirror)
    if faults:
        raise Refusal("; ".join(faults), WIPE_HINT)
    used = {disk.name: disk for places in ours.values() for disk, _part in places}
    boot, boot_commands = _reuse_boot([disk for disk, _part in ours[root.label]], wish.efi)
    commands = ["ignoredisk --only-use=%s" % ",".join(sorted(used)), "clearpart --none"]
    commands += boot_commands
    for line in lines:
        commands.append(_reuse_line(line, ours[line.label], wish.mirror))
    return commands + [_boot_drive(boot)]


def _faults(line, places, mirror):
    """Why the partition of this line cannot be used again."""
    if not places:
        return ["%s (%s) is missing" % (line.label, line.mount)]
    if len(places) != (MAX_ARRAY if mirror else 1):
        return ["%s stands on %s" % (line.label, " and ".join(part.name for _disk, part in places))]
    found = {part.fstype for _disk, part in places}
    if mirror and found != {"linux_raid_member"}:
        return ["%s (%s) is no mirror" % (line.label, line.mount)]
    if not mirror and found == {"linux_raid_member"}:
        return ["%s (%s) is a mirror, and the layout wants none" % (line.label, line.mount)]
    if not mirror and not _is_formatted(line) and found != {line.fstype}:
        return [
            "%s (%s) holds %s, and the layout says %s"
            % (line.label, line.mount, found.pop() or "nothing", line.fstype)
        ]
    return []


def _reuse_boot(disks, efi):
    """The disk that the firmware starts from, and the command for its boot partition."""
    kinds, name, before = (
        (ESP, "an EFI system partition", "a BIOS")
        if efi
        else (BIOSBOOT, "a BIOS boot partition", "UEFI")
    )
    for disk in disks:
        for part in disk.parts:
            if part.kind in kinds:
                fate = (
                    "/boot/efi --onpart=%s --noformat"
                    if efi
                    else "biosboot --fstype=biosboot --onpart=%s"
                )
                return disk, ["part " + fate % part.name]
    if not efi and disks[0].table == "dos":  # a BIOS starts from the master boot record itself
        return disks[0], []
    now = "UEFI" if efi else "a BIOS"
    raise Refusal(
        "%s has not %s: it was installed by %s, and this machine now boots by %s"
        % (disks[0].name, name, before, now)
    )


def _is_formatted(line):
    """Whether a reinstallation makes this file system anew."""
    return line.mount == "/" or line.format


def _reuse_line(line, places, mirror):
    """What is formatted keeps its label, by which the next installation knows it; everything else stays as it is."""
    fate = (
        "--fstype=%s --label=%s" % (line.fstype, line.label)
        if _is_formatted(line)
        else "--noformat"
    )
    if mirror:
        return "raid %s --device=%s --useexisting %s" % (line.mount, line.label.lower(), fate)
    return "part %s --onpart=%s %s" % (line.mount, places[0][1].name, fate)


def _choose(disks, known, lines, wish):
    """The disks of a new layout: one, or two for a mirror."""
    if wish.pin:
        disks = [
            disk for disk in disks if wish.pin in (disk.name, disk.path, disk.wwn, disk.serial)
        ]
        if not disks:
            raise Refusal("no disk is %r, which the attribute os_disk names" % wish.pin)
    if not disks:
        raise Refusal("there is no disk")
    needed = sum(line.size for line in lines) + (ESP_MIB if wish.efi else BIOSBOOT_MIB) + SPARE_MIB
    reasons = {disk.name: _unusable(disk, wish.wipe, needed) for disk in disks}
    free = [disk for disk in disks if not reasons[disk.name]]
    wanted = MAX_ARRAY if wish.mirror else 1
    if len(free) < wanted:
        why = "; ".join(
            "%s %s" % (name, reason) for name, reason in sorted(reasons.items()) if reason
        )
        raise Refusal(
            "%d disk%s wanted, %d free: %s"
            % (wanted, "s" * (wanted > 1), len(free), why or "there are no others"),
            WIPE_HINT if "holds" in why else "",
        )

    def preference(disk):
        # With permission to wipe, what was ours before is taken again rather than somebody else's disk.
        speed = TRANSPORTS.get(disk.transport, max(TRANSPORTS.values()) + 1)
        return disk.name not in known, speed, disk.size, disk.wwn, _natural(disk.name)

    return sorted(free, key=preference)[:wanted]


def _unusable(disk, wipe, needed):
    """Why a new layout cannot go onto this disk; empty when it can."""
    if disk.mounted:
        return "is in use (%s)" % ", ".join(disk.mounted)
    if disk.size < needed:
        return "has %d MiB, and the layout needs %d" % (disk.size, needed)
    held = [part.fstype or "a partition" for part in disk.parts] or [
        text for text in (disk.fstype, disk.table) if text
    ]
    if (held or disk.stacked) and not wipe:
        return "holds %s" % ", ".join(held + list(disk.stacked))
    return ""


def _first(chosen, known, lines, wish):
    names = [disk.name for disk in chosen]
    # A disk that carries our labels beside the chosen ones would make the next installation ambiguous.
    cleared = ",".join(names + sorted(known - set(names)))
    commands = [
        "ignoredisk --only-use=%s" % cleared,
        "zerombr",
        "clearpart --all --initlabel --disklabel=%s --drives=%s" % (wish.table, cleared),
    ]
    if wish.efi:
        commands.append("part /boot/efi --fstype=efi --size=%d --ondisk=%s" % (ESP_MIB, names[0]))
    elif wish.table == "gpt":
        commands.append(
            "part biosboot --fstype=biosboot --size=%d --ondisk=%s" % (BIOSBOOT_MIB, names[0])
        )
    for number, line in enumerate(lines, 1):
        commands += _mirrored(line, number, names) if wish.mirror else [_plain(line, names[0])]
    return commands + [_boot_drive(chosen[0])]


def _plain(line, disk):
    return "part %s --fstype=%s %s --label=%s" % (
        line.mount,
        line.fstype,
        _size(line, disk),
        line.label,
    )


def _mirrored(line, number, names):
    members = ["raid.%d%d" % (number, side) for side in range(1, len(names) + 1)]
    parts = ["part %s %s" % (member, _size(line, name)) for member, name in zip(members, names)]
    array = "raid %s --device=%s --level=1 --fstype=%s --label=%s %s"
    return parts + [
        array % (line.mount, line.label.lower(), line.fstype, line.label, " ".join(members))
    ]


def _size(line, disk):
    return "--size=%d%s --ondisk=%s" % (line.size, " --grow" if line.grow else "", disk)


def _boot_drive(disk):
    return "bootloader --location=mbr --boot-drive=%s" % disk.name


def _where(ours):
    return ", ".join(
        "%s on %s" % (label, " and ".join(part.name for _disk, part in places))
        for label, places in sorted(ours.items())
    )


# ---- the program


def arguments(argv):
    parser = argparse.ArgumentParser(
        description="Decide what becomes of the disks, as kickstart commands."
    )
    parser.add_argument("--layout", required=True, help="file with the layout")
    parser.add_argument("--output", required=True, help="file for the commands, to be %%included")
    parser.add_argument(
        "--wipe",
        default="no",
        choices=["yes", "no"],
        help="whether the install order permits to wipe",
    )
    parser.add_argument(
        "--disk", default="", help="the only disk to be used: its name, path, WWN or serial number"
    )
    parser.add_argument("--mirror", default="no", choices=["yes", "no"], help="two disks as one")
    parser.add_argument(
        "--table",
        default="gpt",
        choices=["gpt", "msdos"],
        help="of a disk that is partitioned anew",
    )
    parser.add_argument("--append", default="", help="arguments for the kernel")
    parser.add_argument(
        "--firmware",
        default="efi" if os.path.isdir("/sys/firmware/efi") else "bios",
        choices=["bios", "efi"],
    )
    parser.add_argument("--device", action="append", default=[], help="look at this device alone")
    return parser.parse_args(argv)


def main(argv=None):
    options = arguments(argv)
    try:
        with open(options.layout) as file:
            lines = layout_from(file.read())
        if re.search(r"[\"\\\n\r]", options.append):
            raise Refusal("the kernel's arguments hold a quote, a backslash or a line end")
        wish = Wish(
            options.wipe == "yes",
            options.firmware == "efi",
            options.disk,
            options.mirror == "yes",
            options.table,
        )
        commands, mode = decide(survey(options.device), lines, wish)
    except Refusal as refusal:
        sys.stderr.write("partition: refused: %s. The disks are as they were.\n" % refusal)
        return 1
    if options.append:
        commands[-1] += ' --append="%s"' % options.append
    with open(options.output, "w") as file:
        file.write("# %s\n%s\n" % (mode, "\n".join(commands)))
    print(mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
