# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find mistakes in the XML before a node is installed from it, each with file and line.

This runs when a distribution is built, and on request. It checks the files first, whether or not
they are used; then it compiles each root for each release, and looks for its packages in the
distribution.
"""

from __future__ import annotations

import fnmatch
from typing import AbstractSet, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Union

from ...errors import DescriptionError, RocksError
from ...suggestions import did_you_mean
from ...xml_folders import EXTEND
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
from ..xml.layers import XmlLayers
from ..xml.reader import ENTITY
from .render import referenced_attributes

# Attributes that are always set: by the node's row, by the release, or by an install order.
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
        "accounts_version",
    )
)


class AvailablePackages(NamedTuple):
    """The content of a distribution: package names and provided capabilities, and its groups."""

    names: AbstractSet[str]
    groups: Optional[AbstractSet[str]] = None
    """None: unknown; groups are not checked."""


def lint(
    paths: Union[str, Sequence[str]],
    roots: Mapping[str, Mapping[str, str]],
    release_names: Sequence[str],
    *,
    graph: str = "default",
    evaluate: Optional[Evaluate] = None,
    available: Optional[AvailablePackages] = None,
) -> tuple[Remark, ...]:
    """Return all findings, sorted by file and line, each once.

    roots      root -> the attributes of a node of that kind
    available  the packages of the distribution; without it, packages are not looked up

    Raises only if a path, graph or release does not exist.
    """
    for name in release_names:
        releases.find_release(name)
    layers = XmlLayers(paths, graph, lenient=True)
    defined = INTRINSIC_ATTRIBUTES.union(*roots.values())
    remarks = lint_files(layers, frozenset(roots), defined)
    for root, attributes in roots.items():
        for release in release_names:
            try:
                result = try_compile(layers, root, attributes, release, evaluate=evaluate)
            except RocksError as error:
                remarks.append(remark_from_error(error, Origin(layers.paths[0], 1)))
                continue
            remarks += result.remarks
            if result.profile:
                remarks += undefined_attributes(result.profile, layers, defined)
                remarks += _absent_packages(result.profile, layers, available)
    return sort_remarks(remarks)


def sort_remarks(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Sort findings by file and line, each once.

    An error of the compile is omitted where a specific rule reports the same text at the same
    place.
    """
    unique = set(remarks)
    specific = {(remark.origin, remark.text) for remark in unique if remark.rule != COMPILE_RULE}
    result = [
        remark
        for remark in unique
        if remark.rule != COMPILE_RULE or (remark.origin, remark.text) not in specific
    ]
    return tuple(sorted(result, key=lambda remark: (remark.origin, remark.rule, remark.text)))


def lint_files(
    layers: XmlLayers, roots: AbstractSet[str], defined: AbstractSet[str]
) -> list[Remark]:
    """Check the files themselves, before anything is compiled.

    layers   lenient ones: a graph file that cannot be read is a finding
    defined  the attributes that nodes have
    """
    names = defined | {declaration.name for declaration in layers.graph.attributes}
    return [
        *layers.graph_errors,
        *layers.misplaced_remarks,
        *_check_files(layers, names),
        *_check_graph(layers, roots),
    ]


def _check_files(layers: XmlLayers, attributes: AbstractSet[str]) -> Iterator[Remark]:
    """Check vocabulary, conditions and CDATA of every node file, also of unused ones."""
    for path in layers.node_paths():
        try:
            root = layers.element(path)
        except DescriptionError as error:
            yield remark_from_error(error, Origin(path, 1))
            continue
        yield from layers.file_remarks(path)
        yield from _check_conditions(root)
        yield from _literal_references(root, attributes)
    for path in layers.graph_paths:
        yield from layers.graph_remarks(path)
        if path in layers.elements:
            yield from _check_conditions(layers.element(path))


def _check_conditions(element: Element) -> Iterator[Remark]:
    if element.attributes.get("cond"):
        try:
            parse(element.attributes["cond"])
        except ValueError as error:
            text = f'cond="{escaping.unmark(element.attributes["cond"])}": {error}'
            yield Remark(severity=ERROR, rule="condition", origin=element.origin, text=text)
    for child in element.children:
        if not isinstance(child, Text):
            yield from _check_conditions(child)


