# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Discovery is tested on the paper's cluster."""

from __future__ import annotations

from support.cluster import database, empty_url, mariadb, sqlite_template, table_ii, urls

__all__ = ["database", "empty_url", "mariadb", "sqlite_template", "table_ii", "urls"]
