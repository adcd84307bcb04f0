# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compile a root, attributes and a release into a profile.

This reads the XML and nothing else: no database, no network, no clock. ``<eval>`` runs only through
the function that the caller passes. References whose values appear only in texts are left for
render.py.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Sequence, Union

from ...errors import DescriptionError, NotFound
from ...suggestions import did_you_mean
from .. import releases
from ..model import (
    ERROR,
    Evaluate,
    Line,
    Origin,
    Package,
    Profile,
    ProfileNode,
    Remark,
    remark_from_error,
)
from ..releases import Release
from ..xml.attribute_types import check_values
from ..xml.conditions import TrackedAttributes
from ..xml.layers import XmlLayers
from . import kickstart, kickstart_checks, release_rules
from .assembly import Assembly
from .expansion import Expander
from .traversal import Step, order_nodes, reachable_nodes

RULES = 4
"""Increased when the same XML compiles to another profile, so that it is compiled again."""

XmlPaths = Union[str, Sequence[str], XmlLayers]


class Compilation(NamedTuple):
    """The result of a compile: no profile if a remark is an error."""

    profile: Optional[Profile]
    remarks: tuple[Remark, ...]


def compile_profile(
    paths: XmlPaths,
    root: str,
    attributes: Mapping[str, str],
    release: str,
    *,
    graph: str = "default",
    evaluate: Optional[Evaluate] = None,
) -> Profile:
    """Compile the profile of ``root`` for nodes with these attributes.

    paths     directories with graphs/ and nodes/ (a site's last), or open XmlLayers
    evaluate  runs the script of an <eval> and returns its output; without it an <eval> is an error

    Raises NotFound for a path, graph, root or release that does not exist, and one DescriptionError
    with file:line for all errors in the XML.
    """
    result = try_compile(paths, root, attributes, release, graph=graph, evaluate=evaluate)
    if result.profile is None:
        raise combine_remarks([remark for remark in result.remarks if remark.severity == ERROR])
    return result.profile


def try_compile(
    paths: XmlPaths,
    root: str,
    attributes: Mapping[str, str],
    release: str,
    *,
    graph: str = "default",
    evaluate: Optional[Evaluate] = None,
) -> Compilation:
    """Compile as compile_profile does, but return errors among the remarks: for the lint."""
    target = releases.find_release(release)
    layers = paths if isinstance(paths, XmlLayers) else XmlLayers(paths, graph)
    tracked = tracked_attributes(layers, attributes, release)
    steps_by_node = reachable_nodes(layers.graph, root, tracked)
    if len(steps_by_node) == 1 and not layers.node_files(root):
        raise NotFound(
            f'unknown root "{root}" in the graph "{layers.graph.name}"',
            "",
            layers.suggest_node(root),
        )
    steps = [steps_by_node[node] for node in order_nodes(steps_by_node, layers.graph.orders)]
    assembly = Assembly(Expander(layers, tracked, evaluate))
    for step in steps:
        assembly.add_programs(step.node, layers)
    for step in steps:
        assembly.add_node(step.node, layers)
    remarks = [
        *layers.misplaced_remarks,
        *(remark for path in layers.graph_paths for remark in layers.graph_remarks(path)),
        *check_values(layers.graph.attributes, [attributes]),
        *(_missing_file_remark(step, layers) for step in steps if not layers.node_files(step.node)),
        *assembly.remarks,
        *assembly.expander.programs.remarks(),
    ]
    nodes = [_profile_node(step, layers) for step in steps]
    contents = _contents(assembly, nodes, target, remarks)
    title = f"{root} for {target.name}, graph {layers.graph.name}"
    lines = _lines(title, contents, layers, remarks)
    ordered = tuple(
        sorted(set(remarks), key=lambda remark: (remark.origin, remark.rule, remark.text))
    )
    if any(remark.severity == ERROR for remark in ordered):
        return Compilation(None, ordered)
    profile = Profile(
        root=root,
        graph=layers.graph.name,
        release=target.name,
        nodes=contents.nodes,
        shape={name: tracked.used[name] for name in sorted(tracked.used)},
        defaults=_defaults(layers),
        packages=tuple(_relative_package(package, layers) for package in contents.packages),
        lines=tuple(_relative_line(line, layers) for line in lines),
        remarks=tuple(
            remark._replace(origin=layers.relative_origin(remark.origin)) for remark in ordered
        ),
    )
    return Compilation(profile, ordered)


