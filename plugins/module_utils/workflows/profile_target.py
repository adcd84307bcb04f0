# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The profile that a module's options name: of a node, or of a root with attributes.

Joins the packages ``cluster``, ``profile`` and ``distribution`` for the modules that compile
profiles.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, NamedTuple, Optional

from .. import tree_paths
from ..attribute_values import to_text
from ..cluster.database import connect
from ..cluster.nodes import find_node
from ..cluster.values.attributes import effective_values
from ..errors import DescriptionError, NotFound
from ..profile.compile.compiler import compile_profile
from ..profile.compile.evaluate import make_evaluator
from ..profile.model import AttributeDeclaration, Evaluate, Profile
from ..profile.output import profile_store
from ..profile.output.lint import AvailablePackages
from ..profile.xml.layers import XmlLayers
from ..settings import Settings


class ProfileTarget(NamedTuple):
    """A root, the attributes of a real or imaginary node, and the XML to compile."""

    name: str
    root: str
    attributes: Mapping[str, str]
    paths: tuple[str, ...]
    tree: str
    """The published distribution or generation that the XML belongs to; empty with ``path``."""
    graph: str
    release: str
    evaluate: Evaluate

    def find_or_compile(self) -> Profile:
        """Return the profile stored with the distribution if it matches, or compile it."""
        stored = self._find_stored()
        return stored or compile_profile(
            self.paths,
            self.root,
            self.attributes,
            self.release,
            graph=self.graph,
            evaluate=self.evaluate,
        )

    def declarations(self) -> tuple[AttributeDeclaration, ...]:
        """Return the attributes that the graph declares."""
        return XmlLayers(self.paths, self.graph).graph.attributes

    def available_packages(self) -> Optional[AvailablePackages]:
        """Return the distribution's content for the lint.

        None if the XML belongs to no built distribution.
        """
        # Imported here so that only this function requires the libraries of ``distribution``.
        from ..distribution.metadata.capabilities import decode_entries, entry_name, merge_entries
        from ..distribution.metadata.comps import read_groups
        from ..distribution.metadata.index import CAPABILITIES, open_published

        published = open_published(self.tree) if self.tree else None
        if published is None:
            return None
        contents = [
            published.frame_content(CAPABILITIES, number) for number in published.index.shards
        ]
        provided = merge_entries(
            decode_entries(content) for content in contents if content
        ).provides
        groups = read_groups(published.document("group"), self.tree)
        return AvailablePackages(
            frozenset(entry_name(entry).decode("utf-8", "replace") for entry in provided),
            frozenset(name.lstrip("^") for name in groups),
        )

    def _find_stored(self) -> Optional[Profile]:
        try:
            library = (
                profile_store.read_library(tree_paths.profiles_folder(self.tree))
                if self.tree
                else None
            )
            profile = library.find_profile(self.root, self.attributes) if library else None
        except NotFound:
            return None
        return (
            profile
            if profile and (profile.graph, profile.release) == (self.graph, self.release)
            else None
        )


def resolve_target(params: Mapping[str, Any], settings: Settings) -> ProfileTarget:
    """Return the target that a module's options name (the fragment ``profile``).

    Raises NotFound for a node or distribution that does not exist, DescriptionError for conflicting
    options, and the database's errors.
    """
    attributes = {
        name: to_text(value, name) for name, value in (params.get("attributes") or {}).items()
    }
    distribution = params.get("distribution") or ""
    root = params.get("root") or ""
    if bool(root) == bool(params.get("node")):
        raise DescriptionError("node or root is required", "options", "set one of them")
    if params.get("node"):
        with connect(params.get("database") or settings.reader or settings.database) as database:
            node = find_node(database, params["node"])
            attributes = {**effective_values(database, node), **attributes}
        root = root or node.root
        distribution = distribution or node.distribution
        if not root:
            raise NotFound(
                f"the appliance {node.appliance!r} has no root, so {node.name} has no profile",
                node.name,
            )
    arch = attributes.get("arch", "")
    generation = _find_generation(params, settings, distribution, arch)
    paths, tree = _find_xml(params, settings, distribution, arch, generation)
    if tree:
        attributes = {
            **_order_attributes(settings, distribution, arch, generation),
            **attributes,
        }
    return ProfileTarget(
        name=params.get("node") or root,
        root=root,
        attributes=attributes,
        paths=paths,
        tree=tree,
        graph=params["graph"],
        release=params.get("release") or _release(tree),
        evaluate=make_evaluator(params["eval_user"], params["eval_timeout"]),
    )


def _find_generation(
    params: Mapping[str, Any], settings: Settings, distribution: str, arch: str
) -> str:
    """Return the full name of the generation that the options request; empty: the published one."""
    if params.get("path") or not (params.get("generation") and distribution and arch):
        return ""
    # Imported here, as in ``available_packages``.
    from ..distribution.publish import find_generation
    from ..distribution.storage.pool import StorePaths

    store = StorePaths(settings.distributions)
    return find_generation(store, distribution, arch, params["generation"])


def _find_xml(
    params: Mapping[str, Any], settings: Settings, distribution: str, arch: str, generation: str
) -> tuple[tuple[str, ...], str]:
    """Return the directories with the XML, and the distribution's tree."""
    if params.get("path"):
        return tuple(params["path"]), ""
    if not distribution:
        raise DescriptionError("the XML is missing", "options", "set path or distribution")
    if not arch:
        raise DescriptionError("the architecture is missing", "options", "set attributes.arch")
    tree = tree_paths.published_link(settings.distributions, distribution, arch)
    if generation:
        tree = tree_paths.generation_folder(settings.distributions, distribution, arch, generation)
    if not os.path.isdir(tree):
        raise NotFound(
            f'unknown distribution "{distribution}" for {arch}', tree, "build it with rocks_dist"
        )
    return (tree_paths.xml_folder(tree),), tree


def _order_attributes(
    settings: Settings, distribution: str, arch: str, generation: str
) -> dict[str, str]:
    """Return the attributes that an install order adds to a node."""
    base = settings.plain_url
    if generation:
        url = tree_paths.generation_url(base, distribution, arch, generation)
    else:
        url = tree_paths.published_url(base, distribution, arch)
    return {
        "frontend_url": settings.url,
        "install_url": url,
        "install_order": "",
        "install_generation": generation,
        "install_profile": "",
        "accounts_version": "0",
    }


def _release(tree: str) -> str:
    """Return the release that a distribution's profiles were compiled for."""
    try:
        stored = profile_store.read_library(tree_paths.profiles_folder(tree)) if tree else None
    except NotFound:
        stored = None
    for profiles in stored.profiles.values() if stored else ():
        return profiles[0].release
    raise DescriptionError("the release is missing", "options", "set release, such as rhel9")
