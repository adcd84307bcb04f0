# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare what an order has put into its node with what an order would put into it now.

A recipe is written when the kickstart and the secrets of the order are sent.  It identifies the
node's software by content: text and values of the kickstart, packages, and versions of secrets.
The name of the generation is not part of it.
"""

from __future__ import annotations

import json
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional

from ..cluster.database import Database
from .model import Order, Pin

STORE_RECIPE = "update installs set recipe = ? where id = ?"
STORE_SECRETS = "update installs set secret_hashes = ? where id = ?"
SELECT = "select id, recipe, secret_hashes from installs where id in (%s)"
CHUNK = 500
NOT_SET = "(not set)"


class Recipe(NamedTuple):
    """What an order puts into its node.  A NamedTuple, because a cluster has 10,000."""

    kickstart: str
    """SHA-256 of the kickstart without the names of order and generation."""
    profile: str
    """SHA-256 of the profile's text before values are substituted."""
    values: Mapping[str, str]
    """The attributes that decide the kickstart; of long ones, the digest."""
    packages: str = ""
    """SHA-256 of the list of packages that the profile installs from its generation; empty: the
    generation has no such list."""
    secrets: Optional[Mapping[str, str]] = None
    """Secret -> hash with the site's key; None: the node requested none."""


class Comparison(NamedTuple):
    """What a reinstallation would change in a node."""

    order: int
    """Id of the order that installed it."""
    differences: Optional[tuple[str, ...]]
    """Parts that differ, such as ``timezone: Etc/UTC -> Europe/Zurich``; empty: nothing; None:
    unknown, because there is no recipe of the order or none can be made now."""


def store_recipe(db: Database, order: Order, recipe: Recipe) -> None:
    """Store what the kickstart of an order contains.  Its secrets are stored separately."""
    fields = {name: value for name, value in recipe._asdict().items() if name != "secrets"}
    db.execute(STORE_RECIPE, (_encode(fields), order.id))


def store_secret_hashes(db: Database, order: Order, hashes: Mapping[str, str]) -> None:
    """Store the versions of the secrets that an order has delivered."""
    db.execute(STORE_SECRETS, (_encode(hashes), order.id))


def load_recipes(db: Database, orders: Iterable[Order]) -> dict[int, Recipe]:
    """Return the recipes of these orders by id; an order without one is left out.

    Orders from before schema version 3 have none.
    """
    ids = [order.id for order in orders]
    recipes = {}
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        for order, recipe, hashes in db.rows(SELECT % ", ".join("?" * len(chunk)), chunk):
            if recipe:
                secrets = json.loads(hashes) if hashes else None
                recipes[order] = Recipe(**json.loads(recipe), secrets=secrets)
    return recipes


def is_same(before: Recipe, after: Recipe, pins: tuple[Pin, Pin]) -> Optional[bool]:
    """Whether two recipes give the same node; None: their packages cannot be compared.

    pins  of the two
    """
    if before.kickstart != after.kickstart or _changed_secrets(before, after):
        return False
    if pins[0].generation == pins[1].generation:
        return True  # the kickstart lists the packages
    if before.packages and after.packages:
        return before.packages == after.packages
    return None


def differences(
    before: Recipe, after: Recipe, pins: tuple[Pin, Pin], packages: str
) -> tuple[str, ...]:
    """Return the parts in which two recipes differ; empty if and only if they give the same node.

    pins      of the two
    packages  how their packages differ, such as ``3 packages``
    """
    if is_same(before, after, pins):
        return ()
    return (
        *_kickstart_differences(before, after),
        *_package_differences(before, after, pins, packages),
        *(f"secret {name}" for name in _changed_secrets(before, after)),
    )


def _changed_secrets(before: Recipe, after: Recipe) -> list[str]:
    if before.secrets is None or after.secrets is None:
        return []
    names = sorted(before.secrets.keys() | after.secrets.keys())
    return [name for name in names if before.secrets.get(name) != after.secrets.get(name)]


def _kickstart_differences(before: Recipe, after: Recipe) -> Iterator[str]:
    if before.kickstart == after.kickstart:
        return
    names = [
        name
        for name in sorted(before.values.keys() | after.values.keys())
        if before.values.get(name) != after.values.get(name)
    ]
    for name in names:
        old = before.values.get(name, NOT_SET)
        yield f"{name}: {old} -> {after.values.get(name, NOT_SET)}"
    if before.profile != after.profile:
        yield "profile"
    elif not names:
        yield "kickstart"  # written by another version of the renderer


def _package_differences(
    before: Recipe, after: Recipe, pins: tuple[Pin, Pin], packages: str
) -> Iterator[str]:
    if before.packages and after.packages:
        if before.packages != after.packages:
            yield packages
    elif pins[0].generation != pins[1].generation:
        yield f"generation {pins[0].generation} -> {pins[1].generation}"


def _encode(data: Mapping[str, object]) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
