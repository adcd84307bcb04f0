# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which profile a module is asked about: of a node in the database, or of a root with attributes.

Joins the rooms ``cluster``, ``profile`` and ``distribution`` for the modules that compile; no room imports it.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, NamedTuple, Optional

from .. import tree_paths
from ..cluster.attributes import effective_values
from ..cluster.database import connect
from ..cluster.nodes import find_node
from ..errors import DescriptionError, NotFound
from ..profile.compile.compiler import compile_profile
from ..profile.compile.evaluate import make_evaluator
from ..profile.model import AttributeDeclaration, Evaluate, Profile
from ..profile.output import profile_store
from ..profile.output.lint import AvailablePackages
from ..profile.xml.layers import XmlLayers
from ..settings import Settings


class ProfileTarget(NamedTuple):
    """A root and all attributes of one (real or imagined) node, and where the XML is.

    tree  the published distribution, or the generation of it, that the XML belongs to; empty with ``path``
    """

    name: str
    root: str
    attributes: Mapping[str, str]
    paths: tuple[str, ...]
    tree: str
    graph: str
    release: str
    evaluate: Evaluate

    def find_or_compile(self) -> Profile:
        """The compiled profile: the one stored with the distribution where it fits, otherwise compiled now."""
        stored = self._stored()
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
        """What the distribution has to offer, for the lint; None where the XML belongs to no built one."""
        # Here, so that only who asks for it needs the libraries of that room.
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
        known = read_groups(published.document("group"), self.tree)
        return AvailablePackages(
            frozenset(entry_name(entry).decode("utf-8", "replace") for entry in provided),
            frozenset(name.lstrip("^") for name in known),
        )

    def _stored(self) -> Optional[Profile]:
        try:
            found = (
                profile_store.read_library(tree_paths.profiles_folder(self.tree))
                if self.tree
                else None
            )
            profile = found.find_profile(self.root, self.attributes) if found else None
        except NotFound:
            return None
        return (
            profile
            if profile and (profile.graph, profile.release) == (self.graph, self.release)
            else None
        )


def resolve_target(params: Mapping[str, Any], settings: Settings) -> ProfileTarget:
    """The subject that a module's options name (the fragment ``profile``).

    Raises NotFound for a node or distribution that does not exist, DescriptionError for options that do not go
    together, and what the database raises.
    """
    given = {name: to_text(value) for name, value in (params.get("attributes") or {}).items()}
    distribution, root = params.get("distribution") or "", params.get("root") or ""
    if bool(root) == bool(params.get("node")):
        raise DescriptionError("either node or root is needed", "options", "name one of them")
    if params.get("node"):
        with connect(params.get("database") or settings.reader or settings.database) as database:
            node = find_node(database, params["node"])
            given = {**effective_values(database, node), **given}
        root, distribution = root or node.root, distribution or node.distribution
        if not root:
            raise NotFound(
                f"the appliance {node.appliance!r} has no root, so {node.name} has no profile",
                node.name,
            )
    paths, tree = _where(params, settings, distribution, given.get("arch", ""))
    if tree:
        given = {
            **_served(
                settings, distribution, given.get("arch", ""), params.get("generation") or ""
            ),
            **given,
        }
    return ProfileTarget(
        name=params.get("node") or root,
        root=root,
        attributes=given,
        paths=paths,
        tree=tree,
        graph=params["graph"],
        release=params.get("release") or _release(tree),
        evaluate=make_evaluator(params["eval_user"], params["eval_timeout"]),
    )


def to_text(value: Any) -> str:
    """An option's value as an attribute's: attributes are text, and YAML's yes is ``true``."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _where(
    params: Mapping[str, Any], settings: Settings, distribution: str, arch: str
) -> tuple[tuple[str, ...], str]:
    """The directories with the XML, and the distribution's tree."""
    if params.get("path"):
        return tuple(params["path"]), ""
    if not distribution:
        raise DescriptionError("no XML is named", "options", "give path or distribution")
    if not arch:
        raise DescriptionError(
            "a distribution has a tree for each architecture", "options", "give attributes.arch"
        )
    tree = tree_paths.published_link(settings.distributions, distribution, arch)
    if params.get("generation"):
        tree = tree_paths.generation_folder(
            settings.distributions, distribution, arch, params["generation"]
        )
    if not os.path.isdir(tree):
        raise NotFound(f'no distribution "{distribution}" for {arch}', tree, "build it: rocks_dist")
    return (tree_paths.xml_folder(tree),), tree


def _served(settings: Settings, distribution: str, arch: str, generation: str) -> dict[str, str]:
    """What an install order would add to the node's attributes, for a node that has none."""
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
    }


def _release(tree: str) -> str:
    """The release that a distribution's profiles were compiled for."""
    try:
        stored = profile_store.read_library(tree_paths.profiles_folder(tree)) if tree else None
    except NotFound:
        stored = None
    for profiles in stored.profiles.values() if stored else ():
        return profiles[0].release
    raise DescriptionError("no release is named", "options", "give release, for instance rhel9")
