# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a CSV table whose first line names its columns, as spreadsheets write them (RFC 4180).

The separator is a comma, a semicolon, a tab or a bar: the line ``sep=;`` that Excel writes names
it, or else the first line shows it.  Empty lines, and lines that begin with ``#``, are skipped; so
are columns without a name and a value.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Iterator, NamedTuple, Sequence

from .errors import DescriptionError, RocksError
from .files import read_bytes, read_text

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SPREADSHEET = b"PK\x03\x04"
"""The first bytes of .xlsx and .ods files, which are ZIP archives."""

_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[^\S\t]*(?:\r\n?|\n|$)', re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")


class TableLine(NamedTuple):
    """A line of a table."""

    where: str
    """``FILE:LINE``."""
    values: dict[str, str]
    """Column -> value, without empty values."""


class Table(NamedTuple):
    """The content of a table."""

    columns: Sequence[str]
    """The columns that have a name."""
    lines: list[TableLine]
    faults: list[RocksError]
    """The errors of the other lines."""


def read_csv_text(path: str) -> str:
    """Return the text of a CSV file.  Raises DescriptionError, also for a spreadsheet's own format,
    and NotFound.
    """
    if read_bytes(path).startswith(SPREADSHEET):
        raise DescriptionError(
            "the file is a spreadsheet or a ZIP archive, not CSV", path, "save it as CSV in UTF-8"
        )
    return read_text(path)


def parse_csv(text: str, where: str, known_columns: Sequence[str]) -> Table:
    """Parse a table.  ``where`` is its file.

    Raises DescriptionError if the first line does not name columns, all of them known.
    """
    text = text.removeprefix("\ufeff")
    named = _SEPARATOR_LINE.match(text)
    if named:
        text = f"#{text}"
    separator = (
        _check_separator(named[1], where) if named else _guess_separator(text, known_columns)
    )
    records = _records(text, where, separator)
    for place, cells in records:
        if isinstance(cells, RocksError):
            raise cells
        header = _parse_header(cells, place, known_columns)
        break
    else:
        hint = f"name the columns in the first line: {','.join(known_columns)}"
        raise DescriptionError("the table is empty", where, hint)
    table = Table([name for name in header if name], [], [])
    for place, cells in records:
        try:
            if isinstance(cells, RocksError):
                raise cells
            table.lines.append(TableLine(place, _parse_line(header, cells, place, separator)))
        except RocksError as error:
            table.faults.append(error)
    return table


def whole_number(column: str, text: str, where: str) -> int:
    """Return the number in a cell.  Raises DescriptionError."""
    if not _NUMBER.fullmatch(text):
        raise DescriptionError(f"{column} is {text!r}", where, "write a whole number, 0 or more")
    return int(text)


class _Lines:
    """The physical lines of a text, with empty lines in place of comments.

    A line inside of quotes is not a comment, so the reader sets ``is_record_start``.
    """

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.is_record_start = True

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        # A tab can separate empty cells.
        if self.is_record_start and line.lstrip(" ").startswith("#"):
            return "\n"
        self.is_record_start = False
        return line


def _records(text: str, where: str, separator: str) -> Iterator[tuple[str, list[str] | RocksError]]:
    """Yield the place and the cells of each record that is not empty; an error is the last item."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        lines.is_record_start = True
        place = f"{where}:{reader.line_num + 1}"
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            message = f"not a line of a CSV table ({error})"
            yield place, DescriptionError(message, place, "check the quotes")
            return
        if any(cells) and not cells[0].startswith("#"):
            yield place, cells


def _check_separator(separator: str, where: str) -> str:
    if separator not in SEPARATORS:
        names = ", ".join(SEPARATORS.values())
        raise DescriptionError(
            f"{separator!r} is not a separator", f"{where}:1", f"use one of these: {names}"
        )
    return separator


def _guess_separator(text: str, known_columns: Sequence[str]) -> str:
    """Return the separator that finds the most columns in the first line."""

    def columns(separator: str) -> int:
        for _place, cells in _records(text, "", separator):
            if not isinstance(cells, RocksError):
                return sum(cell.lower() in known_columns for cell in cells)
            break
        return 0

    return max(SEPARATORS, key=columns)


def _parse_header(cells: Sequence[str], where: str, known_columns: Sequence[str]) -> Sequence[str]:
    """Return the names of the columns; that of an unnamed column is empty."""
    names = [cell.lower() for cell in cells]
    for name in names:
        if name and name not in known_columns:
            raise DescriptionError(
                f"unknown column {name!r}",
                where,
                f"the first line names the columns; known columns: {', '.join(known_columns)}",
            )
        if name and names.count(name) > 1:
            raise DescriptionError(f"duplicate column {name!r}", where, "remove one of them")
    return names


def _parse_line(
    header: Sequence[str], cells: Sequence[str], where: str, separator: str
) -> dict[str, str]:
    """Return the values that are not empty, by column.  Empty cells at the end can be missing, or
    too many, only where the columns have no name.
    """
    columns = len(header)
    while columns and not header[columns - 1]:
        columns -= 1
    values = list(cells)
    while len(values) > columns and not values[-1]:
        values.pop()
    if len(values) != columns:
        name = SEPARATORS[separator]
        plural = "" if len(values) == 1 else "s"
        raise DescriptionError(
            f"{len(values)} value{plural} for {columns} columns",
            where,
            f"write a {name} for each empty value as well"
            if len(values) < columns
            else f"quote values that contain a {name}",
        )
    for number, (name, value) in enumerate(zip(header, values), 1):
        if value and not name:
            raise DescriptionError(
                f"column {number} has the value {value!r}, but no name",
                where,
                "name the column in the first line, or remove the value",
            )
    return {name: value for name, value in zip(header, values) if value}