def _literal_references(element: Element, attributes: AbstractSet[str]) -> Iterator[Remark]:
    """Find names of attributes in CDATA sections, where XML defines no references."""
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
                        yield Remark(
                            severity=WARNING,
                            rule="reference-in-cdata",
                            origin=origin,
                            text=text,
                            hint=hint,
                        )


def _check_graph(layers: XmlLayers, roots: AbstractSet[str]) -> Iterator[Remark]:
    graph = layers.graph
    files = layers.node_names()
    in_edges = {name for edge in graph.edges for name in (edge.source, edge.target)}
    for edge in graph.edges:
        for name in (edge.source, edge.target):
            if name not in files and not escaping.PLACEHOLDER.search(name):
                text = f'the edge names "{name}", but nodes/{name}.xml does not exist'
                yield Remark(
                    severity=ERROR,
                    rule="edge-to-nothing",
                    origin=edge.origin,
                    text=text,
                    hint=did_you_mean(name, files),
                )
    for order in graph.orders:
        for name in (order.head, order.tail):
            if name not in files | in_edges | {HEAD, TAIL}:
                text = f'the order names "{name}", an unknown node'
                yield Remark(
                    severity=WARNING,
                    rule="order-of-nothing",
                    origin=order.origin,
                    text=text,
                    hint=did_you_mean(name, files | in_edges),
                )
    try:
        order_nodes(in_edges, graph.orders)
    except DescriptionError as error:
        yield remark_from_error(error, Origin(layers.paths[0], 1))
    yield from _unreached_files(layers, graph, roots, in_edges)


def _unreached_files(
    layers: XmlLayers, graph: Graph, roots: AbstractSet[str], in_edges: AbstractSet[str]
) -> Iterator[Remark]:
    """Find node files that no root reaches, whatever the conditions."""
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
    )  # an attribute decides the name, so every node may be reached
    for name in sorted(layers.node_names() - reached):
        if open_names:
            return
        paths = layers.node_files(name)
        kind = (
            "extends a node that"
            if paths[0].rsplit("/", 1)[-1].startswith(EXTEND)
            else "is a node file that"
        )
        yield Remark(
            severity=WARNING,
            rule="unreached",
            origin=Origin(paths[0], 1),
            text=f"{name} {kind} no root reaches",
        )


def undefined_attributes(
    profile: Profile, layers: XmlLayers, defined: AbstractSet[str]
) -> Iterator[Remark]:
    """Find attributes that a profile's texts need and that neither a node nor the graph has."""
    declared: dict[str, AttributeDeclaration] = {
        declaration.name: declaration for declaration in layers.graph.attributes
    }
    for name, origin in referenced_attributes(profile).items():
        if name not in defined and name not in declared:
            text = f'attribute "{name}" is not defined anywhere'
            hint = (
                did_you_mean(name, defined | set(declared))
                or "declare it in a graph file, or set it"
            )
            yield Remark(
                severity=ERROR,
                rule="undefined-attribute",
                origin=layers.absolute_origin(origin),
                text=text,
                hint=hint,
            )


def _absent_packages(
    profile: Profile, layers: XmlLayers, available: Optional[AvailablePackages]
) -> Iterator[Remark]:
    if available is None:
        return
    for package in profile.packages:
        if not package.name.startswith("-") and not _is_available(package.name, available):
            text = (
                f'the distribution has no package "{package.name}"'
                f" ({profile.root}, {profile.release})"
            )
            # A distribution has some ten thousand names: compare only those with the same first
            # letter.
            alike = (
                ()
                if package.name.startswith("@")
                else (n for n in available.names if n[:1] == package.name[:1])
            )
            hint = did_you_mean(package.name, alike)
            for origin in package.origins:
                yield Remark(
                    severity=ERROR,
                    rule="absent-package",
                    origin=layers.absolute_origin(origin),
                    text=text,
                    hint=hint,
                )


def _is_available(name: str, available: AvailablePackages) -> bool:
    if name.startswith("@"):
        module = ":" in name  # @name:stream enables a stream of packages
        return module or available.groups is None or name.lstrip("@^") in available.groups
    if any(character in name for character in "*?["):
        return bool(fnmatch.filter(available.names, name))
    return name in available.names or name.rpartition(".")[0] in available.names
