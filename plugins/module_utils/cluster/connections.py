# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which database, and as which account: a module's option, else the site's settings (contract C2)."""

from __future__ import annotations

from typing import Optional

from .. import settings
from .database import Database, connect


def connect_as_admin(url: Optional[str]) -> Database:
    """The cluster database for a module that changes it."""
    return connect(url or settings.load().database)


def connect_as_reader(url: Optional[str]) -> Database:
    """The cluster database read-only, for a user's SQL and for modules that only look."""
    if url:
        return connect(url, read_only=True)
    site = settings.load()
    return connect(site.reader or site.database, read_only=True)
