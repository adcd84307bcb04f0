# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that can be known to be wrong before a node is installed, each finding with file and line.

Run when a distribution is built, and by hand.  First the files as they stand, whoever uses them; then each root is
compiled for each release, and its packages are looked up in the distribution.
"""

from __future__ import annotations

import fnmatch
from typing import AbstractSet, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Union

from ...errors import DescriptionError, RocksError
from ...suggestions import did_you_mean
from .. import escaping, releases
from ..compile.compiler import try_compile
from ..compile.traversal import HEAD, TAIL, order_nodes
from ..model import (
    COMPILE_RULE,
    ERROR,
    WARNING,
    AttributeDeclaration,
    Element,
    Evaluate,
    Graph,
    Origin,
    Profile,
    Remark,
    Text,
    remark_from_error,
)
from ..xml.expressions import parse
from ..xml.layers import EXTEND, XmlLayers
from ..xml.reader import ENTITY
from .render import referenced_attributes

# What a node's own row says, what the release gives, and what an install order adds: defined without being set.
INTRINSIC_ATTRIBUTES = frozenset(
    (
        *(
            "hostname",
            "rack",
            "rank",
            "ip",
            "mac",
            "arch",
            "membership",
            "appliance",
            "distribution",
        ),
        *("os", "release", "os_version_major"),
        *("frontend_url", "install_url", "install_order", "install_generation", "install_profile"),
    )
)


class AvailablePackages(NamedTuple):
    """What a distribution has: names and provided capabilities, and its groups (None: not known)."""

    names: AbstractSet[str]
    groups: Optional[AbstractSet[str]] = None


def lint(
    paths: Union[str, Sequence[str]],
    roots: Mapping[str, Mapping[str, str]],
    release_names: Sequence[str],
    *,
    graph: str = "default",
    evaluate: Optional[Evaluate] = None,
    available: Optional[AvailablePackages] = None,
) -> tuple[Remark, ...]:
    """All findings, sorted by file and line, each once.

    roots      root -> the attributes of a node of that kind
    available  the packages of the distribution; without it they are not looked up

    Raises only for what is asked wrongly: a path, graph or release that does not exist.
    """
    for name in release_names:
        releases.find_release(name)
    sources = XmlLayers(paths, graph, lenient=True)
    defined = INTRINSIC_ATTRIBUTES.union(*roots.values())
    remarks = lint_files(sources, frozenset(roots), defined)
    for root, attributes in roots.items():
        for release in release_names:
            try:
                result = try_compile(sources, root, attributes, release, evaluate=evaluate)
            except RocksError as error:
                remarks.append(remark_from_error(error, Origin(sources.paths[0], 1)))
                continue
            remarks += result.remarks
            if result.profile:
                remarks += undefined_attributes(result.profile, sources, defined)
                remarks += _absent(result.profile, sources, available)
    return sort_remarks(remarks)


def sort_remarks(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Sorted by file and line, each once: what a rule of its own tells is not told again as the compile's error."""
    found = set(remarks)
    told = {(remark.origin, remark.text) for remark in found if remark.rule != COMPILE_RULE}
    kept = [
        remark
        for remark in found
        if remark.rule != COMPILE_RULE or (remark.origin, remark.text) not in told
    ]
    return tuple(sorted(kept, key=lambda remark: (remark.origin, remark.rule, remark.text)))


def lint_files(
    sources: XmlLayers, roots: AbstractSet[str], defined: AbstractSet[str]
) -> list[Remark]:
    """Check the files as they are, before anything is compiled.

    sources  lenient ones: a graph file that cannot be read is a finding
    defined  the attributes that nodes have
    """
    names = defined | {declared.name for declared in sources.graph.attributes}
    return [*sources.graph_errors, *_files(sources, names), *_graph(sources, roots)]


def _files(sources: XmlLayers, attributes: AbstractSet[str]) -> Iterator[Remark]:
    """Check vocabulary, conditions and CDATA of every node file, whether or not a root reaches it."""
    for path in sources.node_paths():
        try:
            root = sources.element(path)
        except DescriptionError as error:
            yield remark_from_error(error, Origin(path, 1))
            continue
        yield from sources.file_remarks(path)
        yield from _conditions(root)
        yield from _literal_references(root, attributes)
    for path in sources.graph_paths:
        if path in sources.elements:
            yield from sources.file_remarks(path)
            yield from _conditions(sources.element(path))


def _conditions(element: Element) -> Iterator[Remark]:
    if element.attributes.get("cond"):
        try:
            parse(element.attributes["cond"])
        except ValueError as error:
            text = f'cond="{escaping.unmark(element.attributes["cond"])}": {error}'
            yield Remark(ERROR, "condition", element.origin, text)
    for child in element.children:
        if not isinstance(child, Text):
            yield from _conditions(child)