def _contents(
    assembly: Assembly, nodes: Sequence[ProfileNode], release: Release, remarks: list[Remark]
) -> kickstart.Contents:
    """Translate the node files' content for the release, and add the findings to ``remarks``."""
    attributes = assembly.expander.attributes
    translated = release_rules.translate_commands(assembly.commands, release, attributes)
    remarks += translated.remarks
    remarks += kickstart_checks.check_kickstart(
        kickstart_checks.Kickstart(translated.commands, assembly.scripts, attributes)
    )
    remarks += release_rules.check_certificates(assembly.certificates, release)
    return kickstart.Contents(
        nodes=tuple(nodes),
        commands=translated.commands,
        package_options=[
            release_rules.translate_options(option, release, remarks)
            for option in assembly.package_options
        ],
        packages=kickstart.resolve_packages(assembly.packages),
        certificates=assembly.certificates,
        addons=assembly.addons,
        scripts=assembly.scripts,
    )


def _lines(
    title: str, contents: kickstart.Contents, layers: XmlLayers, remarks: list[Remark]
) -> tuple[Line, ...]:
    try:
        return kickstart.build_lines(title, contents)
    except DescriptionError as error:
        remarks.append(remark_from_error(error, Origin(layers.paths[0], 0)))
        return ()


def tracked_attributes(
    layers: XmlLayers, attributes: Mapping[str, str], release: str
) -> TrackedAttributes:
    """Return a node's attributes as the conditions of the graph see them."""
    return TrackedAttributes(
        effective_attributes(attributes, releases.find_release(release), _defaults(layers))
    )


def _defaults(layers: XmlLayers) -> dict[str, str]:
    return {
        declaration.name: declaration.default
        for declaration in layers.graph.attributes
        if declaration.default is not None
    }


def effective_attributes(
    attributes: Mapping[str, str], release: Release, defaults: Mapping[str, str]
) -> Mapping[str, str]:
    """Return a node's attributes, completed by the graph's defaults and those of the release."""
    return {
        "os": "linux",
        "release": release.name,
        "os_version_major": release.major,
        **defaults,
        **attributes,
    }


def combine_remarks(errors: Sequence[Remark]) -> DescriptionError:
    """Return one error for all these errors, in the order of files and lines."""
    ordered = sorted(set(errors), key=lambda remark: (remark.origin, remark.text))
    if len(ordered) == 1:
        return DescriptionError(ordered[0].text, str(ordered[0].origin), ordered[0].hint)
    return DescriptionError("\n".join([f"{len(ordered)} errors", *map(str, ordered)]))


def _missing_file_remark(step: Step, layers: XmlLayers) -> Remark:
    origin = step.edge.origin if step.edge else Origin(layers.paths[0], 0)
    text = f'the edge leads to "{step.node}", but nodes/{step.node}.xml does not exist'
    return Remark(
        severity=ERROR,
        rule="missing-node-file",
        origin=origin,
        text=text,
        hint=did_you_mean(step.node, layers.node_names()),
    )


def _profile_node(step: Step, layers: XmlLayers) -> ProfileNode:
    files = tuple(layers.relative_path(file) for file in layers.node_files(step.node))
    if step.edge is None:
        return ProfileNode(name=step.node, files=files, parent="", edge=None)
    return ProfileNode(
        name=step.node,
        files=files,
        parent=step.edge.source,
        edge=layers.relative_origin(step.edge.origin),
    )


def _relative_line(line: Line, layers: XmlLayers) -> Line:
    return line if line.origin is None else Line(line.pieces, layers.relative_origin(line.origin))


def _relative_package(package: Package, layers: XmlLayers) -> Package:
    return Package(
        package.name, tuple(layers.relative_origin(origin) for origin in package.origins)
    )
