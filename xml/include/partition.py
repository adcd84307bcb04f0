# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide in %pre how the disks are partitioned, and write the kickstart commands.

There are three results: a first installation, a reinstallation that preserves partitions (paper,
6.3: all partitions except root), or a refusal. This program reads the disks and never writes to
them.

Only the label of a file system identifies it as one of this cluster. Permission to delete data
comes from the install order (--wipe) and never from the contents of a disk, because a disk that
cannot be read looks blank.

The layout has one line per partition: MOUNT LABEL FSTYPE MIB, then ``grow`` for the partition that
gets the rest of the disk, and the effect of a reinstallation: ``keep``, or ``format`` for a part of
the operating system on a separate partition. Only / (always formatted) and swap (mount point
``swap``) need neither word.

%pre starts this program with the installer's Python: standard library of Python 3.6 only.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

ESP = ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef")
BIOSBOOT = ("21686148-6449-6e6f-744e-656564454649",)
ESP_MIB = 600
BIOSBOOT_MIB = 1
SPARE_MIB = 8
# The preferred transports for an operating system; lower is better.
TRANSPORTS = {"nvme": 0, "sata": 1, "sas": 1, "ata": 1, "virtio": 1}
EXCLUDED_DEVICES = re.compile(r"(zram|ram|nbd|fd|sr|loop)\d")
LONGEST_LABEL = {"xfs": 12, "ext4": 16, "swap": 15}
# What a layout cannot contain, and why a reinstallation could not keep it.
UNSUPPORTED = {
    "btrfs": "its subvolumes share one file system, so / cannot be formatted alone",
    "luks": "an encrypted partition shows its label only after it is unlocked",
    "lvm": "a volume group shows no label of its volumes on the partition",
    "zfs": "the installer does not know it",
}
ALIASES = {"crypto_luks": "luks", "crypt": "luks", "lvm2_member": "lvm", "lvmpv": "lvm"}
MIRROR_DISKS = 2
COLUMNS = "NAME,KNAME,TYPE,SIZE,RO,RM,TRAN,WWN,SERIAL,MOUNTPOINT"
WORDS = ("grow", "keep", "format")
TRUE_WORDS = ("yes", "true", "on", "y", "enabled", "1")
FALSE_WORDS = ("no", "false", "off", "n", "disabled", "0", "")
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
WIPE_HINT = "to delete the data on the disks, order the installation with wipe: true"

Run = Callable[[List[str]], Tuple[int, str, str]]
"""A function that runs a program, and returns its exit status, output and error output."""
Device = Dict[str, Any]
"""A device in the output of lsblk."""


class LayoutLine(NamedTuple):
    """A partition of the layout; ``size`` is in MiB."""

    mount: str
    label: str
    fstype: str
    size: int
    grow: bool
    keep: bool
    format: bool


class Part(NamedTuple):
    """A partition of a disk; ``kind`` is its type in the partition table."""

    name: str
    label: str
    fstype: str
    kind: str


class Disk(NamedTuple):
    """A disk; ``size`` is in MiB.

    ``table`` and ``fstype`` are signatures on the disk itself, and ``stacked`` are the names of the
    volumes and arrays on its partitions.
    """

    name: str
    path: str
    size: int
    transport: str
    wwn: str
    serial: str
    table: str
    fstype: str
    mounted: List[str]
    parts: Tuple[Part, ...]
    stacked: Tuple[str, ...]


class Options(NamedTuple):
    """The conditions of an installation."""

    wipe: bool  # whether the order permits deleting data
    efi: bool  # the firmware
    os_disk: str  # the only disk to use, or empty
    mirror: bool  # whether two disks are mirrored
    table: str  # of a new layout


LabelledPart = Tuple[Disk, Part]


