# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The profiles of a distribution: of the nodes that the cluster database gives it, and of those that are listed.

Joins the rooms ``cluster``, ``install``, ``profile`` and ``distribution`` for ``rocks_dist``; no room imports it.
"""

from __future__ import annotations

import json
import os
from typing import Iterable, NamedTuple, Sequence

from ..cluster.attributes import effective_of
from ..cluster.database import Database
from ..cluster.memberships import memberships
from ..cluster.model import FRONTEND, Node
from ..cluster.nodes import nodes
from ..distribution.build.profile_hook import CompiledProfile, CompiledProfiles, ProfileHook
from ..errors import DescriptionError
from ..install.orders import live
from ..profile.model import Evaluate
from ..profile.output.profile_store import ProfileRequest, compile_library
from ..profile.output.render import sha256
from ..profile.output.serialization import serialize
from ..profile.xml.layers import XmlLayers
from ..tree_paths import profile_file_name


class CompileTarget(NamedTuple):
    """What profiles are compiled for, and by what."""

    release: str
    graph: str
    evaluate: Evaluate


class ProfileSet(NamedTuple):
    """The profiles that there must be, and those that there may be, if the graph has their roots."""

    required: Sequence[ProfileRequest] = ()
    optional: Sequence[ProfileRequest] = ()


def load_profile_set(database: Database, distribution: str, arch: str) -> ProfileSet:
    """The roots and attributes of the nodes of a distribution.

    Every membership counts as a node that may come, so that the first one finds a profile when it is inserted.
    """
    real = [
        node
        for node in nodes(database)
        if (node.distribution, node.arch) == (distribution, arch) and node.root
    ]
    coming = [
        Node(
            0,
            f"any {one.name}",
            "",
            one.name,
            one.appliance,
            one.root,
            distribution,
            0,
            0,
            "",
            arch,
            "",
        )
        for one in memberships(database)
        if one.distribution == distribution and one.root
    ]
    attributes = effective_of(database, [*real, *coming])

    def rows(some: Iterable[Node]) -> list[ProfileRequest]:
        return [
            ProfileRequest(
                one.root, {name: row.value for name, row in attributes[one.name].items()}
            )
            for one in some
        ]

    return ProfileSet(
        rows(node for node in real if node.appliance != FRONTEND),
        rows([*(node for node in real if node.appliance == FRONTEND), *coming]),
    )


def generations_in_use(database: Database, distribution: str, arch: str) -> list[str]:
    """The generations that live install orders pin."""
    pins = [order.pin for order in live(database)]
    return sorted(
        {pin.generation for pin in pins if (pin.distribution, pin.arch) == (distribution, arch)}
    )


def make_hook(asked: ProfileSet, target: CompileTarget) -> ProfileHook:
    """Lint the XML of a distribution that has a graph, and compile these profiles into its tree."""
    rows = [[[one.root, dict(one.attributes)] for one in some] for some in asked]
    key = sha256(json.dumps([rows, target.release, target.graph], sort_keys=True))
    return ProfileHook(lambda folder: _compile(folder, asked, target), key)


def _compile(folder: str, asked: ProfileSet, target: CompileTarget) -> CompiledProfiles:
    if not os.path.isdir(os.path.join(folder, "graphs")):
        return CompiledProfiles()
    sources = XmlLayers(folder, target.graph, lenient=True)
    known = {
        name for edge in sources.graph.edges for name in (edge.source, edge.target)
    } | sources.node_names()
    every = [*asked.required, *(one for one in asked.optional if one.root in known)]
    if every and not target.release:
        raise DescriptionError(
            "no release is named, and there are profiles to compile", "options", "give release"
        )
    library = compile_library(sources, every, target.release, evaluate=target.evaluate)
    made = {}
    for root, profiles in library.profiles.items():
        for profile in profiles:
            text = serialize(profile)
            packages = {
                one.name: [f"{folder}/{origin}" for origin in one.origins]
                for one in profile.packages
            }
            made[profile_file_name(root, sha256(text))] = CompiledProfile(root, text, packages)
    return CompiledProfiles(made, [str(warning) for warning in library.warnings])
