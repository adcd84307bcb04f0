# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Open the database of a module's option or of the site's settings (contract C2)."""

from __future__ import annotations

from typing import Optional

from .. import settings
from .database import Database, connect


def connect_as_admin(url: Optional[str]) -> Database:
    """Open the cluster database to change it."""
    return connect(url or settings.load().database)


def connect_as_reader(url: Optional[str]) -> Database:
    """Open the cluster database read-only, for a user's SQL and for modules that only read."""
    if url:
        return connect(url, read_only=True)
    site = settings.load()
    return connect(site.reader or site.database, read_only=True)
