# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The networks of the cluster."""

from __future__ import annotations

from .database import Database
from .model import Network

SELECT = (
    "select id, name, subnet, netmask, gateway, zone, mtu, kind, first, last, pool_first, pool_last"
    " from networks order by id"
)


def networks(database: Database) -> list[Network]:
    """All networks, by their ids."""
    return [Network(*row) for row in database.rows(SELECT)]
