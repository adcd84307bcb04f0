# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot menu of a medium: one GRUB configuration, which BIOS and UEFI read alike.

The medium is found by its label, whatever the drive is called, and so is the installer's second stage.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Sequence

from ...errors import DescriptionError

LABEL = re.compile(r"[A-Za-z0-9_.-]{1,32}")
CONSOLE = re.compile(r"ttyS(?P<unit>[0-9])(,(?P<speed>[0-9]+))?")
PLAIN = re.compile(r"[A-Za-z0-9_.,:/=@%+-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
DEFAULT_SPEED = "115200"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the menu.

    title      what a person reads
    kickstart  the text of a kickstart that is put on the medium; empty: none
    url        where the installer fetches its kickstart instead; the node tells its MAC addresses
    arguments  further kernel arguments
    """

    title: str
    kickstart: str = ""
    url: str = ""
    arguments: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Menu:
    """What the boot loader shows; the first entry starts by itself.

    label    the volume's name: letters, digits, ``_``, ``.`` and ``-``, at most 32
    timeout  seconds until the first entry starts; 0 at once, -1 never
    console  a serial console beside the screen, such as ``ttyS0,115200``; empty: the screen alone
    """

    label: str
    entries: tuple[Entry, ...]
    timeout: int = 60
    console: str = ""


def check(menu: Menu) -> None:
    """Raise one DescriptionError that lists everything that is wrong with the menu."""
    faults = []
    if not LABEL.fullmatch(menu.label):
        faults.append(f"the label {menu.label!r} is not 1 to 32 letters, digits, '_', '.' or '-'")
    if menu.console and not CONSOLE.fullmatch(menu.console):
        faults.append(f"the console {menu.console!r} is not like ttyS0,115200")
    if not menu.entries:
        faults.append("the menu has no entry")
    for entry in menu.entries:
        if entry.kickstart and entry.url:
            faults.append(f"the entry {entry.title!r} has a kickstart and a URL of one")
        if not entry.title or any(map(CONTROL.search, (entry.title, entry.url, *entry.arguments))):
            faults.append(f"the entry {entry.title!r} has no title, or a line break in a word")
    if faults:
        raise DescriptionError("; ".join(faults), "boot medium", "correct the options")


def kickstart_path(number: int) -> str:
    """Where the kickstart of an entry lies on the medium; entries count from 1."""
    return f"ks/{number}.cfg"


def render(menu: Menu, kernel: str, initrd: str) -> str:
    """The text of grub.cfg; ``kernel`` and ``initrd`` are paths on the medium."""
    lines = [
        *_console(menu),
        f"search --no-floppy --set=root --label {menu.label}",
        "set default=0",
    ]
    lines += [f"set timeout={menu.timeout}"]
    for number, entry in enumerate(menu.entries, 1):
        words = " ".join(_quoted(word) for word in kernel_arguments(menu, entry, number))
        lines += [
            f"menuentry {_quoted(entry.title)} {{",
            f"    linux /{kernel} {words}",
            f"    initrd /{initrd}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def kernel_arguments(menu: Menu, entry: Entry, number: int) -> list[str]:
    """The kernel's arguments: where the second stage and the kickstart are, the consoles, and the entry's own."""
    here = f"hd:LABEL={menu.label}"
    words = [f"inst.stage2={here}"]
    if entry.kickstart:
        words.append(f"inst.ks={here}:/{kickstart_path(number)}")
    if entry.url:
        words += [f"inst.ks={entry.url}", "inst.ks.sendmac", "ip=dhcp"]
    if menu.console:
        words += ["console=tty0", f"console={menu.console}"]
    return [*words, *entry.arguments]


def _console(menu: Menu) -> Sequence[str]:
    found = CONSOLE.fullmatch(menu.console)
    if not found:
        return ()
    speed = found["speed"] or DEFAULT_SPEED
    return (
        f"serial --unit={found['unit']} --speed={speed}",
        "terminal_input console serial",
        "terminal_output console serial",
    )


def _quoted(word: str) -> str:
    """A word of GRUB's shell."""
    return word if PLAIN.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'"