class Refusal(Exception):
    """The installation stops, and the disks are unchanged."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason + ("; " + hint if hint else ""))


# ---- the layout


def parse_layout(text: str) -> List[LayoutLine]:
    """Parse a layout. Raises Refusal, which names the faulty line."""
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
            raise Refusal("layout, line %d: %s" % (number, unknown_file_system(fstype)))
        if len(label) > LONGEST_LABEL[fstype] or not re.match(r"[A-Za-z0-9_]+\Z", label):
            raise Refusal(
                "layout, line %d: label %r is not a plain name of at most %d letters"
                % (number, label, LONGEST_LABEL[fstype])
            )
        _check_keep_or_format(mount, words[4:], number)
        lines.append(
            LayoutLine(
                mount=mount,
                label=label,
                fstype=fstype,
                size=int(size),
                grow="grow" in words[4:],
                keep="keep" in words[4:],
                format="format" in words[4:],
            )
        )
    _check_layout(lines)
    return lines


def unknown_file_system(fstype: str) -> str:
    """Return why a partition cannot have this file system, and which it can have."""
    name = ALIASES.get(fstype.lower(), fstype.lower())
    if name in UNSUPPORTED:
        reason = "a layout cannot contain %s: %s" % (fstype, UNSUPPORTED[name])
    else:
        reason = "unknown file system %r" % fstype
    return "%s; use %s" % (reason, ", ".join(sorted(LONGEST_LABEL)))


def _check_keep_or_format(mount: str, words: List[str], number: int) -> None:
    choices = [word for word in ("keep", "format") if word in words]
    if "keep" in choices and mount in SYSTEM:
        raise Refusal(
            "layout, line %d: %s cannot be kept, because packages are installed there; use format"
            % (number, mount)
        )
    if mount not in ("/", "swap") and len(choices) != 1:
        raise Refusal(
            "layout, line %d: a reinstallation neither keeps nor formats %s; add keep or format"
            % (number, mount)
        )


def _check_layout(lines: List[LayoutLine]) -> None:
    for field in ("mount", "label"):
        values = [getattr(line, field) for line in lines]
        duplicates = sorted({value for value in values if values.count(value) > 1})
        if duplicates:
            raise Refusal("layout: duplicate %s %s" % (field, duplicates[0]))
    if not any(line.mount == "/" for line in lines):
        raise Refusal("layout: no line for /")
    if sum(line.grow for line in lines) > 1:
        raise Refusal("layout: more than one partition grows")


# ---- the disks of this machine


def run(argv: List[str]) -> Tuple[int, str, str]:
    """Run a program, and return its exit status, output and error output."""
    try:
        process = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
    except OSError as error:
        raise Refusal(
            "cannot start %s (%s), so the disks are unknown" % (argv[0], error.strerror)
        ) from error
    return process.returncode, process.stdout, process.stderr.strip()


def read_disks(devices: Sequence[str] = (), run: Run = run) -> List[Disk]:
    """Read the disks of this machine, or only ``devices``, whatever their type.

    Signatures come from the disk itself (blkid -p). lsblk would take them from udev, and without
    udev's data a full disk looks blank.
    """
    status, output, errors = run(
        ["lsblk", "--json", "--bytes", "--output", COLUMNS] + list(devices)
    )
    if status != 0:
        raise Refusal("lsblk: %s" % errors)
    listed = json.loads(output)["blockdevices"]
    return [_read_disk(device, run) for device in listed if devices or _is_disk(device)]


def _is_disk(device: Device) -> bool:
    is_fixed = all(flag in (False, 0, "0") for flag in (device["ro"], device["rm"]))
    return device["type"] == "disk" and is_fixed and not EXCLUDED_DEVICES.match(device["name"])


def _read_disk(device: Device, run: Run) -> Disk:
    signatures = probe(_path(device), run)
    children = device.get("children") or []
    parts = [_read_part(child, run) for child in children if child["type"] == "part"]
    return Disk(
        name=device["name"],
        path=_path(device),
        size=int(device["size"]) >> 20,
        transport=device.get("tran") or "",
        wwn=device.get("wwn") or "",
        serial=device.get("serial") or "",
        table=signatures.get("PTTYPE", ""),
        fstype=signatures.get("TYPE", ""),
        mounted=sorted(_mount_points(device)),
        parts=tuple(sorted(parts, key=lambda part: _natural_order(part.name))),
        stacked=tuple(sorted(_stacked_names(children))),
    )


def _read_part(device: Device, run: Run) -> Part:
    signatures = probe(_path(device), run)
    return Part(
        name=device["name"],
        label=signatures.get("LABEL", ""),
        fstype=signatures.get("TYPE", ""),
        kind=signatures.get("PART_ENTRY_TYPE", "").lower(),
    )


def _path(device: Device) -> str:
    """Return the kernel's device node; EL 8's lsblk does not have the column PATH."""
    return "/dev/" + str(device["kname"])


def probe(path: str, run: Run) -> Dict[str, str]:
    """Read the signatures of a device. Raises Refusal if it is unreadable or ambiguous."""
    status, output, errors = run(["blkid", "-p", "-o", "export", path])
    if status == 8:
        raise Refusal("%s has contradictory signatures" % path)
    if status not in (0, 2):
        raise Refusal("cannot read %s: %s" % (path, errors or "blkid ended with %d" % status))
    if status == 2:
        _check_readable(path)
    lines = [line.partition("=") for line in output.splitlines() if "=" in line]
    return {name: value for name, _sign, value in lines}


def _check_readable(path: str) -> None:
    """Raise Refusal for an unreadable disk, for which blkid ends as for a blank one."""
    try:
        with open(path, "rb") as device:
            device.read(4096)
    except OSError as error:
        raise Refusal("cannot read %s (%s)" % (path, error.strerror)) from error


def _mount_points(device: Device) -> Iterator[str]:
    if device.get("mountpoint"):
        yield device["mountpoint"]
    for child in device.get("children") or []:
        yield from _mount_points(child)


def _stacked_names(children: List[Device]) -> Iterator[str]:
    """Yield the names of volumes and arrays on partitions."""
    for child in children:
        if child["type"] != "part":
            yield child["name"]
        yield from _stacked_names(child.get("children") or [])


def _natural_order(name: str) -> List[Union[int, str]]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


# ---- the decision


def decide(disks: List[Disk], lines: List[LayoutLine], options: Options) -> Tuple[List[str], str]:
    """Return the kickstart commands, and ``first``, ``reuse`` or ``wipe``. Raises Refusal."""
    labels = {line.label for line in lines}
    labelled: Dict[str, List[LabelledPart]] = {}
    for disk in disks:
        for part in disk.parts:
            label = array_label(part, labels) or (part.label if part.label in labels else "")
            if label:
                labelled.setdefault(label, []).append((disk, part))
    own_disks = {disk.name for places in labelled.values() for disk, _part in places}
    if labelled and not options.wipe:
        return _reuse(labelled, lines, options), "reuse"
    chosen = _choose_disks(disks, own_disks, lines, options)
    return _first(chosen, own_disks, lines, options), "wipe" if options.wipe else "first"


def array_label(part: Part, labels: Set[str]) -> str:
    """Return the layout's label for a member of an array, whose name is HOST:NAME or NAME."""
    if part.fstype != "linux_raid_member":
        return ""
    by_name = {label.lower(): label for label in labels}
    return by_name.get(part.label.rpartition(":")[2].lower(), "")


