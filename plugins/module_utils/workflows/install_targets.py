# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each node would be installed from now: the published generation of its distribution, and the profile of its shape.

The joint of three rooms (the nodes' attributes, the compiled profiles, the orders' pins) for the modules that order.
"""

from __future__ import annotations

from typing import Iterable, Mapping, Optional

from .. import tree_paths
from ..cluster.attributes import effective_for_nodes
from ..cluster.database import Database
from ..cluster.model import Node
from ..errors import NotFound, RocksError, combine
from ..install.model import Pin
from ..profile.output import profile_store
from ..profile.output.serialization import profile_sha256

HINT = "build and publish one: rocks_dist"


# Profiles by the folder of their generation, which never changes once it is published.
LibraryCache = dict[str, profile_store.ProfileLibrary]


def resolve_pins(
    database: Database,
    nodes: Iterable[Node],
    distributions: str,
    kept: Optional[LibraryCache] = None,
) -> dict[str, Pin]:
    """Node -> what an order that is made now pins.

    distributions  the folder of the distributions' trees (contract C4)
    kept           what an earlier call has read, for the next one

    Raises one error with every node that nothing can be installed on, and why.
    """
    wanted, kept = list(nodes), {} if kept is None else kept
    attributes = effective_for_nodes(database, wanted) if wanted else {}
    found: dict[str, Pin] = {}
    identities: dict[
        int, str
    ] = {}  # by the profile's id: its hash is made of the whole text, and many nodes share it
    faults: list[RocksError] = []
    for node in wanted:
        try:
            values = {name: attribute.value for name, attribute in attributes[node.name].items()}
            found[node.name] = _resolve_pin(node, values, distributions, kept, identities)
        except RocksError as error:
            faults.append(
                type(error)(
                    error.what, ": ".join(filter(None, (node.name, error.where))), error.hint
                )
            )
    if faults:
        raise combine(faults)
    return found


def published_generation(distributions: str, distribution: str, arch: str) -> str:
    """The generation that a distribution's link leads to.  Raises NotFound with the remedy."""
    if not distribution:
        raise NotFound("its membership has no distribution", hint="give it one: rocks_membership")
    generation = tree_paths.published_generation(distributions, distribution, arch)
    if not generation:
        link = tree_paths.published_link(distributions, distribution, arch)
        raise NotFound(f"distribution {distribution!r} has no generation for {arch}", link, HINT)
    return generation


def _resolve_pin(
    node: Node,
    attributes: Mapping[str, str],
    distributions: str,
    kept: LibraryCache,
    identities: dict[int, str],
) -> Pin:
    generation = published_generation(distributions, node.distribution, node.arch)
    tree = tree_paths.generation_folder(distributions, node.distribution, node.arch, generation)
    folder = tree_paths.profiles_folder(tree)
    if folder not in kept:
        kept[folder] = profile_store.read_library(folder)
    profile = kept[folder].find_profile(node.root, attributes)
    if id(profile) not in identities:
        identities[id(profile)] = profile_sha256(profile)
    return Pin(node.distribution, node.arch, generation, identities[id(profile)])
