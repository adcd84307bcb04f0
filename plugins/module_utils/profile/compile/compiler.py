# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The face of the room: a root, attributes and a release give a profile.

Pure but for reading the XML: no database, no network, no clock; ``<eval>`` runs only through the function that the
caller hands in.  What depends on nothing but the values of attributes in texts is left open for render.py.
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

XmlPaths = Union[str, Sequence[str], XmlLayers]


class Compilation(NamedTuple):
    """A compile, whether or not it came to a profile; there is none when a remark is an error."""

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
    """The profile of ``root`` for nodes with these attributes.

    paths     a directory with graphs/ and nodes/, several of them (a site's last), or Sources that are open already
    evaluate  runs the text of an <eval>: evaluate(script, interpreter) -> what it prints; without it <eval> is an error

    Raises NotFound for a path, graph, root or release that does not exist, and DescriptionError with file:line for
    everything that is wrong in the XML, all of it at once.
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
    """As compile_profile, with the faults among the remarks instead of raised: for the lint."""
    target = releases.find_release(release)
    sources = paths if isinstance(paths, XmlLayers) else XmlLayers(paths, graph)
    consulted = tracked_attributes(sources, attributes, release)
    reached = reachable_nodes(sources.graph, root, consulted)
    if len(reached) == 1 and not sources.node_files(root):
        raise NotFound(
            f'no root "{root}" in the graph "{sources.graph.name}"', "", sources.suggest_node(root)
        )
    steps = [reached[node] for node in order_nodes(reached, sources.graph.orders)]
    assembly = Assembly(Expander(sources, consulted, evaluate))
    for step in steps:
        assembly.take(step.node, sources)
    remarks = [
        *check_values(sources.graph.attributes, [attributes]),
        *(_missing(step, sources) for step in steps if not sources.node_files(step.node)),
        *assembly.remarks,
    ]
    contents = _contents(assembly, [_node(step, sources) for step in steps], target, remarks)
    lines = _lines(
        f"{root} for {target.name}, graph {sources.graph.name}", contents, sources, remarks
    )
    ordered = tuple(
        sorted(set(remarks), key=lambda remark: (remark.origin, remark.rule, remark.text))
    )
    if any(remark.severity == ERROR for remark in ordered):
        return Compilation(None, ordered)
    profile = Profile(
        root=root,
        graph=sources.graph.name,
        release=target.name,
        nodes=contents.nodes,
        shape={name: consulted.seen[name] for name in sorted(consulted.seen)},
        defaults=_defaults(sources),
        packages=tuple(_relative_package(package, sources) for package in contents.packages),
        lines=tuple(_relative_line(line, sources) for line in lines),
        remarks=tuple(
            remark._replace(origin=sources.relative_origin(remark.origin)) for remark in ordered
        ),
    )
    return Compilation(profile, ordered)


def _contents(
    assembly: Assembly, nodes: Sequence[ProfileNode], release: Release, remarks: list[Remark]
) -> kickstart.Contents:
    """What the node files say, as the release takes it; what there is to say about it is added to the remarks."""
    attributes = assembly.workshop.attributes
    translated = release_rules.translate_commands(assembly.commands, release, attributes)
    remarks += translated.remarks
    remarks += kickstart_checks.check_kickstart(
        kickstart_checks.Kickstart(translated.commands, assembly.scripts, attributes)
    )
    return kickstart.Contents(
        nodes=tuple(nodes),
        commands=translated.commands,
        package_options=[
            release_rules.translate_options(option, release, remarks)
            for option in assembly.package_options
        ],
        packages=kickstart.resolve_packages(assembly.packages),
        addons=assembly.addons,
        scripts=assembly.scripts,
    )


def _lines(
    title: str, contents: kickstart.Contents, sources: XmlLayers, remarks: list[Remark]
) -> tuple[Line, ...]:
    try:
        return kickstart.build_lines(title, contents)
    except DescriptionError as error:
        remarks.append(remark_from_error(error, Origin(sources.paths[0], 0)))
        return ()


def tracked_attributes(
    sources: XmlLayers, attributes: Mapping[str, str], release: str
) -> TrackedAttributes:
    """The attributes of a node as the conditions of a graph see them."""
    return TrackedAttributes(
        effective_attributes(attributes, releases.find_release(release), _defaults(sources))
    )


def _defaults(sources: XmlLayers) -> dict[str, str]:
    return {one.name: one.default for one in sources.graph.attributes if one.default is not None}


def effective_attributes(
    attributes: Mapping[str, str], release: Release, defaults: Mapping[str, str]
) -> Mapping[str, str]:
    """A node's attributes; where it has none, what the graph declares, and what the release itself gives."""
    return {
        "os": "linux",
        "release": release.name,
        "os_version_major": release.major,
        **defaults,
        **attributes,
    }


def combine_remarks(errors: Sequence[Remark]) -> DescriptionError:
    """One error for everything that is wrong, in the order of files and lines."""
    ordered = sorted(set(errors), key=lambda remark: (remark.origin, remark.text))
    if len(ordered) == 1:
        return DescriptionError(ordered[0].text, str(ordered[0].origin), ordered[0].hint)
    return DescriptionError("\n".join([f"{len(ordered)} errors", *map(str, ordered)]))


def _missing(step: Step, sources: XmlLayers) -> Remark:
    origin = step.edge.origin if step.edge else Origin(sources.paths[0], 0)
    text = f'the edge leads to "{step.node}", and no nodes/{step.node}.xml exists'
    return Remark(
        ERROR, "missing-node-file", origin, text, did_you_mean(step.node, sources.node_names())
    )


def _node(step: Step, sources: XmlLayers) -> ProfileNode:
    files = tuple(sources.relative_path(file) for file in sources.node_files(step.node))
    if step.edge is None:
        return ProfileNode(step.node, files, "", None)
    return ProfileNode(
        step.node, files, step.edge.source, sources.relative_origin(step.edge.origin)
    )


def _relative_line(line: Line, sources: XmlLayers) -> Line:
    return line if line.origin is None else Line(line.pieces, sources.relative_origin(line.origin))


def _relative_package(package: Package, sources: XmlLayers) -> Package:
    return Package(
        package.name, tuple(sources.relative_origin(origin) for origin in package.origins)
    )
