# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read nodes from a table of comma-separated values (RFC 4180), such as a spreadsheet's.

The first line names the columns.  The errors of all lines are collected.
"""

from __future__ import annotations

import csv
import io
from typing import Any, NamedTuple, Sequence

from ..errors import DescriptionError, RocksError

COLUMNS = ("name", "mac", "membership", "rack", "rank", "ip", "network", "arch", "comment")
NUMBERS = ("rack", "rank")


class NodeTable(NamedTuple):
    """The content of a table."""

    requests: list[dict[str, Any]]
    """The values of each line that are not empty, for ``ensure_nodes``."""
    faults: list[RocksError]


def parse_table(text: str, where: str) -> NodeTable:
    """Parse a table.  ``where`` is its file: the place of a line is ``FILE:LINE``.

    Empty lines, and lines that begin with ``#``, are skipped.  Raises DescriptionError if the first
    line is not a header.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    requests: list[dict[str, Any]] = []
    faults: list[RocksError] = []
    header: Sequence[str] = ()
    while True:
        place = f"{where}:{reader.line_num + 1}"
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            faults.append(
                DescriptionError(f"not comma-separated ({error})", place, "check the quotes")
            )
            break
        if not any(cells) or cells[0].startswith("#"):
            continue
        if not header:
            header = _parse_header(cells, place)
            continue
        try:
            requests.append(_parse_line(header, cells, place))
        except RocksError as error:
            faults.append(error)
    if not header:
        hint = f"name the columns in the first line: {','.join(COLUMNS)}"
        raise DescriptionError("the table is empty", where, hint)
    return NodeTable(requests, faults)


def _parse_header(cells: Sequence[str], where: str) -> Sequence[str]:
    names = [cell.lower() for cell in cells]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise DescriptionError(
            f"unknown column {unknown[0]!r}", where, f"known columns: {', '.join(COLUMNS)}"
        )
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise DescriptionError(f"duplicate column {duplicates[0]!r}", where, "remove one of them")
    return names


def _parse_line(header: Sequence[str], cells: Sequence[str], where: str) -> dict[str, Any]:
    if len(cells) != len(header):
        raise DescriptionError(
            f"{len(cells)} values for {len(header)} columns",
            where,
            "quote values that contain a comma",
        )
    values: dict[str, Any] = {name: cell for name, cell in zip(header, cells) if cell}
    for name in NUMBERS:
        if name in values:
            if not (values[name].isascii() and values[name].isdigit()):
                raise DescriptionError(f"{name} is {values[name]!r}", where, "write a number")
            values[name] = int(values[name])
    return {**values, "where": where}
