# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes from a table of comma-separated values (RFC 4180), as a spreadsheet or an inventory of machines gives it.

The first line names the columns.  Every fault of every line is found before anything is written.
"""

from __future__ import annotations

import csv
import io
from typing import Any, NamedTuple, Sequence

from ..errors import DescriptionError, RocksError

COLUMNS = ("name", "mac", "membership", "rack", "rank", "ip", "network", "arch", "comment")
NUMBERS = ("rack", "rank")


class NodeTable(NamedTuple):
    """What a table holds: for each line the values that are not empty, as ``nodes.ensure`` takes them; and its faults."""

    wanted: list[dict[str, Any]]
    faults: list[RocksError]


def parse_table(text: str, where: str) -> NodeTable:
    """Read a table; ``where`` is its file, and each line's place is ``FILE:LINE``.

    Empty lines and lines that begin with ``#`` are skipped.  Raises DescriptionError when the first line is no header.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    wanted, faults = [], list[RocksError]()
    header: Sequence[str] = ()
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            faults.append(
                DescriptionError(
                    f"not comma-separated ({error})", f"{where}:{line}", "look at its quotes"
                )
            )
            break
        if not any(cells) or cells[0].startswith("#"):
            continue
        if not header:
            header = _header(cells, f"{where}:{line}")
            continue
        try:
            wanted.append(_line(header, cells, f"{where}:{line}"))
        except RocksError as error:
            faults.append(error)
    if not header:
        raise DescriptionError(
            "the table is empty", where, f"its first line names the columns: {','.join(COLUMNS)}"
        )
    return NodeTable(wanted, faults)


def _header(cells: Sequence[str], where: str) -> Sequence[str]:
    names = [cell.lower() for cell in cells]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise DescriptionError(
            f"unknown column {unknown[0]!r}", where, f"known columns: {', '.join(COLUMNS)}"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DescriptionError(f"column {twice[0]!r} stands there twice", where, "keep one of them")
    return names


def _line(header: Sequence[str], cells: Sequence[str], where: str) -> dict[str, Any]:
    if len(cells) != len(header):
        raise DescriptionError(
            f"{len(cells)} values for {len(header)} columns",
            where,
            "quote values that hold a comma",
        )
    found: dict[str, Any] = {name: cell for name, cell in zip(header, cells) if cell}
    for name in NUMBERS:
        if name in found:
            if not (found[name].isascii() and found[name].isdigit()):
                raise DescriptionError(f"{name} is {found[name]!r}", where, "a number is expected")
            found[name] = int(found[name])
    return {**found, "where": where}
