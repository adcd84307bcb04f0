# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values that a node's profile is substituted with, at the cost of no query of their own.

The node's attributes come with the row that identifies it; those of its appliance and the global ones are kept until
the database's revision grows.
"""

from __future__ import annotations

from typing import Mapping

from ..cluster.attributes import intrinsic
from ..cluster.database import Database
from ..install.model import Order, Pin
from ..settings import Settings
from .model import Asker

SHARED = (
    "select coalesce(a.name, ''), t.name, t.value from attributes t left join appliances a on a.id = t.appliance"
    " where t.scope in ('global', 'appliance')"
)


class Shared:
    """Global and appliance attributes as of one revision; a new revision is read when it is met."""

    def __init__(self) -> None:
        self._kept: tuple[int, Mapping[str, Mapping[str, str]]] = (-1, {})

    def of(self, db: Database, revision: int) -> Mapping[str, Mapping[str, str]]:
        """Appliance -> attributes; the empty appliance holds the global ones."""
        kept = self._kept  # one tuple, so that a thread sees a revision and what was read under it
        if kept[0] != revision:
            found: dict[str, dict[str, str]] = {}
            for appliance, name, value in db.rows(SHARED):
                found.setdefault(appliance, {})[name] = value
            kept = self._kept = (revision, found)
        return kept[1]


def values(db: Database, shared: Shared, asker: Asker) -> dict[str, str]:
    """Every attribute of the node: global, of its appliance, its own, and what its row says; the narrower one wins."""
    known = shared.of(db, asker.revision)
    return {
        **known.get("", {}),
        **known.get(asker.node.appliance, {}),
        **asker.attributes,
        **intrinsic(asker.node),
    }


def tree_url(settings: Settings, pin: Pin) -> str:
    """Where the pinned generation is served (contract C4)."""
    return f"{settings.url}/install/.generations/{pin.distribution}/{pin.arch}/{pin.generation}"


def of_order(settings: Settings, order: Order) -> dict[str, str]:
    """What a kickstart says about its own order; node files write these as they write any attribute.

    They stand in texts alone: the shape of a profile was decided before there was an order.
    """
    return {
        "frontend_url": settings.url,
        "install_url": tree_url(settings, order.pin),
        "install_order": order.uuid,
        "install_generation": order.pin.generation,
        "install_profile": order.pin.profile,
        "install_wipe": "yes" if order.wipe else "no",
    }