def _literal_references(element: Element, attributes: AbstractSet[str]) -> Iterator[Remark]:
    """Find names of attributes in CDATA sections: XML defines no references there."""
    for child in element.children:
        if isinstance(child, Element):
            yield from _literal_references(child, attributes)
        elif child.literal:
            for number, line in enumerate(child.text.split("\n")):
                for name in ENTITY.findall(line):
                    if name in attributes:
                        origin = Origin(child.origin.file, child.origin.line + number)
                        text = f"&{name}; is plain text in CDATA"
                        hint = f"for the attribute's value, write ]]>&{name};<![CDATA["
                        yield Remark(WARNING, "reference-in-cdata", origin, text, hint)


def _graph(sources: XmlLayers, roots: AbstractSet[str]) -> Iterator[Remark]:
    graph, files = sources.graph, sources.node_names()
    in_edges = {name for edge in graph.edges for name in (edge.source, edge.target)}
    for edge in graph.edges:
        for name in (edge.source, edge.target):
            if name not in files and not escaping.PLACEHOLDER.search(name):
                text = f'the edge names "{name}", and no nodes/{name}.xml exists'
                yield Remark(ERROR, "edge-to-nothing", edge.origin, text, did_you_mean(name, files))
    for order in graph.orders:
        for name in (order.head, order.tail):
            if name not in files | in_edges | {HEAD, TAIL}:
                text = f'the order names "{name}", and there is no such node'
                yield Remark(
                    WARNING,
                    "order-of-nothing",
                    order.origin,
                    text,
                    did_you_mean(name, files | in_edges),
                )
    try:
        order_nodes(in_edges, graph.orders)
    except DescriptionError as error:
        yield remark_from_error(error, Origin(sources.paths[0], 1))
    yield from _unreached(sources, graph, roots, in_edges)


def _unreached(
    sources: XmlLayers, graph: Graph, roots: AbstractSet[str], in_edges: AbstractSet[str]
) -> Iterator[Remark]:
    """Node files that no root comes to, whatever the conditions."""
    leaving: dict[str, set[str]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.source, set()).add(edge.target)
    reached = set(roots) | (in_edges - {edge.target for edge in graph.edges})
    queue = sorted(reached)
    for name in queue:
        fresh = leaving.get(name, set()) - reached
        reached |= fresh
        queue.extend(sorted(fresh))
    open_names = any(
        escaping.PLACEHOLDER.search(name) for name in in_edges
    )  # decided by an attribute: anything may be meant
    for name in sorted(sources.node_names() - reached):
        if open_names:
            return
        paths = sources.node_files(name)
        kind = (
            "extends a node that"
            if paths[0].rsplit("/", 1)[-1].startswith(EXTEND)
            else "is a node file that"
        )
        yield Remark(WARNING, "unreached", Origin(paths[0], 1), f"{name} {kind} no root reaches")


def undefined_attributes(
    profile: Profile, sources: XmlLayers, defined: AbstractSet[str]
) -> Iterator[Remark]:
    """The attributes that a profile's texts need, and that neither a node nor the graph has."""
    declared: dict[str, AttributeDeclaration] = {one.name: one for one in sources.graph.attributes}
    for name, origin in referenced_attributes(profile).items():
        if name not in defined and name not in declared:
            text = f'attribute "{name}" is defined nowhere'
            hint = (
                did_you_mean(name, defined | set(declared))
                or "declare it in a graph file, or set it"
            )
            yield Remark(ERROR, "undefined-attribute", sources.absolute_origin(origin), text, hint)


def _absent(
    profile: Profile, sources: XmlLayers, available: Optional[AvailablePackages]
) -> Iterator[Remark]:
    if available is None:
        return
    for package in profile.packages:
        if not package.name.startswith("-") and not _has(package.name, available):
            text = f'the distribution has no package "{package.name}" ({profile.root}, {profile.release})'
            # Of some ten thousand names, only those with the same first letter are compared.
            alike = (
                ()
                if package.name.startswith("@")
                else (n for n in available.names if n[:1] == package.name[:1])
            )
            hint = did_you_mean(package.name, alike)
            for origin in package.origins:
                yield Remark(ERROR, "absent-package", sources.absolute_origin(origin), text, hint)


def _has(name: str, available: AvailablePackages) -> bool:
    if name.startswith("@"):
        module = ":" in name  # @name:stream enables a stream of packages
        return module or available.groups is None or name.lstrip("@^") in available.groups
    if any(character in name for character in "*?["):
        return bool(fnmatch.filter(available.names, name))
    return name in available.names or name.rpartition(".")[0] in available.names
