# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a kickstart may say and must not: the mistakes that an installer dies of, or worse, obeys.

pykickstart takes all of these for valid (shown in the tests); they are looked for in every compile.
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
# With one of these the installer finds a place for / by itself.
AUTOMATIC = ("autopart", "ostreecontainer", "ostreesetup", "liveimg", "bootc")


class Kickstart(NamedTuple):
    """What the checks look at: the commands as the release takes them, the scripts, the attributes."""

    commands: Sequence[Command]
    scripts: Sequence[Script]
    attributes: TrackedAttributes


def check_kickstart(kickstart: Kickstart) -> list[Remark]:
    """Every finding about the commands of one kickstart."""
    return [remark for rule in CHECKS for remark in rule(kickstart)]


def _noformat(kickstart: Kickstart) -> Iterator[Remark]:
    for command in kickstart.commands:
        kept = command.name in ("part", "partition") and _has(command, "--noformat")
        if kept and not _has(command, "--onpart", "--usepart"):
            text = f"{command.name} {unmark(command.text)}: --noformat without --onpart stops the installer"
            hint = "name the partition that is kept: --onpart="
            yield Remark(ERROR, "noformat-without-onpart", command.origin, text, hint)


def _root(kickstart: Kickstart) -> Iterator[Remark]:
    roots = [
        command
        for command in kickstart.commands
        if command.name in STORAGE and _mount_point(command) == "/"
    ]
    for command in roots[1:]:
        text = f"/ is given a second time; first at {roots[0].origin}"
        yield Remark(ERROR, "second-root", command.origin, text, "keep one of them away with cond=")
    automatic = any(command.name in (*AUTOMATIC, "%include") for command in kickstart.commands)
    if kickstart.commands and not roots and not automatic:
        yield Remark(
            WARNING,
            "no-root",
            kickstart.commands[0].origin,
            "no command gives the system a place for /",
            "add part /, autopart, or an %include that a %pre writes",
        )


def _firmware(kickstart: Kickstart) -> Iterator[Remark]:
    given = [command for command in kickstart.commands if command.name in ("part", "partition")]
    names = {command.name for command in kickstart.commands}
    points = {_mount_point(command) for command in given}
    if (
        "/" in points
        and not points & {"/boot/efi", "biosboot"}
        and not names & {"reqpart", "autopart", "%include"}
    ):
        text = "no partition for the firmware: neither /boot/efi nor biosboot"
        yield Remark(
            WARNING,
            "no-boot-partition",
            given[0].origin,
            text,
            "add reqpart, which makes what the machine needs",
        )


def _wiping(kickstart: Kickstart) -> Iterator[Remark]:
    """Permission to wipe is an attribute that somebody set, never what a disk looks like."""
    limited = any(
        command.name == "ignoredisk" and _has(command, "--only-use")
        for command in kickstart.commands
    )
    for command in kickstart.commands:
        clears = command.name == "clearpart" and _has(command, "--all", "--linux")
        named = limited or _has(command, "--drives", "--list")
        if (
            (clears or command.name == "zerombr")
            and not named
            and not is_true(kickstart.attributes.get(NUKE))
        ):
            yield Remark(
                ERROR,
                "wipes-every-disk",
                command.origin,
                f"{command.name} {unmark(command.text)}".strip()
                + " wipes every disk of the machine",
                f"name the disks (ignoredisk --only-use=, clearpart --drives=), or permit it: {NUKE}=true",
            )


def _includes(kickstart: Kickstart) -> Iterator[Remark]:
    early = "\n".join(
        unmark(line.text) for s in kickstart.scripts if s.section == "pre" for line in s.lines
    )
    for command in kickstart.commands:
        path = unmark(command.text).strip().strip("\"'")
        if command.name == "%include" and "://" not in path and path not in early:
            text = f"%include {path}: no %pre of this profile names that file"
            yield Remark(WARNING, "include-of-nothing", command.origin, text, "write it in a <pre>")


def _secrets(kickstart: Kickstart) -> Iterator[Remark]:
    for command in kickstart.commands:
        secret = command.name in ("rootpw", "sshpw") and not (
            _has(command, "--lock") or _has(command, "--sshkey")
        )
        if secret or (command.name in ("user", "bootloader") and _has(command, "--password")):
            text = f"{command.name} puts a password into a file that any machine on the network may read"
            hint = "lock the account, or let a <pre> fetch the line and %include it"
            yield Remark(WARNING, "secret", command.origin, text, hint)


def _repeated(kickstart: Kickstart) -> Iterator[Remark]:
    first: dict[str, Command] = {}
    for command in kickstart.commands:
        if command.name in ONCE:
            before = first.setdefault(command.name, command)
            if before.text != command.text:
                text = (
                    f"{command.name} is given a second time, differently; first at {before.origin}"
                )
                yield Remark(
                    WARNING, "given-twice", command.origin, text, "the installer takes the last one"
                )


def _layout(kickstart: Kickstart) -> Iterator[Remark]:
    return check_layout(script for script in kickstart.scripts if script.section in ("pre", "post"))


CHECKS: tuple[Callable[[Kickstart], Iterable[Remark]], ...] = (
    _noformat,
    _root,
    _firmware,
    _wiping,
    _includes,
    _secrets,
    _repeated,
    _layout,
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
