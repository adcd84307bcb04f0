# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The compiled profiles of one distribution: made when it is built, stored with its generation, found by attributes.

One file per profile in ``build/profiles/`` of the tree (contract C4).  A request never compiles: it finds the profile
whose shape its node has, and substitutes.
"""

from __future__ import annotations

import functools
import itertools
import os
from typing import Callable, Iterable, Mapping, NamedTuple, Optional

from ...errors import DescriptionError, NotFound
from ...files import read_text, replace
from ...tree_paths import PROFILE_SUFFIX, profile_file_name
from ..compile.compiler import Compilation, XmlPaths, combine_remarks, try_compile
from ..model import ERROR, Evaluate, Origin, Profile, Remark, remark_from_error
from ..xml.attribute_types import check_values
from ..xml.layers import XmlLayers
from . import lint
from .render import matches, sha256
from .serialization import deserialize, serialize


class ProfileRequest(NamedTuple):
    """A node, as the compiler needs it: the root of its appliance, and its attributes."""

    root: str
    attributes: Mapping[str, str]


class ProfileLibrary(NamedTuple):
    """Profiles by root; of those just compiled also what the lint says that is no error."""

    profiles: Mapping[str, tuple[Profile, ...]]
    warnings: tuple[Remark, ...] = ()

    def find_profile(self, root: str, attributes: Mapping[str, str]) -> Profile:
        """The profile of a node.

        Raises NotFound, naming the attributes in which the profiles of that root differ from the node, when none fits.
        """
        candidates = self.profiles.get(root, ())
        for profile in candidates:
            if matches(profile, attributes):
                return profile
        if not candidates:
            raise NotFound(
                f'no profile for the root "{root}"',
                "",
                f"there are {', '.join(sorted(self.profiles))}",
            )
        differing = sorted(
            {n for p in candidates for n, v in p.shape.items() if attributes.get(n, v) != v}
        )
        raise NotFound(
            f'no profile of the root "{root}" fits the node',
            "",
            f"compile the distribution again; {', '.join(differing) or 'an unset attribute'} changed since",
        )


def compile_library(
    paths: XmlPaths,
    wanted: Iterable[ProfileRequest],
    release: str,
    *,
    graph: str = "default",
    evaluate: Optional[Evaluate] = None,
) -> ProfileLibrary:
    """One profile for each shape among the nodes: the XML is read once, linted, and each shape compiled once.

    paths  as for compile_profile; Sources that are open already are lenient ones

    Raises NotFound for a path, graph, root or release that does not exist, and DescriptionError with file:line for
    every error that the lint finds, used or not, all at once.
    """
    sources = paths if isinstance(paths, XmlLayers) else XmlLayers(paths, graph, lenient=True)
    nodes: dict[str, list[Mapping[str, str]]] = {}
    for root, attributes in wanted:
        nodes.setdefault(root, []).append(attributes)
    defined = lint.INTRINSIC_ATTRIBUTES.union(*itertools.chain(*nodes.values()))
    remarks = lint.lint_files(sources, nodes.keys(), defined)
    profiles: dict[str, tuple[Profile, ...]] = {}
    for root, rows in sorted(nodes.items()):
        if sources.graph_errors:
            break  # of a graph that is not whole, more would be said than is true
        remarks += check_values(sources.graph.attributes, rows)
        attempt = functools.partial(try_compile, sources, root, release=release, evaluate=evaluate)
        try:
            compiled = _shapes(rows, attempt, remarks)
        except DescriptionError as error:
            remarks.append(remark_from_error(error, Origin(sources.paths[0], 1)))
            continue
        defined = lint.INTRINSIC_ATTRIBUTES.union(*rows)
        remarks += [
            remark
            for profile in compiled
            for remark in lint.undefined_attributes(profile, sources, defined)
        ]
        profiles[root] = tuple(sorted(compiled, key=serialize))
    found = lint.sort_remarks(remarks)
    errors = [remark for remark in found if remark.severity == ERROR]
    if errors:
        raise combine_remarks(errors)
    return ProfileLibrary(profiles, found)


def _shapes(
    rows: Iterable[Mapping[str, str]],
    attempt: Callable[[Mapping[str, str]], Compilation],
    remarks: list[Remark],
) -> list[Profile]:
    """The profiles of one root's nodes; what the compiles say is added to the remarks."""
    made: list[Profile] = []
    for attributes in rows:
        if any(matches(profile, attributes) for profile in made):
            continue
        result = attempt(attributes)
        remarks += result.remarks
        if result.profile is None:
            break  # the other nodes of the root would say the same, once each
        made.append(result.profile)
    return made


def write_library(library: ProfileLibrary, folder: str) -> tuple[str, ...]:
    """Store every profile in an existing folder; the names of the files, sorted.

    A name holds the root and the hash of the content, so the same profiles give the same files.
    """
    names = []
    for root, profiles in library.profiles.items():
        for profile in profiles:
            text = serialize(profile)
            names.append(profile_file_name(root, sha256(text)))
            replace(os.path.join(folder, names[-1]), text, 0o644)
    return tuple(sorted(names))


def read_library(folder: str) -> ProfileLibrary:
    """The profiles that ``write`` stored.  Raises NotFound, or DescriptionError that names a file of another kind."""
    if not os.path.isdir(folder):
        raise NotFound("no compiled profiles", folder, "build the distribution again")
    profiles: dict[str, list[Profile]] = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(PROFILE_SUFFIX):
            path = os.path.join(folder, name)
            profile = deserialize(read_text(path), path)
            profiles.setdefault(profile.root, []).append(profile)
    return ProfileLibrary({root: tuple(made) for root, made in profiles.items()})
