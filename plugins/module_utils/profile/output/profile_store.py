# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The compiled profiles of a distribution, found by a node's attributes.

They are stored with its generation, one file per profile in ``build/profiles/`` of the tree
(contract C4). A request never compiles: it finds the profile whose shape matches the node, and
substitutes values.
"""

from __future__ import annotations

import functools
import itertools
import os
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Optional

from ...errors import DescriptionError, NotFound
from ...files import read_text
from ...tree_paths import PROFILE_SUFFIX, profile_file_name, profile_root
from ..compile.compiler import Compilation, XmlPaths, combine_remarks, try_compile
from ..model import ERROR, Evaluate, Origin, Profile, Remark, remark_from_error
from ..xml.attribute_types import check_values
from ..xml.layers import XmlLayers
from . import lint
from .render import matches, sha256, unwritable_values
from .serialization import deserialize, serialize


class ProfileRequest(NamedTuple):
    """A node as the compiler sees it: the root of its appliance, and its attributes."""

    root: str
    attributes: Mapping[str, str]


class ProfileLibrary(NamedTuple):
    """Profiles by root; if just compiled, also the warnings of the lint."""

    profiles: Mapping[str, tuple[Profile, ...]]
    warnings: tuple[Remark, ...] = ()

    def find_profile(self, root: str, attributes: Mapping[str, str]) -> Profile:
        """Return the profile of a node.

        Raises NotFound that names the attributes in which the profiles of the root differ from the
        node, if none matches.
        """
        candidates = self.profiles.get(root, ())
        for profile in candidates:
            if matches(profile, attributes):
                return profile
        if not candidates:
            raise NotFound(
                f'no profile for the root "{root}"',
                "",
                f"roots: {', '.join(sorted(set(self.profiles) - {root}))}",
            )
        differing = sorted(
            {
                name
                for profile in candidates
                for name, value in profile.shape.items()
                if attributes.get(name, value) != value
            }
        )
        raise NotFound(
            f'no profile of the root "{root}" matches the node',
            "",
            f"rebuild the distribution; changed since: {', '.join(differing) or 'nothing set'}",
        )


def compile_library(
    paths: XmlPaths,
    requests: Iterable[ProfileRequest],
    release: str,
    *,
    graph: str = "default",
    evaluate: Optional[Evaluate] = None,
) -> ProfileLibrary:
    """Read and lint the XML once, and compile one profile for each shape among the nodes.

    paths  as for compile_profile; XmlLayers that are open already must be lenient

    Raises NotFound for a path, graph, root or release that does not exist, and one DescriptionError
    with file:line for all errors that the lint finds, in files that are used or not.
    """
    layers = paths if isinstance(paths, XmlLayers) else XmlLayers(paths, graph, lenient=True)
    nodes: dict[str, list[Mapping[str, str]]] = {}
    for root, attributes in requests:
        nodes.setdefault(root, []).append(attributes)
    defined = lint.INTRINSIC_ATTRIBUTES.union(*itertools.chain(*nodes.values()))
    remarks = lint.lint_files(layers, nodes.keys(), defined)
    profiles: dict[str, tuple[Profile, ...]] = {}
    for root, rows in sorted(nodes.items()):
        if layers.graph_errors:
            break  # an incomplete graph causes misleading errors
        remarks += check_values(layers.graph.attributes, rows)
        attempt = functools.partial(try_compile, layers, root, release=release, evaluate=evaluate)
        try:
            compiled = _compile_shapes(rows, attempt, remarks)
        except DescriptionError as error:
            remarks.append(remark_from_error(error, Origin(layers.paths[0], 1)))
            continue
        defined = lint.INTRINSIC_ATTRIBUTES.union(*rows)
        remarks += [
            remark
            for profile in compiled
            for remark in lint.undefined_attributes(profile, layers, defined)
        ]
        remarks += [
            remark._replace(origin=layers.absolute_origin(remark.origin))
            for profile in compiled
            for remark in unwritable_values(profile, _rows_of(profile, rows))
        ]
        profiles[root] = tuple(sorted(compiled, key=serialize))
    sorted_remarks = lint.sort_remarks(remarks)
    errors = [remark for remark in sorted_remarks if remark.severity == ERROR]
    if errors:
        raise combine_remarks(errors)
    return ProfileLibrary(profiles, sorted_remarks)


def _rows_of(profile: Profile, rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    return (row for row in rows if matches(profile, row))


def _compile_shapes(
    rows: Iterable[Mapping[str, str]],
    attempt: Callable[[Mapping[str, str]], Compilation],
    remarks: list[Remark],
) -> list[Profile]:
    """Compile the profiles of a root's nodes, and add the findings to ``remarks``."""
    profiles: list[Profile] = []
    for attributes in rows:
        if any(matches(profile, attributes) for profile in profiles):
            continue
        result = attempt(attributes)
        remarks += result.remarks
        if result.profile is None:
            break  # the other nodes of the root have the same errors
        profiles.append(result.profile)
    return profiles


def stored_files(library: ProfileLibrary) -> Iterator[tuple[str, str, Profile]]:
    """Yield the file name, the text and the profile of each file to store.

    A name contains the root and the hash of the text, so the same profiles have the same files.
    """
    for root, profiles in library.profiles.items():
        for profile in profiles:
            text = serialize(profile)
            yield profile_file_name(root, sha256(text)), text, profile


def read_library(folder: str, only_root: str = "") -> ProfileLibrary:
    """Read the files of a folder.

    only_root  read only the profiles of this root; the library then names the others without them

    Raises NotFound, or DescriptionError that names a file of another kind.
    """
    if not os.path.isdir(folder):
        raise NotFound("no compiled profiles", folder, "rebuild the distribution")
    profiles: dict[str, list[Profile]] = {}
    for name in sorted(os.listdir(folder)):
        if only_root and profile_root(name) not in ("", only_root):
            profiles.setdefault(profile_root(name), [])
        elif name.endswith(PROFILE_SUFFIX):
            path = os.path.join(folder, name)
            profile = deserialize(read_text(path), path)
            profiles.setdefault(profile.root, []).append(profile)
    return ProfileLibrary({root: tuple(items) for root, items in profiles.items()})
