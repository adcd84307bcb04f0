# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole database as text, and back: between engines, machines and schema versions.

Each line is one JSON value: a header, then each row as ``[table, value, …]``, by table and id, so
that diff can compare two dumps.  A dump is restored only into a new database: no row is ever
overwritten.
"""

from __future__ import annotations

import json
from typing import Any, Iterator, NamedTuple, Sequence

from ..errors import DescriptionError, Refused
from .database import Database
from .schema import CURRENT_VERSION, HIDDEN_TABLES, TABLES

FORMAT = "npaci.rocks cluster database"
KEYS = {
    "hardware": "node",
    "node_states": "node",
}  # the order of rows; every other table is ordered by id
DAMAGED = "the dump is damaged"


class Dump(NamedTuple):
    """The content of a dump."""

    schema: int
    """The version of the schema."""
    columns: dict[str, list[str]]
    """Table -> its columns."""
    rows: dict[str, list[list[Any]]]
    """Table -> its rows."""


def dump_database(database: Database, *, secrets: bool = False) -> str:
    """Return the database as text; the same content gives the same bytes.

    secrets  include the tables that only the administrator and the service can read
    """
    tables = [table for table in TABLES if secrets or table not in HIDDEN_TABLES]
    with database.read_transaction():
        columns = {table: database.columns(table) for table in tables}
        header = {"format": FORMAT, "schema": CURRENT_VERSION, "columns": columns}
        lines = [json.dumps(header, sort_keys=True)]
        for table in tables:
            lines += [
                json.dumps((table, *row), ensure_ascii=False, separators=(",", ":"))
                for row in _rows(database, table, columns[table])
            ]
    return "\n".join(lines) + "\n"


def restore_database(database: Database, text: str, where: str = "dump") -> dict[str, int]:
    """Fill a new database from a dump, in one transaction; return the number of rows by table.

    Raises Refused if the database has been written to, DescriptionError if ``text`` is not a dump.
    """
    content = parse_dump(text, where)
    with database.transaction():
        _check_new(database)
        for table in reversed(TABLES):
            database.execute(f"delete from {table}")
        for table in TABLES:
            columns = content.columns.get(table, [])
            if content.rows.get(table):
                names = ", ".join(f"`{column}`" for column in columns)
                placeholders = ", ".join("?" * len(columns))
                database.execute_many(
                    f"insert into {table} ({names}) values ({placeholders})", content.rows[table]
                )
    return {table: len(rows) for table, rows in content.rows.items()}


def parse_dump(text: str, where: str) -> Dump:
    """Parse a dump.  Raises DescriptionError that names the line."""
    lines = _values(text, where)
    schema, columns = _parse_header(next(lines, (1, None))[1], f"{where}:1")
    rows: dict[str, list[list[Any]]] = {table: [] for table in columns}
    for line, value in lines:
        table = value[0] if isinstance(value, list) and value else None
        if (
            not isinstance(table, str)
            or table not in columns
            or len(value) != len(columns[table]) + 1
        ):
            raise DescriptionError("not a row of a known table", f"{where}:{line}", DAMAGED)
        rows[table].append(value[1:])
    return Dump(schema, columns, rows)


def _parse_header(header: Any, where: str) -> tuple[int, dict[str, list[str]]]:
    """Return the version of the schema and the columns of each table."""
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DescriptionError(
            "not a dump of a cluster database", where, "use a file that rocks_database has dumped"
        )
    schema = header.get("schema")
    columns = header.get("columns")
    if (
        not isinstance(schema, int)
        or not isinstance(columns, dict)
        or not set(columns) <= set(TABLES)
    ):
        raise DescriptionError("the header is not valid", where, DAMAGED)
    if schema > CURRENT_VERSION:
        raise DescriptionError(
            f"the dump has schema version {schema}, this program supports {CURRENT_VERSION}",
            where,
            "update npaci.rocks",
        )
    return schema, columns


def _check_new(database: Database) -> None:
    """Raise Refused unless the only transaction so far is the caller's and there are no nodes."""
    if database.revision() > 1 or database.row("select 1 from nodes"):
        raise Refused(
            "this database has been written to",
            database.location.url,
            "restore into a new one (another file or name), then set it in rocks.yml",
        )


def _rows(database: Database, table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    names = ", ".join(f"`{column}`" for column in columns)
    yield from database.rows(f"select {names} from {table} order by {KEYS.get(table, 'id')}")


def _values(text: str, where: str) -> Iterator[tuple[int, Any]]:
    """Yield the JSON value of each line with its number."""
    # split, not splitlines: a value can contain U+2028
    for line, content in enumerate(text.split("\n"), 1):
        if content:
            try:
                yield line, json.loads(content)
            except ValueError as error:
                raise DescriptionError(f"not JSON ({error})", f"{where}:{line}", DAMAGED) from None
