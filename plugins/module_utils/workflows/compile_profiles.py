# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compile the profiles of a distribution: for its nodes in the cluster database, and for others."""

from __future__ import annotations

import json
import os
from typing import Iterable, Mapping, NamedTuple, Sequence

from ..cluster.database import Database
from ..cluster.memberships import list_memberships
from ..cluster.model import FRONTEND, Node
from ..cluster.nodes import list_nodes
from ..cluster.values.attributes import effective_for_nodes
from ..distribution.build.package_lists import RULES as LIST_RULES
from ..distribution.build.profile_hook import CompiledProfile, CompiledProfiles, ProfileHook
from ..errors import DescriptionError
from ..install.orders import list_live
from ..profile.compile.compiler import RULES
from ..profile.installer_packages import added_packages, language_packs, platform_packages
from ..profile.model import Evaluate, Profile
from ..profile.output.profile_store import ProfileRequest, compile_library, stored_files
from ..profile.output.render import sha256
from ..profile.xml.layers import XmlLayers
from ..xml_folders import GRAPHS, STACKI_GRAPHS


class CompileTarget(NamedTuple):
    release: str
    """Release whose installer reads the kickstart, such as ``rhel9``."""
    graph: str
    evaluate: Evaluate
    """Runs the programs of <eval> elements."""


class ProfileSet(NamedTuple):
    required: Sequence[ProfileRequest] = ()
    """Of the nodes.  The compiler fails if the graph does not have one of these roots."""
    listed: Sequence[ProfileRequest] = ()
    """Of the options.  The same, and it fails too if there is no graph."""
    optional: Sequence[ProfileRequest] = ()
    """Compiled if the graph has their roots."""


def load_profile_set(database: Database, distribution: str, arch: str) -> ProfileSet:
    """Read the graph roots and attributes of the nodes of a distribution.

    Each membership counts as one more node, so that the profile of its first node exists before
    the node is added.
    """
    existing = [
        node
        for node in list_nodes(database)
        if (node.distribution, node.arch) == (distribution, arch) and node.root
    ]
    future = [
        Node(
            id=0,
            name=f"any {membership.name}",
            mac="",
            membership=membership.name,
            appliance=membership.appliance,
            root=membership.root,
            distribution=distribution,
            rack=0,
            rank=0,
            ip="",
            arch=arch,
            comment="",
        )
        for membership in list_memberships(database)
        if membership.distribution == distribution and membership.root
    ]
    attributes = effective_for_nodes(database, [*existing, *future])

    def requests(some_nodes: Iterable[Node]) -> list[ProfileRequest]:
        return [
            ProfileRequest(
                node.root,
                {name: attribute.value for name, attribute in attributes[node.name].items()},
            )
            for node in some_nodes
        ]

    frontends = [node for node in existing if node.appliance == FRONTEND]
    return ProfileSet(
        required=requests(node for node in existing if node.appliance != FRONTEND),
        optional=requests([*frontends, *future]),
    )


def generations_in_use(database: Database, distribution: str, arch: str) -> list[str]:
    """Return the generations that live install orders pin."""
    pins = [order.pin for order in list_live(database)]
    return sorted(
        {pin.generation for pin in pins if (pin.distribution, pin.arch) == (distribution, arch)}
    )


def make_hook(profile_set: ProfileSet, target: CompileTarget) -> ProfileHook:
    """Return a hook that checks the XML of a distribution and compiles these profiles."""
    rows = [
        [[request.root, dict(request.attributes)] for request in requests]
        for requests in (profile_set.required, profile_set.listed, profile_set.optional)
    ]
    key = sha256(
        json.dumps([RULES, LIST_RULES, rows, target.release, target.graph], sort_keys=True)
    )
    return ProfileHook(lambda folder: _compile(folder, profile_set, target), key)


def _without_graph(folder: str, profile_set: ProfileSet) -> CompiledProfiles:
    """Raise DescriptionError if the options list profiles; warn if nodes or XML need a graph."""
    if profile_set.listed:
        raise DescriptionError(
            "profiles are listed, but there is no graph",
            "options",
            "name folders with graphs/ and nodes/ in xml, or a parent that has them",
        )
    if profile_set.required:
        reason = f"{len(profile_set.required)} nodes have no kickstart"
    elif os.listdir(folder):
        reason = "no profile is compiled from the folders of xml"
    else:
        return CompiledProfiles()
    return CompiledProfiles(warnings=[f"{reason}: there is no graph; xml needs a graphs/ folder"])


def _compile(folder: str, profile_set: ProfileSet, target: CompileTarget) -> CompiledProfiles:
    if not any(os.path.isdir(os.path.join(folder, name)) for name in (GRAPHS, STACKI_GRAPHS)):
        return _without_graph(folder, profile_set)
    layers = XmlLayers(folder, target.graph, lenient=True)
    roots = {name for edge in layers.graph.edges for name in (edge.source, edge.target)}
    roots |= layers.node_names()
    requests = [
        *profile_set.required,
        *profile_set.listed,
        *(request for request in profile_set.optional if request.root in roots),
    ]
    if requests and not target.release:
        raise DescriptionError(
            "release is not set, but there are profiles to compile", "options", "set release"
        )
    library = compile_library(layers, requests, target.release, evaluate=target.evaluate)
    compiled = {}
    for file_name, text, profile in stored_files(library):
        packages = {
            name: [f"the installer, because of {reason}"]
            for name, reason in added_packages(profile, _nodes_of(requests, profile)).items()
        }
        packages.update(
            (package.name, [f"{folder}/{origin}" for origin in package.origins])
            for package in profile.packages
        )
        compiled[file_name] = CompiledProfile(
            root=profile.root,
            text=text,
            packages=packages,
            platforms=platform_packages(profile, _arch(requests)),
            optional_packages=language_packs(profile, _nodes_of(requests, profile)),
        )
    return CompiledProfiles(compiled, [str(warning) for warning in library.warnings])


def _nodes_of(requests: Iterable[ProfileRequest], profile: Profile) -> list[Mapping[str, str]]:
    """Return the attributes of the nodes with the root of a profile."""
    return [request.attributes for request in requests if request.root == profile.root]


def _arch(requests: Sequence[ProfileRequest]) -> str:
    """Return the architecture of the nodes, which is that of the distribution."""
    return next((str(row.attributes["arch"]) for row in requests if "arch" in row.attributes), "")
