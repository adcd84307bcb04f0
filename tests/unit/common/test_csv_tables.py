# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tables as spreadsheets write them: separators, quotes, empty columns, and the place of errors."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.csv_tables import (
    SEPARATORS,
    Table,
    parse_csv,
    read_csv_text,
    whole_number,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

COLUMNS = ("name", "mac", "rack", "comment")
separators = st.sampled_from(list(SEPARATORS))
cells = st.text(
    st.sampled_from("ab1 ,;\t|\"'\n#=é"),
    max_size=6,
).map(str.strip)


def parse(text: str) -> Table:
    return parse_csv(text, "t.csv", COLUMNS)


def values(text: str) -> list[dict[str, str]]:
    table = parse(text)
    assert table.faults == []
    return [line.values for line in table.lines]


@given(
    header=st.permutations(COLUMNS).flatmap(
        lambda names: st.integers(1, len(names)).map(lambda n: names[:n])
    ),
    rows=st.lists(st.lists(cells, min_size=4, max_size=4), max_size=4),
    separator=separators,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    padding=st.integers(0, 3),
    names_separator=st.booleans(),
    byte_order_mark=st.booleans(),
)
def test_a_table_is_read_as_it_was_written(
    header: list[str],
    rows: list[list[str]],
    separator: str,
    quoting: Literal[0, 1],
    line_end: str,
    padding: int,
    names_separator: bool,
    byte_order_mark: bool,
) -> None:
    # Otherwise nothing in the file shows the separator.
    assume(len(header) > 1 or names_separator)
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=line_end)
    records = [row[: len(header)] for row in rows]
    for record in [header, *records]:
        writer.writerow([*record, *[""] * padding])
    prefix = "\ufeff" * byte_order_mark + f"sep={separator}{line_end}" * names_separator
    expected = [
        {name: cell for name, cell in zip(header, record) if cell}
        for record in records
        if any(record) and not record[0].startswith("#")
    ]
    if any(record[0].lstrip('" ').startswith("#") for record in records):
        return  # a comment
    assert values(prefix + file.getvalue()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "name;mac;rack\nn1;aa;1\n",
        "name\tmac\track\nn1\taa\t1\n",
        "sep=;\nname;mac;rack\nn1;aa;1\n",
        "sep=\t\r\nname\tmac\track\r\nn1\taa\t1\r\n",
        "\ufeffsep=,\nname,mac,rack\nn1,aa,1\n",
        "Name , MAC,Rack,,\nn1,aa,1,,\n,,,,\n",
        "name,,mac,rack\nn1,,aa,1\n",
        "name,mac,rack,,,\nn1,aa,1\n",
        "name,mac,rack\nn1,aa,1,,,,\n",
        '"name";"mac";"rack"\n"n1";"aa";"1"\n',
        '# the "new" rack, "left" of the door\nname,mac,rack\n# see "n2", "n3" later\nn1,aa,1\n',
        "name,mac,rack\rn1,aa,1\r",
        "name,mac,rack\nn1\u00a0,\u00a0aa,1\n",
    ],
)
def test_the_tables_of_spreadsheets_are_read(text: str) -> None:
    assert values(text) == [{"name": "n1", "mac": "aa", "rack": "1"}]


def test_a_line_has_the_number_that_an_editor_shows() -> None:
    table = parse('sep=;\n# x\nname;comment\nn1;"two\nlines"\n\nn2;\n')
    assert [line.where for line in table.lines] == ["t.csv:4", "t.csv:7"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv: .*empty.*name,mac"),
        ("sep=;\n", "t.csv: .*empty"),
        ("# only\n\n", "t.csv: .*empty"),
        ("sep=x\nnamexmac\n", "t.csv:1: 'x' .*semicolon"),
        ("sep=;\nname;colour\n", "t.csv:2: unknown column 'colour'.*name, mac"),
        ("name;colour\n", "t.csv:1: unknown column 'colour'"),
        ("name mac\n", "t.csv:1: unknown column 'name mac'"),
        ("\nname,,name\n", "t.csv:2: duplicate column 'name'"),
        ("n1,aa\n", "t.csv:1: unknown column 'n1'; the first line names the columns"),
        ('"name\n', "t.csv:1: .*quotes"),
    ],
)
def test_a_table_without_a_valid_first_line_is_rejected(text: str, message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name;mac\nn1\n", "t.csv:2: 1 value for 2 columns.*empty"),
        ("name,mac\nn1,aa,bb\n", "t.csv:2: 3 values for 2 columns.*comma"),
        ("name,,mac\nn1,x,aa\n", "t.csv:2: column 2 has the value 'x'"),
        ("name,mac,,\nn1,aa,,x\n", "t.csv:2: 4 values"),
        ('name,mac\nn1,"a"b\n', "t.csv:2: .*quotes"),
    ],
)
def test_an_error_of_a_line_is_reported_with_its_place(text: str, message: str) -> None:
    table = parse(text)
    assert len(table.faults) == 1
    assert re.match(message, str(table.faults[0]))


@pytest.mark.parametrize("text", ["-1", "1.0", "1,0", "1e3", "two", "٣", "9" * 5000])
def test_a_rack_is_a_whole_number(text: str) -> None:
    assert whole_number("rack", "007", "t.csv:2") == 7
    with pytest.raises(DescriptionError, match=r"t\.csv:2: rack is "):
        whole_number("rack", text, "t.csv:2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04xl/workbook.xml", "x.csv: .*spreadsheet.*CSV"),
        ("name,comment\nn1,Büro\n".encode("latin-1"), "x.csv:2: .*UTF-8"),
        ("name\n".encode("utf-16"), "x.csv:1: .*UTF-8"),
    ],
)
def test_a_file_that_is_not_csv_in_utf_8_is_rejected(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DescriptionError, match=message):
        read_csv_text(str(path))
