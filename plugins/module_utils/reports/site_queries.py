# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the SQL in a report's options, with the account and the limits of every user's SQL."""

from __future__ import annotations

from typing import Callable

from ..cluster.database import Database, connect
from ..cluster.query import select
from ..settings import Settings

Select = Callable[[str], tuple[str, ...]]


def node_selection(database: Database, settings: Settings) -> Select:
    """Return a function from SQL to the names in the first column of its result.

    It reads the committed state of the database.  It raises what ``query.select`` raises.
    """
    url = database.location.url
    if settings.reader and settings.database == url:
        url = settings.reader

    def names(sql: str) -> tuple[str, ...]:
        with connect(url, read_only=True) as reader:
            rows = select(reader, sql).rows
        return tuple(dict.fromkeys(str(row[0]) for row in rows))

    return names
