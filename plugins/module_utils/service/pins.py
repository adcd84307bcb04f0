# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which generation and which profile an order of a node pins now: for whoever makes orders.

The published generation of the node's distribution and architecture, and in it the compiled profile whose shape the
node's attributes have.  Nothing is compiled here.
"""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple, Sequence

from ..cluster import attributes
from ..cluster.database import Database
from ..cluster.model import Node
from ..cluster.nodes import nodes
from ..errors import NotFound, RocksError
from ..install.model import Pin
from ..profile import archive, library
from ..profile.model import Profile


class Pinned(NamedTuple):
    """What each node would install; ``without``: why another one cannot be ordered."""

    pins: Mapping[str, Pin]
    without: Mapping[str, str]


class _Published(NamedTuple):
    generation: str
    profiles: library.Library
    identities: Mapping[int, str]  # by id() of the profile: a SHA-256 of a whole profile is made once


def pin(db: Database, distributions: str, names: Sequence[str]) -> Pinned:
    """What an order of each of these nodes would install.  Raises NotFound for a name that is no node.

    distributions  the folder of the distributions' trees

    A node without a graph root (a switch) is in neither mapping: ``install.orders`` says why it is refused.
    """
    found = [node for node in nodes(db, names) if node.root]
    known = attributes.effective_of(db, found)
    published: dict[tuple[str, str], _Published] = {}
    pins, without = {}, {}
    for node in found:
        try:
            key = (node.distribution, node.arch)
            at = published.get(key) or published.setdefault(key, _published(distributions, node))
            given = {name: attribute.value for name, attribute in known[node.name].items()}
            profile = at.profiles.find(node.root, given)
            pins[node.name] = Pin(node.distribution, node.arch, at.generation, at.identities[id(profile)])
        except RocksError as error:
            without[node.name] = str(error)
    return Pinned(pins, without)


def _published(distributions: str, node: Node) -> _Published:
    link = os.path.join(distributions, node.distribution, node.arch)
    try:
        tree = os.path.join(os.path.dirname(link), os.readlink(link))
    except OSError:
        raise NotFound(
            f"the distribution {node.distribution!r} was never published for {node.arch}",
            link,
            "build it: ansible-playbook playbooks/rebuild-dist.yml",
        ) from None
    found = library.read(os.path.join(tree, "build", "profiles"))
    every: list[Profile] = [profile for profiles in found.profiles.values() for profile in profiles]
    return _Published(
        os.path.basename(os.path.normpath(tree)), found, {id(one): archive.identity(one) for one in every}
    )
