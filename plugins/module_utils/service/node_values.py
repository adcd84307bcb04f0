# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values that are substituted in a node's profile, without a query of their own.

A node's own attributes are read by the query that identifies it; those of its appliance and the
global ones are cached until the database's revision grows.
"""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple

from ..cluster.database import Database
from ..cluster.values.attributes import intrinsic_values, merge_attributes
from ..install.model import Order, Pin
from ..settings import Settings
from ..tree_paths import generation_url
from .ca_certificate import base64_certificate
from .model import Client

ANY_GENERATION = "any"  # in place of a name
ATTRIBUTES = (
    "select coalesce(a.name, ''), t.name, t.value"
    " from attributes t left join appliances a on a.id = t.appliance"
    " where t.scope in ('global', 'appliance')"
)
MEMBERSHIPS = (
    "select m.id, m.name, a.name, a.root, m.distribution"
    " from memberships m join appliances a on a.id = m.appliance"
)


class Membership(NamedTuple):
    """A membership with the appliance that it belongs to."""

    name: str
    appliance: str
    root: str
    distribution: str


class SharedValues(NamedTuple):
    """Values that many nodes share, as of one revision of the database."""

    attributes: Mapping[str, Mapping[str, str]]
    """Appliance to attributes; the empty appliance has the global ones."""
    memberships: Mapping[int, Membership]
    """By id."""


class AttributeCache:
    """Values that many nodes share, read again when a request finds a new revision."""

    def __init__(self) -> None:
        self._cached: tuple[int, SharedValues] = (-1, SharedValues({}, {}))

    def get(self, db: Database, revision: int, membership: int) -> SharedValues:
        """Return the values as of this revision.

        They are also read again for an unknown membership: it was inserted by hand, which does not
        change the revision.
        """
        cached = self._cached  # one tuple, so that a thread sees a revision with its own values
        if cached[0] != revision or membership not in cached[1].memberships:
            attributes: dict[str, dict[str, str]] = {}
            for appliance, name, value in db.rows(ATTRIBUTES):
                attributes.setdefault(appliance, {})[name] = value
            memberships = {row[0]: Membership._make(row[1:]) for row in db.rows(MEMBERSHIPS)}
            cached = self._cached = (revision, SharedValues(attributes, memberships))
        return cached[1]


def effective_values(db: Database, cache: AttributeCache, client: Client) -> dict[str, str]:
    """Return every attribute of the node; the narrower one wins.

    They are global, of its appliance, its own, and those that its row gives.
    """
    shared = cache.get(db, client.revision, client.membership).attributes
    return merge_attributes(
        shared.get(""),
        shared.get(client.node.appliance),
        client.attributes,
        intrinsic_values(client.node),
    )


def tree_url(settings: Settings, pin: Pin) -> str:
    """Return the URL of the pinned generation (contract C4)."""
    return generation_url(settings.plain_url, pin.distribution, pin.arch, pin.generation)


def order_values(settings: Settings, order: Order) -> dict[str, str]:
    """Return the values of an order, which node files use like attributes.

    They can only stand in texts: the structure of a profile was fixed before the order was made.
    """
    return {
        **_site_values(settings, order.pin),
        "install_order": order.uuid,
        "install_generation": order.pin.generation,
        "install_profile": order.pin.profile,
        "install_wipe": "yes" if order.wipe else "no",
        "accounts_version": str(_accounts_version(settings.accounts)),
    }


def _accounts_version(bundle: str) -> int:
    """Return the version of the published accounts, which is the bundle's time; 0 without one.

    A node that was reinstalled has forgotten which version it had, so its order carries the least.
    """
    try:
        return int(os.stat(bundle).st_mtime)
    except OSError:
        return 0


def comparable_values(settings: Settings, pin: Pin) -> dict[str, str]:
    """Return ``order_values`` without what each order changes: its own name, its permission to
    wipe disks, the version of the accounts, which nodes fetch again and again, and the names of
    the generation and of the profile, whose contents are compared.
    """
    return {
        **_site_values(settings, pin._replace(generation=ANY_GENERATION)),
        "install_order": "",
        "install_generation": "",
        "install_profile": "",
        "install_wipe": "no",
        "accounts_version": "0",
    }


def _site_values(settings: Settings, pin: Pin) -> dict[str, str]:
    return {
        "distribution": pin.distribution,
        "frontend_url": settings.url,
        "frontend_authority": base64_certificate(settings.authority),
        "install_url": tree_url(settings, pin),
    }
