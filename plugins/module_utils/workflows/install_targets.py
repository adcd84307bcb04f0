# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Resolve what each node would be installed with now: the published generation of its distribution,
and the matching profile.

Combines the attributes of the nodes, the compiled profiles, and the pins of orders.
"""

from __future__ import annotations

from typing import Iterable, Mapping, Optional

from .. import tree_paths
from ..cluster.database import Database
from ..cluster.model import Node
from ..cluster.values.attributes import effective_values_for_nodes
from ..errors import NotFound, RocksError, combine
from ..install.model import Pin
from ..profile.output import profile_store
from ..profile.output.serialization import profile_sha256

HINT = "build and publish one: rocks_dist"


LibraryCache = dict[tuple[str, str], profile_store.ProfileLibrary]
"""Profiles by the folder of their generation, which does not change after its publication, and by
their root."""


def resolve_pins(
    database: Database,
    nodes: Iterable[Node],
    distributions: str,
    cache: Optional[LibraryCache] = None,
) -> dict[str, Pin]:
    """Map each node to the pin of an order that is created now.

    distributions  the folder of the distributions' trees (contract C4)
    cache          profiles that earlier calls have read; this call adds to it

    Raises one error that contains every node without a pin, and the reasons.
    """
    pins, failures = find_pins(database, nodes, distributions, cache)
    if failures:
        raise combine(
            [
                type(error)(error.what, ": ".join(filter(None, (node, error.where))), error.hint)
                for node, error in failures.items()
            ]
        )
    return pins


def find_pins(
    database: Database,
    nodes: Iterable[Node],
    distributions: str,
    cache: Optional[LibraryCache] = None,
) -> tuple[dict[str, Pin], dict[str, RocksError]]:
    """Return the pins as ``resolve_pins``, and the errors of nodes without a pin."""
    nodes = list(nodes)
    cache = {} if cache is None else cache
    attributes = effective_values_for_nodes(database, nodes) if nodes else {}
    pins: dict[str, Pin] = {}
    # By the id of the profile: the hash covers its whole text, and many nodes share it.
    digests: dict[int, str] = {}
    errors: dict[str, RocksError] = {}
    for node in nodes:
        try:
            pins[node.name] = _resolve_pin(
                node, attributes[node.name], distributions, cache=cache, digests=digests
            )
        except RocksError as error:
            errors[node.name] = error
    return pins, errors


def published_generation(distributions: str, distribution: str, arch: str) -> str:
    """Return the published generation of a distribution.  Raises NotFound with the remedy."""
    if not distribution:
        raise NotFound("its membership has no distribution", hint="set one: rocks_membership")
    generation = tree_paths.published_generation(distributions, distribution, arch)
    if not generation:
        link = tree_paths.published_link(distributions, distribution, arch)
        raise NotFound(f"distribution {distribution!r} has no generation for {arch}", link, HINT)
    return generation


def _resolve_pin(
    node: Node,
    attributes: Mapping[str, str],
    distributions: str,
    *,
    cache: LibraryCache,
    digests: dict[int, str],
) -> Pin:
    generation = published_generation(distributions, node.distribution, node.arch)
    tree = tree_paths.generation_folder(distributions, node.distribution, node.arch, generation)
    folder = tree_paths.profiles_folder(tree)
    key = (folder, node.root)
    if key not in cache:
        cache[key] = profile_store.read_library(folder, node.root)
    profile = cache[key].find_profile(node.root, attributes)
    if id(profile) not in digests:
        digests[id(profile)] = profile_sha256(profile)
    return Pin(
        distribution=node.distribution,
        arch=node.arch,
        generation=generation,
        profile=digests[id(profile)],
    )
