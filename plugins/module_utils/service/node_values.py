# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values that a node's profile is substituted with, at the cost of no query of their own.

The node's attributes come with the row that identifies it; those of its appliance and the global ones are kept until
the database's revision grows.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ..cluster.attributes import intrinsic_values, merge_attributes
from ..cluster.database import Database
from ..install.model import Order, Pin
from ..settings import Settings
from ..tree_paths import generation_url
from .ca_certificate import in_one_line
from .model import Asker

ATTRIBUTES = (
    "select coalesce(a.name, ''), t.name, t.value from attributes t left join appliances a on a.id = t.appliance"
    " where t.scope in ('global', 'appliance')"
)
MEMBERSHIPS = "select m.id, m.name, a.name, a.root, m.distribution from memberships m join appliances a on a.id = m.appliance"


class Described(NamedTuple):
    """What holds for many nodes, as of one revision of the database.

    attributes   appliance -> attributes; the empty appliance holds the global ones
    memberships  id -> its name, its appliance, the appliance's root, its distribution
    """

    attributes: Mapping[str, Mapping[str, str]]
    memberships: Mapping[int, tuple[str, str, str, str]]


class Shared:
    """What holds for many nodes; a new revision is read when it is met."""

    def __init__(self) -> None:
        self._kept: tuple[int, Described] = (-1, Described({}, {}))

    def of(self, db: Database, revision: int, membership: int) -> Described:
        """As of this revision; a membership that it does not know was written by hand, without one."""
        kept = self._kept  # one tuple, so that a thread sees a revision and what was read under it
        if kept[0] != revision or membership not in kept[1].memberships:
            attributes: dict[str, dict[str, str]] = {}
            for appliance, name, value in db.rows(ATTRIBUTES):
                attributes.setdefault(appliance, {})[name] = value
            memberships = {row[0]: (row[1], row[2], row[3], row[4]) for row in db.rows(MEMBERSHIPS)}
            kept = self._kept = (revision, Described(attributes, memberships))
        return kept[1]


def values(db: Database, shared: Shared, asker: Asker) -> dict[str, str]:
    """Every attribute of the node: global, of its appliance, its own, and what its row says; the narrower one wins."""
    known = shared.of(db, asker.revision, asker.membership).attributes
    return merge_attributes(
        known.get(""),
        known.get(asker.node.appliance),
        asker.attributes,
        intrinsic_values(asker.node),
    )


def tree_url(settings: Settings, pin: Pin) -> str:
    """Where the pinned generation is served (contract C4)."""
    return generation_url(settings.plain_url, pin.distribution, pin.arch, pin.generation)


def of_order(settings: Settings, order: Order) -> dict[str, str]:
    """What a kickstart says about its own order; node files write these as they write any attribute.

    They stand in texts alone: the shape of a profile was decided before there was an order.
    """
    return {
        "distribution": order.pin.distribution,
        "frontend_url": settings.url,
        "frontend_authority": in_one_line(settings.authority),
        "install_url": tree_url(settings, order.pin),
        "install_order": order.uuid,
        "install_generation": order.pin.generation,
        "install_profile": order.pin.profile,
        "install_wipe": "yes" if order.wipe else "no",
    }
