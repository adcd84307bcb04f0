# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The profiles of a distribution: of the nodes that the cluster database gives it, and of those that are listed.

Joins the rooms ``cluster``, ``install``, ``profile`` and ``distribution`` for ``rocks_dist``; no room imports it.
"""

from __future__ import annotations

import json
import os
from typing import Iterable, Mapping, NamedTuple, Sequence

from .cluster.attributes import effective_of
from .cluster.database import Database
from .cluster.memberships import memberships
from .cluster.model import Node
from .cluster.nodes import nodes
from .distribution.plan import CompiledProfile, Hook
from .errors import DescriptionError
from .install.orders import live
from .profile.archive import store
from .profile.library import SUFFIX, Wanted, compile_library
from .profile.model import Evaluate
from .profile.render import sha256

NAMED_BY = 16  # digits of its SHA-256 that a stored profile's file name ends with


class Target(NamedTuple):
    """What profiles are compiled for, and by what."""

    release: str
    graph: str
    evaluate: Evaluate


def wanted(database: Database, distribution: str, arch: str) -> list[Wanted]:
    """The roots and attributes of the nodes of a distribution.

    Every membership counts as a node too, so that the first node of it finds a profile when it is inserted.
    """
    found = [node for node in nodes(database) if (node.distribution, node.arch) == (distribution, arch)]
    found += [
        Node(0, f"any {one.name}", "", one.name, one.appliance, one.root, distribution, 0, 0, "", arch, "")
        for one in memberships(database)
        if one.distribution == distribution
    ]
    attributes = effective_of(database, found)
    return [
        Wanted(node.root, {name: one.value for name, one in attributes[node.name].items()})
        for node in found
        if node.root
    ]


def in_use(database: Database, distribution: str, arch: str) -> list[str]:
    """The generations that live install orders pin."""
    pins = [order.pin for order in live(database)]
    return sorted({pin.generation for pin in pins if (pin.distribution, pin.arch) == (distribution, arch)})


def hook(asked: Sequence[Wanted], target: Target) -> Hook:
    """Compile these profiles into the tree of a distribution that has a graph."""
    rows = [[one.root, dict(one.attributes)] for one in asked]
    key = sha256(json.dumps([rows, target.release, target.graph], sort_keys=True))
    return Hook(lambda folder: _compile(folder, asked, target), key)


def _compile(folder: str, asked: Iterable[Wanted], target: Target) -> Mapping[str, CompiledProfile]:
    if not os.path.isdir(os.path.join(folder, "graphs")):
        return {}
    if not target.release:
        raise DescriptionError("no release is named, and there are profiles to compile", "options", "give release")
    library = compile_library(folder, asked, target.release, graph=target.graph, evaluate=target.evaluate)
    made = {}
    for root, profiles in library.profiles.items():
        for profile in profiles:
            text = store(profile)
            made[f"{root}-{sha256(text)[:NAMED_BY]}{SUFFIX}"] = CompiledProfile(
                text, [package.name for package in profile.packages]
            )
    return made
