# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layout of a node's disks, as far as it can be judged before there is a disk: what survives a reinstallation.

A layout is the table that a ``<pre>`` writes to /run/rocks/layout, and that xml/include/partition.py refuses for the
same reasons in front of the machine.  Values of attributes are not known here, and a field that holds one is not judged.
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
OPTIONS = ("grow", "keep", "format")
# As in xml/include/partition.py; a test holds them together.
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
# Where our node files keep what must outlive the operating system.
STATE_MOUNT = "/state/partition1"


class Row(NamedTuple):
    """One partition: the fields that every line has, and the words behind them."""

    mount: str
    label: str
    words: tuple[str, ...]
    origin: Origin


def check_layout(scripts: Iterable[Script]) -> Iterator[Remark]:
    """What is wrong with the layout that these scripts write; nothing where they write none."""
    given = tuple(scripts)
    for script in given:
        for table in _tables(script.lines):
            rows = []
            for line in table:
                row = _row(line)
                if isinstance(row, Row):
                    rows.append(row)
                    yield from _fate(row)
                elif row:
                    yield row
            yield from _whole(rows, script.origin)
            yield from _state(rows, (other for other in given if other is not script))


def _tables(lines: Sequence[SourceLine]) -> Iterator[list[SourceLine]]:
    """The bodies of the here-documents that are written to the layout's file."""
    end = ""
    table: list[SourceLine] = []
    for line in lines:
        text = unmark(line.text)
        if not end:
            found = LAYOUT_HEREDOC.search(text)
            end, table = (found.group(1), []) if found else ("", table)
        elif text == end:
            yield table
            end = ""
        else:
            table.append(line)


def _row(line: SourceLine) -> Union[Row, Remark, None]:
    text = unmark(line.text)[1:]  # behind the margin
    words = text.partition("#")[0].split()
    if not words:
        return None
    if len(words) < FIELDS or not SIZE.fullmatch(words[3]) or set(words[FIELDS:]) - set(OPTIONS):
        return _remark(
            line.origin,
            f'"{text.strip()}" is no partition',
            "MOUNT LABEL FSTYPE MIB [grow] [keep|format]",
        )
    return Row(words[0], words[1], tuple(words[FIELDS:]), line.origin)


def _fate(row: Row) -> Iterator[Remark]:
    fates = [word for word in ("keep", "format") if word in row.words]
    if "keep" in fates and row.mount in SYSTEM_MOUNTS:
        text = f"{row.mount} cannot be kept, since packages are installed there"
        yield _remark(row.origin, text, "say format")
    elif row.mount not in ("/", "swap") and len(fates) != 1:
        text = f"what becomes of {row.mount} when the node is reinstalled?"
        yield _remark(row.origin, text, "say keep or format")


def _whole(rows: Sequence[Row], origin: Origin) -> Iterator[Remark]:
    if not any(row.mount == "/" for row in rows):
        yield _remark(origin, "the layout has no /", "add a line for it")
    for number, row in enumerate(rows):
        for before in rows[:number]:
            for field in ("mount", "label"):
                if getattr(row, field) == getattr(before, field):
                    text = f"the {field} {getattr(row, field)} stands there twice; first at {before.origin}"
                    yield _remark(row.origin, text)
    for row in [row for row in rows if "grow" in row.words][1:]:
        yield _remark(
            row.origin, "more than one partition takes the rest of the disk", "let one of them grow"
        )


def _state(rows: Sequence[Row], scripts: Iterable[Script]) -> Iterator[Remark]:
    """Scripts that keep something on a partition that is not kept."""
    if any(row.mount == STATE_MOUNT and "keep" in row.words for row in rows):
        return
    for script in scripts:
        for line in script.lines:
            if STATE_MOUNT in line.text:
                text = f"{STATE_MOUNT} is used here, and no partition of the layout that is kept is mounted there"
                hint = "what is written there is lost with the next reinstallation: add it to the layout with keep"
                yield Remark(WARNING, "layout", line.origin, text, hint)
                break


def _remark(origin: Origin, text: str, hint: str = "") -> Remark:
    return Remark(ERROR, "layout", origin, text, hint)
