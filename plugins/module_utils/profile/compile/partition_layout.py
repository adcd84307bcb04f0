# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the partition layout of nodes, as far as possible without a disk.

A layout is the table that a ``<pre>`` writes to /run/rocks/layout. xml/include/partition.py rejects
it on the machine for the same reasons. Values of attributes are unknown here, so a field that
contains a reference is not checked.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, NamedTuple, Sequence, Union

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
OPTIONS = ("grow", "keep", "format")
# As in xml/include/partition.py; tests compare the two.
LONGEST_LABEL = {"xfs": 12, "ext4": 16, "swap": 15}
UNSUPPORTED = {
    "btrfs": "its subvolumes share one file system, so / cannot be formatted alone",
    "luks": "an encrypted partition shows its label only after it is unlocked",
    "lvm": "a volume group shows no label of its volumes on the partition",
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
    """A partition: the fields of each line, and the options after them."""

    mount: str
    label: str
    fstype: str
    words: tuple[str, ...]
    origin: Origin


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
                    yield from _check_fate(row)
                    yield from _check_file_system(row)
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
    if len(words) < FIELDS or not SIZE.fullmatch(words[3]) or set(words[FIELDS:]) - set(OPTIONS):
        return _layout_error(
            line.origin,
            f'"{text.strip()}" is not a valid partition',
            "MOUNT LABEL FSTYPE MIB [grow] [keep|format]",
        )
    return Row(
        mount=words[0],
        label=words[1],
        fstype=words[2],
        words=tuple(words[FIELDS:]),
        origin=line.origin,
    )


def _check_fate(row: Row) -> Iterator[Remark]:
    choices = [word for word in ("keep", "format") if word in row.words]
    if "keep" in choices and row.mount in SYSTEM_MOUNTS:
        text = f"{row.mount} cannot be kept: packages are installed there"
        yield _layout_error(row.origin, text, "add format")
    elif row.mount not in ("/", "swap") and len(choices) != 1:
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
    label = REFERENCE.sub("x", row.label)
    if len(label) > longest or not LABEL.match(label):
        text = f"the label {row.label} is not a plain name of at most {longest} letters"
        yield _layout_error(row.origin, text)


def _check_table(rows: Sequence[Row], origin: Origin) -> Iterator[Remark]:
    if not any(row.mount == "/" for row in rows):
        yield _layout_error(origin, "the layout has no line for /", "add one")
    for number, row in enumerate(rows):
        for earlier in rows[:number]:
            for field in ("mount", "label"):
                if getattr(row, field) == getattr(earlier, field):
                    text = f"duplicate {field} {getattr(row, field)}; first at {earlier.origin}"
                    yield _layout_error(row.origin, text)
    for row in [row for row in rows if "grow" in row.words][1:]:
        yield _layout_error(
            row.origin, "more than one partition grows", "remove grow from one of them"
        )


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
