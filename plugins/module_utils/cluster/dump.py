# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole database as a text, and back: between engines, machines and versions.

One JSON value a line: a head that says what follows, then every row as ``[table, value, …]`` by table and id, so that
two dumps can be compared with diff.  Nothing that is there is ever overwritten: a dump goes into a new database only.
"""

from __future__ import annotations

import json
from typing import Any, Iterator, NamedTuple, Sequence

from ..errors import DescriptionError, Refused
from .database import Database
from .schema import CURRENT_VERSION, HIDDEN_TABLES, TABLES

FORMAT = "npaci.rocks cluster database"
KEYS = {"hardware": "node"}  # every other table is ordered by its id
HEAD_HINT = "the first line of a dump says what it is"


class Dump(NamedTuple):
    """What a dump holds: its schema's version, the columns of each table, and the rows."""

    schema: int
    columns: dict[str, list[str]]
    rows: dict[str, list[list[Any]]]


def dump_database(database: Database, *, secrets: bool = False) -> str:
    """The database as a text; the secrets only when asked for.  The same content gives the same bytes."""
    tables = [table for table in TABLES if secrets or table not in HIDDEN_TABLES]
    with database.read_transaction():
        columns = {table: database.columns(table) for table in tables}
        lines = [
            json.dumps(
                {"format": FORMAT, "schema": CURRENT_VERSION, "columns": columns}, sort_keys=True
            )
        ]
        lines += [
            _line((table, *row))
            for table in tables
            for row in _rows(database, table, columns[table])
        ]
    return "\n".join(lines) + "\n"


def restore_database(database: Database, text: str, where: str = "dump") -> dict[str, int]:
    """Fill a new database from a dump, in one transaction; how many rows each table got.

    Raises Refused when somebody has written into the database already, DescriptionError for a text that is no dump.
    """
    found = parse_dump(text, where)
    with database.transaction():
        _check_new(database)
        for table in reversed(TABLES):
            database.execute(f"delete from {table}")
        for table in TABLES:
            columns = found.columns.get(table, [])
            if found.rows.get(table):
                names = ", ".join(f"`{column}`" for column in columns)
                marks = ", ".join("?" * len(columns))
                database.execute_many(
                    f"insert into {table} ({names}) values ({marks})", found.rows[table]
                )
    return {table: len(rows) for table, rows in found.rows.items()}


def parse_dump(text: str, where: str) -> Dump:
    """Take a dump apart.  Raises DescriptionError that names the line."""
    lines = _values(text, where)
    head = next(lines, (1, None))[1]
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise DescriptionError("not a dump of a cluster database", f"{where}:1", HEAD_HINT)
    schema, columns = head.get("schema"), head.get("columns")
    if (
        not isinstance(schema, int)
        or not isinstance(columns, dict)
        or not set(columns) <= set(TABLES)
    ):
        raise DescriptionError("the head does not fit", f"{where}:1", HEAD_HINT)
    if schema > CURRENT_VERSION:
        raise DescriptionError(
            f"the dump has schema version {schema}, this program knows {CURRENT_VERSION}",
            f"{where}:1",
            "update npaci.rocks",
        )
    rows: dict[str, list[list[Any]]] = {table: [] for table in columns}
    for line, value in lines:
        table = value[0] if isinstance(value, list) and value else None
        if (
            not isinstance(table, str)
            or table not in columns
            or len(value) != len(columns[table]) + 1
        ):
            raise DescriptionError(
                "not a row of a known table", f"{where}:{line}", "the dump is damaged"
            )
        rows[table].append(value[1:])
    return Dump(schema, columns, rows)


def _check_new(database: Database) -> None:
    """A new database has seen one transaction, ours, and holds no node."""
    if database.revision() > 1 or database.row("select 1 from nodes"):
        raise Refused(
            "somebody has written into this database already",
            database.location.url,
            "restore into a new one (another file or name), then let rocks.yml point there",
        )


def _rows(database: Database, table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    names = ", ".join(f"`{column}`" for column in columns)
    yield from database.rows(f"select {names} from {table} order by {KEYS.get(table, 'id')}")


def _line(values: Sequence[Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _values(text: str, where: str) -> Iterator[tuple[int, Any]]:
    for line, content in enumerate(text.split("\n"), 1):  # not splitlines: a value may hold U+2028
        if content:
            try:
                yield line, json.loads(content)
            except ValueError as error:
                raise DescriptionError(
                    f"not JSON ({error})", f"{where}:{line}", "the dump is damaged"
                ) from None