def _reuse(
    labelled: Dict[str, List[LabelledPart]], lines: List[LayoutLine], options: Options
) -> List[str]:
    root = next(line for line in lines if line.mount == "/")
    if root.label not in labelled:
        raise Refusal(
            "%s exists, but %s is missing: the old installation is incomplete"
            % (_describe(labelled), root.label),
            WIPE_HINT,
        )
    faults = []
    for line in lines:
        faults += _reuse_faults(line, labelled.get(line.label, []), options.mirror)
    if faults:
        raise Refusal("; ".join(faults), WIPE_HINT)
    names = {disk.name for places in labelled.values() for disk, _part in places}
    root_disks = [disk for disk, _part in labelled[root.label]]
    boot_disk, boot_commands = _reuse_boot(root_disks, options.efi)
    commands = ["ignoredisk --only-use=%s" % ",".join(sorted(names)), "clearpart --none"]
    commands += boot_commands
    for line in lines:
        commands.append(_reuse_line(line, labelled[line.label], options.mirror))
    return commands + [_boot_drive(boot_disk)]


def _reuse_faults(line: LayoutLine, places: List[LabelledPart], mirror: bool) -> List[str]:
    """Return why the partition of a line cannot be reused."""
    where = "%s (%s)" % (line.label, line.mount)
    if not places:
        return ["%s is missing" % where]
    if len(places) != (MIRROR_DISKS if mirror else 1):
        return ["%s is on %s" % (where, " and ".join(part.name for _disk, part in places))]
    fstypes = {part.fstype for _disk, part in places}
    if mirror and fstypes != {"linux_raid_member"}:
        return ["%s is not a mirror" % where]
    if not mirror and fstypes == {"linux_raid_member"}:
        return ["%s is a mirror, but disk_mirror is not set" % where]
    if not mirror and not _is_formatted(line) and fstypes != {line.fstype}:
        return [
            "%s contains %s, but the layout requires %s"
            % (where, fstypes.pop() or "no file system", line.fstype)
        ]
    return []


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


def _is_formatted(line: LayoutLine) -> bool:
    """Whether a reinstallation formats this partition."""
    return line.mount == "/" or line.format


def _reuse_line(line: LayoutLine, places: List[LabelledPart], mirror: bool) -> str:
    """Return the command for an existing partition.

    A formatted one gets its label again, which identifies it to the next installation.
    """
    action = "--noformat"
    if _is_formatted(line):
        action = "--fstype=%s --label=%s" % (line.fstype, line.label)
    if mirror:
        return "raid %s --device=%s --useexisting %s" % (line.mount, line.label.lower(), action)
    return "part %s --onpart=%s %s" % (line.mount, places[0][1].name, action)


