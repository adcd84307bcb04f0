# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare what nodes run with what an order would put into them now.

Combines the recipes of their orders, their current attributes and secrets, and the published
generations.
"""

from __future__ import annotations

import functools
from typing import Callable, Mapping, Optional, Sequence

from ..cluster.database import Database
from ..cluster.model import Node
from ..cluster.nodes import list_nodes
from ..cluster.values.attributes import effective_values_for_nodes
from ..cluster.values.secret_hashes import hashes_for_nodes
from ..errors import RocksError
from ..install.install_codes import NODE_KEY
from ..install.model import Order, Pin
from ..install.orders import load_candidates
from ..install.recipes import Comparison, Recipe, differences, load_recipes
from ..install.states import INSTALLED, UP
from ..profile.output.package_list import PackageList, count_changes, read_package_list
from ..service.node_recipe import make_recipe
from ..service.profile_cache import ProfileCache, pinned_generation_folder
from ..settings import Settings
from ..tree_paths import profiles_folder


def compare_nodes(
    database: Database, pins: Mapping[str, Pin], settings: Settings
) -> dict[str, Comparison]:
    """Return what a reinstallation with these pins would change, by node.

    Only of nodes that are installed.  The differences of a node are unknown if it was installed
    before recipes were recorded, or if its kickstart cannot be rendered now.
    """
    if not pins:
        return {}
    orders = {
        node.name: node.last
        for node in load_candidates(database, list(pins))
        if node.last and node.last.state in (UP, INSTALLED)
    }
    recipes = load_recipes(database, orders.values())
    nodes = [node for node in list_nodes(database, list(orders)) if orders[node.name].id in recipes]
    count = _package_counter(settings.distributions)
    comparisons = {name: Comparison(order.id, None) for name, order in orders.items()}
    for name, recipe in current_recipes(database, nodes, pins, settings).items():
        order = orders[name]
        before = recipes[order.id]
        comparisons[name] = compare_recipes(before, recipe, order, pins[name], count)
    return comparisons


def current_recipes(
    database: Database, nodes: Sequence[Node], pins: Mapping[str, Pin], settings: Settings
) -> dict[str, Recipe]:
    """Return what each node would get now, without those whose kickstart cannot be rendered."""
    profiles = ProfileCache(settings.distributions)
    attributes = effective_values_for_nodes(database, nodes)
    secrets = hashes_for_nodes(database, nodes, ignored=(NODE_KEY,))
    recipes = {}
    for node in nodes:
        try:
            recipes[node.name] = make_recipe(
                settings, profiles, pins[node.name], attributes[node.name], secrets[node.name]
            )
        except RocksError:
            continue  # the request for its kickstart reports the reason
    return recipes


CountPackages = Callable[[Pin, Pin], Optional[int]]


def compare_recipes(
    before: Recipe, after: Recipe, order: Order, pin: Pin, count: CountPackages
) -> Comparison:
    """Return the differences between a node's recipe and what it would get with ``pin``."""
    packages = "packages"
    if before.packages and after.packages and before.packages != after.packages:
        number = count(order.pin, pin)
        if number is not None:
            packages = f"{number} package{'s' * (number != 1)}"
    return Comparison(order.id, differences(before, after, (order.pin, pin), packages))


def _package_counter(distributions: str) -> CountPackages:
    """Return a function that counts the packages in which two pins differ.

    It returns None if the older generation was removed.
    """

    @functools.cache
    def read(pin: Pin) -> Optional[PackageList]:
        folder = profiles_folder(pinned_generation_folder(distributions, pin))
        return read_package_list(folder, pin.profile)

    @functools.cache
    def count(before: Pin, after: Pin) -> Optional[int]:
        old = read(before)
        new = read(after)
        return None if old is None or new is None else count_changes(old, new)

    return count
