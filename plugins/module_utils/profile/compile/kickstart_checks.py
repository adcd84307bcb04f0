# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check a kickstart for mistakes that make an installer fail, or make it destroy data.

pykickstart accepts all of them (shown in the tests), so every compile looks for them.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, NamedTuple, Sequence

from ...attribute_values import is_true
from ..escaping import unmark
from ..model import ERROR, WARNING, Remark
from ..xml.conditions import TrackedAttributes
from .partition_layout import check_layout
from .release_rules import Command
from .script_sections import Script

NUKE = "nuke"
STORAGE = ("part", "partition", "logvol", "raid", "btrfs", "mount")
# With one of these the installer chooses the place of / itself.
AUTOMATIC = ("autopart", "ostreecontainer", "ostreesetup", "liveimg", "bootc")


class Kickstart(NamedTuple):
    """The commands as translated for the release, the scripts and the attributes of a profile."""

    commands: Sequence[Command]
    scripts: Sequence[Script]
    attributes: TrackedAttributes


def check_kickstart(kickstart: Kickstart) -> list[Remark]:
    """Return every finding about the commands of a kickstart."""
    return [remark for rule in CHECKS for remark in rule(kickstart)]


def _check_noformat(kickstart: Kickstart) -> Iterator[Remark]:
    for command in kickstart.commands:
        keeps_partition = command.name in ("part", "partition") and _has(command, "--noformat")
        if keeps_partition and not _has(command, "--onpart", "--usepart"):
            line = f"{command.name} {unmark(command.text)}"
            text = f"{line}: --noformat without --onpart stops the installer"
            hint = "add --onpart= with the partition to keep"
            yield Remark(
                severity=ERROR,
                rule="noformat-without-onpart",
                origin=command.origin,
                text=text,
                hint=hint,
            )


def _check_root(kickstart: Kickstart) -> Iterator[Remark]:
    roots = [
        command
        for command in kickstart.commands
        if command.name in STORAGE and _mount_point(command) == "/"
    ]
    for command in roots[1:]:
        text = f"/ is defined twice; first at {roots[0].origin}"
        yield Remark(
            severity=ERROR,
            rule="second-root",
            origin=command.origin,
            text=text,
            hint="exclude one of them with cond=",
        )
    automatic = any(command.name in (*AUTOMATIC, "%include") for command in kickstart.commands)
    if kickstart.commands and not roots and not automatic:
        yield Remark(
            severity=WARNING,
            rule="no-root",
            origin=kickstart.commands[0].origin,
            text="no command defines a partition for /",
            hint="add part /, autopart, or an %include of a file that a %pre writes",
        )


def _check_boot_partition(kickstart: Kickstart) -> Iterator[Remark]:
    partitions = [
        command for command in kickstart.commands if command.name in ("part", "partition")
    ]
    names = {command.name for command in kickstart.commands}
    points = {_mount_point(command) for command in partitions}
    if (
        "/" in points
        and not points & {"/boot/efi", "biosboot"}
        and not names & {"reqpart", "autopart", "%include"}
    ):
        text = "no partition for the firmware: neither /boot/efi nor biosboot"
        yield Remark(
            severity=WARNING,
            rule="no-boot-partition",
            origin=partitions[0].origin,
            text=text,
            hint="add reqpart, which creates the partition that the machine needs",
        )


def _check_wiping(kickstart: Kickstart) -> Iterator[Remark]:
    """An administrator permits wiping with an attribute; the content of a disk never does."""
    limited = any(
        command.name == "ignoredisk" and _has(command, "--only-use")
        for command in kickstart.commands
    )
    for command in kickstart.commands:
        clears = command.name == "clearpart" and _has(command, "--all", "--linux")
        names_disks = limited or _has(command, "--drives", "--list")
        if (
            (clears or command.name == "zerombr")
            and not names_disks
            and not is_true(kickstart.attributes.get(NUKE))
        ):
            yield Remark(
                severity=ERROR,
                rule="wipes-every-disk",
                origin=command.origin,
                text=f"{command.name} {unmark(command.text)}".strip()
                + " wipes every disk of the machine",
                hint="name the disks (ignoredisk --only-use=, clearpart --drives=), "
                f"or set {NUKE}=true",
            )


def _check_includes(kickstart: Kickstart) -> Iterator[Remark]:
    early = "\n".join(
        unmark(line.text) for s in kickstart.scripts if s.section == "pre" for line in s.lines
    )
    for command in kickstart.commands:
        path = unmark(command.text).strip().strip("\"'")
        if command.name == "%include" and "://" not in path and path not in early:
            text = f"%include {path}: no %pre of this profile names that file"
            yield Remark(
                severity=WARNING,
                rule="include-of-nothing",
                origin=command.origin,
                text=text,
                hint="write it in a <pre>",
            )


def _check_passwords(kickstart: Kickstart) -> Iterator[Remark]:
    for command in kickstart.commands:
        secret = command.name in ("rootpw", "sshpw") and not (
            _has(command, "--lock") or _has(command, "--sshkey")
        )
        if secret or (command.name in ("user", "bootloader") and _has(command, "--password")):
            text = (
                f"{command.name} writes a password to the kickstart, which every machine can read"
            )
            hint = "lock the account, or fetch the line in a <pre> and %include it"
            yield Remark(
                severity=WARNING, rule="secret", origin=command.origin, text=text, hint=hint
            )


def _check_repetition(kickstart: Kickstart) -> Iterator[Remark]:
    first: dict[str, Command] = {}
    for command in kickstart.commands:
        if command.name in ONCE:
            earlier = first.setdefault(command.name, command)
            if earlier.text != command.text:
                text = (
                    f"{command.name} occurs twice with different options; first at {earlier.origin}"
                )
                yield Remark(
                    severity=WARNING,
                    rule="given-twice",
                    origin=command.origin,
                    text=text,
                    hint="the installer uses the last one",
                )


def _check_partition_layout(kickstart: Kickstart) -> Iterator[Remark]:
    return check_layout(script for script in kickstart.scripts if script.section in ("pre", "post"))


CHECKS: tuple[Callable[[Kickstart], Iterable[Remark]], ...] = (
    _check_noformat,
    _check_root,
    _check_boot_partition,
    _check_wiping,
    _check_includes,
    _check_passwords,
    _check_repetition,
    _check_partition_layout,
)
ONCE = frozenset(
    (
        "bootloader",
        "keyboard",
        "lang",
        "rootpw",
        "selinux",
        "firewall",
        "timezone",
        "url",
        "zerombr",
    )
)


def _has(command: Command, *options: str) -> bool:
    return any(re.search(rf"(?<!\S){option}(?=[=\s]|\Z)", command.text) for option in options)


def _mount_point(command: Command) -> str:
    words = command.text.split()
    return (
        words[1]
        if command.name == "mount" and len(words) > 1
        else (words[0].strip("\"'") if words else "")
    )