def _choose_disks(
    disks: List[Disk], own_disks: Set[str], lines: List[LayoutLine], options: Options
) -> List[Disk]:
    """Choose the disks of a new layout: one, or two for a mirror."""
    if options.os_disk:
        disks = [
            disk
            for disk in disks
            if options.os_disk in (disk.name, disk.path, disk.wwn, disk.serial)
        ]
        if not disks:
            raise Refusal("unknown disk %r in the attribute os_disk" % options.os_disk)
    if not disks:
        raise Refusal("this machine has no disk")
    boot_size = ESP_MIB if options.efi else BIOSBOOT_MIB
    size = sum(line.size for line in lines) + boot_size + SPARE_MIB
    reasons = {disk.name: _unusable(disk, options.wipe, size) for disk in disks}
    usable = [disk for disk in disks if not reasons[disk.name]]
    count = MIRROR_DISKS if options.mirror else 1
    if len(usable) < count:
        text = "; ".join(
            "%s %s" % (name, reason) for name, reason in sorted(reasons.items()) if reason
        )
        raise Refusal(
            "%d disk%s required, %d usable: %s"
            % (count, "s" * (count > 1), len(usable), text or "there are no others"),
            WIPE_HINT if "contains" in text else "",
        )

    def preference(disk: Disk) -> Tuple[bool, int, int, str, List[Union[int, str]]]:
        # With permission to wipe, our own old disk is preferred to a foreign one.
        speed = TRANSPORTS.get(disk.transport, max(TRANSPORTS.values()) + 1)
        return disk.name not in own_disks, speed, disk.size, disk.wwn, _natural_order(disk.name)

    return sorted(usable, key=preference)[:count]


def _unusable(disk: Disk, wipe: bool, size: int) -> str:
    """Return why a new layout cannot use this disk, or an empty text."""
    if disk.mounted:
        return "is in use (%s)" % ", ".join(disk.mounted)
    if disk.size < size:
        return "has %d MiB, but the layout needs %d" % (disk.size, size)
    contents = [part.fstype or "a partition" for part in disk.parts]
    if not contents:
        contents = [text for text in (disk.fstype, disk.table) if text]
    if (contents or disk.stacked) and not wipe:
        return "contains %s" % ", ".join(contents + list(disk.stacked))
    return ""


def _first(
    chosen: List[Disk], own_disks: Set[str], lines: List[LayoutLine], options: Options
) -> List[str]:
    names = [disk.name for disk in chosen]
    # Labels of this cluster on other disks would make the next installation ambiguous.
    cleared = ",".join(names + sorted(own_disks - set(names)))
    commands = [
        "ignoredisk --only-use=%s" % cleared,
        "zerombr",
        "clearpart --all --initlabel --disklabel=%s --drives=%s" % (options.table, cleared),
    ]
    if options.efi:
        commands.append("part /boot/efi --fstype=efi --size=%d --ondisk=%s" % (ESP_MIB, names[0]))
    elif options.table == "gpt":
        commands.append(
            "part biosboot --fstype=biosboot --size=%d --ondisk=%s" % (BIOSBOOT_MIB, names[0])
        )
    for number, line in enumerate(lines, 1):
        if options.mirror:
            commands += _mirror_commands(line, number, names)
        else:
            commands.append(_part_command(line, names[0]))
    return commands + [_boot_drive(chosen[0])]


def _part_command(line: LayoutLine, disk: str) -> str:
    size = _size_options(line, disk)
    return "part %s --fstype=%s %s --label=%s" % (line.mount, line.fstype, size, line.label)


def _mirror_commands(line: LayoutLine, number: int, names: List[str]) -> List[str]:
    members = ["raid.%d%d" % (number, side) for side in range(1, len(names) + 1)]
    parts = [
        "part %s %s" % (member, _size_options(line, name)) for member, name in zip(members, names)
    ]
    array = "raid %s --device=%s --level=1 --fstype=%s --label=%s %s"
    return parts + [
        array % (line.mount, line.label.lower(), line.fstype, line.label, " ".join(members))
    ]


def _size_options(line: LayoutLine, disk: str) -> str:
    return "--size=%d%s --ondisk=%s" % (line.size, " --grow" if line.grow else "", disk)


def _boot_drive(disk: Disk) -> str:
    return "bootloader --location=mbr --boot-drive=%s" % disk.name


def _describe(labelled: Dict[str, List[LabelledPart]]) -> str:
    return ", ".join(
        "%s on %s" % (label, " and ".join(part.name for _disk, part in places))
        for label, places in sorted(labelled.items())
    )


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
        "--disk", default="", help="the only disk to use: its name, path, WWN or serial number"
    )
    parser.add_argument("--mirror", type=boolean, default=False, help="yes: mirror two disks")
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
            lines = parse_layout(file.read())
        if re.search(r"[\"\\\n\r]", parsed.append):
            raise Refusal("the kernel arguments contain a quote, a backslash or a line end")
        options = Options(
            wipe=parsed.wipe,
            efi=parsed.firmware == "efi",
            os_disk=parsed.disk,
            mirror=parsed.mirror,
            table=parsed.table,
        )
        commands, mode = decide(read_disks(parsed.device), lines, options)
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
