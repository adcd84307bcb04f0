# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot menu of a medium: one GRUB configuration for both BIOS and UEFI.

GRUB and the installer find the medium by its label, not by a device name.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Sequence

from ...errors import DescriptionError

LABEL = re.compile(r"[A-Za-z0-9_.-]{1,32}")
CONSOLE = re.compile(r"ttyS(?P<unit>[0-9])(,(?P<speed>[0-9]+))?")
PLAIN_WORD = re.compile(r"[A-Za-z0-9_.,:/=@%+-]+")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
DEFAULT_SPEED = "115200"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the menu."""

    title: str
    kickstart: str = ""
    """Text of a kickstart that is written to the medium."""
    url: str = ""
    """URL of the kickstart, instead of a text.  The installer sends the node's MAC addresses."""
    arguments: tuple[str, ...] = ()
    """Additional kernel arguments."""


@dataclasses.dataclass(frozen=True)
class Menu:
    """The menu; its first entry starts automatically."""

    label: str
    """Volume label: 1 to 32 letters, digits, ``_``, ``.`` and ``-``."""
    entries: tuple[Entry, ...]
    timeout: int = 60
    """Seconds until the first entry starts; 0: immediately, -1: never."""
    console: str = ""
    """A serial console in addition to the screen, such as ``ttyS0,115200``."""


def check(menu: Menu) -> None:
    """Raise one DescriptionError that lists every fault of the menu."""
    faults = []
    if not LABEL.fullmatch(menu.label):
        faults.append(f"the label {menu.label!r} is not 1 to 32 letters, digits, '_', '.' or '-'")
    if menu.console and not CONSOLE.fullmatch(menu.console):
        faults.append(f"the console {menu.console!r} does not have the form ttyS0,115200")
    if not menu.entries:
        faults.append("the menu has no entry")
    for entry in menu.entries:
        words = (entry.title, entry.url, *entry.arguments)
        if entry.kickstart and entry.url:
            faults.append(f"the entry {entry.title!r} has both kickstart and url")
        if not entry.title or any(map(CONTROL_CHARACTER.search, words)):
            faults.append(f"the entry {entry.title!r} has no title or contains a line break")
    if faults:
        raise DescriptionError("; ".join(faults), "boot medium", "correct the options")


def kickstart_path(number: int) -> str:
    """Return the path on the medium of an entry's kickstart; entries count from 1."""
    return f"ks/{number}.cfg"


def render(menu: Menu, kernel: str, initrd: str) -> str:
    """Return the text of grub.cfg; ``kernel`` and ``initrd`` are paths on the medium."""
    lines = [
        *_console_commands(menu),
        f"search --no-floppy --set=root --label {menu.label}",
        "set default=0",
        f"set timeout={menu.timeout}",
    ]
    for number, entry in enumerate(menu.entries, 1):
        arguments = " ".join(_quote(word) for word in kernel_arguments(menu, entry, number))
        lines += [
            f"menuentry {_quote(entry.title)} {{",
            f"    linux /{kernel} {arguments}",
            f"    initrd /{initrd}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def kernel_arguments(menu: Menu, entry: Entry, number: int) -> list[str]:
    """Return the kernel arguments of an entry.

    They name the installer's second stage, the kickstart and the consoles.
    """
    device = f"hd:LABEL={menu.label}"
    words = [f"inst.stage2={device}"]
    if entry.kickstart:
        words.append(f"inst.ks={device}:/{kickstart_path(number)}")
    if entry.url:
        words += [f"inst.ks={entry.url}", "inst.ks.sendmac", "ip=dhcp"]
    if menu.console:
        words += ["console=tty0", f"console={menu.console}"]
    return [*words, *entry.arguments]


def _console_commands(menu: Menu) -> Sequence[str]:
    match = CONSOLE.fullmatch(menu.console)
    if not match:
        return ()
    speed = match["speed"] or DEFAULT_SPEED
    return (
        f"serial --unit={match['unit']} --speed={speed}",
        "terminal_input console serial",
        "terminal_output console serial",
    )


def _quote(word: str) -> str:
    """Quote a word for GRUB's shell."""
    return word if PLAIN_WORD.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'"
