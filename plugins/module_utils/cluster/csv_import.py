# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read nodes from a CSV table.  The errors of all lines are collected."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..csv_tables import TableLine, parse_csv, whole_number
from ..errors import RocksError

COLUMNS = ("name", "mac", "membership", "rack", "rank", "ip", "network", "arch", "comment")
NUMBERS = ("rack", "rank")


class NodeTable(NamedTuple):
    """The content of a table."""

    requests: list[dict[str, Any]]
    """The values of each line that are not empty, for ``ensure_nodes``."""
    faults: list[RocksError]


def parse_table(text: str, where: str) -> NodeTable:
    """Parse a table; ``where`` is its file.  Raises DescriptionError as ``parse_csv``."""
    table = parse_csv(text, where, COLUMNS)
    nodes = NodeTable([], table.faults)
    for line in table.lines:
        try:
            nodes.requests.append(_request(line))
        except RocksError as error:
            nodes.faults.append(error)
    return nodes


def _request(line: TableLine) -> dict[str, Any]:
    numbers = {
        name: whole_number(name, line.values[name], line.where)
        for name in NUMBERS
        if name in line.values
    }
    return {**line.values, **numbers, "where": line.where}
