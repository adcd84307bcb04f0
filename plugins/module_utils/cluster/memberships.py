# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Memberships and the appliances they belong to (paper, Table III)."""

from __future__ import annotations

from .database import Database
from .model import Appliance, Membership

SELECT = (
    "select memberships.id, memberships.name, appliances.name, appliances.root, memberships.distribution,"
    " memberships.compute from memberships join appliances on appliances.id = memberships.appliance"
    " order by memberships.id"
)


def memberships(database: Database) -> list[Membership]:
    """All memberships, by their ids."""
    return [Membership(row[0], row[1], row[2], row[3], row[4], row[5] == "yes") for row in database.rows(SELECT)]


def appliances(database: Database) -> list[Appliance]:
    """All appliances, by their ids."""
    return [Appliance(*row) for row in database.rows("select id, name, root from appliances order by id")]
