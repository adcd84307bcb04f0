# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Explain why something is in a profile, and how two kickstarts differ."""

from __future__ import annotations

import difflib
from typing import Mapping, NamedTuple, Optional

from ...errors import NotFound
from ...suggestions import did_you_mean
from ..model import Origin, Profile, ProfileNode
from .render import RenderedLine, render_with_origins

CONTEXT_LINES = 2


class Hop(NamedTuple):
    """A node on the path from the root, and the edge that leads to it (None for the root)."""

    node: str
    edge: Optional[Origin]


class Reason(NamedTuple):
    """A place that requests something, and the path of edges from the root to it."""

    text: str
    origin: Origin
    path: tuple[Hop, ...]


def explain(profile: Profile, values: Mapping[str, str], text: str) -> tuple[Reason, ...]:
    """Return every reason for a package, a node, or any line that contains ``text``.

    The first kind that matches counts. Raises NotFound, with similar names, if the kickstart
    contains nothing of the kind.
    """
    for package in profile.packages:
        if package.name in (text, f"@{text}", f"-{text}"):
            return tuple(
                Reason(package.name, origin, path_to_origin(profile, origin))
                for origin in package.origins
            )
    for node in profile.nodes:
        if node.name == text:
            return (
                Reason(
                    node.name, node.edge or Origin(node.files[0], 1), path_to_node(profile, node)
                ),
            )
    lines = [
        line for line in render_with_origins(profile, values) if text in line.text and line.origin
    ]
    if not lines:
        names = [package.name for package in profile.packages] + [
            node.name for node in profile.nodes
        ]
        raise NotFound(
            f'"{text}" is not in the kickstart of "{profile.root}"',
            "",
            did_you_mean(text, names),
        )
    return tuple(
        Reason(line.text, line.origin, path_to_origin(profile, line.origin))
        for line in lines
        if line.origin
    )


def path_to_origin(profile: Profile, origin: Origin) -> tuple[Hop, ...]:
    """Return the path to the node whose file has a line; empty for an included file."""
    for node in profile.nodes:
        if origin.file in node.files:
            return path_to_node(profile, node)
    return ()


def path_to_node(profile: Profile, node: ProfileNode) -> tuple[Hop, ...]:
    """Return a shortest path of edges from the root to a node, the root first."""
    nodes = {item.name: item for item in profile.nodes}
    hops = [Hop(node.name, node.edge)]
    while node.parent:
        node = nodes[node.parent]
        hops.append(Hop(node.name, node.edge))
    return tuple(reversed(hops))


class Side(NamedTuple):
    """One of two kickstarts to compare."""

    name: str
    profile: Profile
    values: Mapping[str, str]


class Difference(NamedTuple):
    """What only the second kickstart has, and what only the first has."""

    nodes_added: tuple[str, ...]
    nodes_removed: tuple[str, ...]
    packages_added: tuple[str, ...]
    packages_removed: tuple[str, ...]
    attributes: Mapping[str, tuple[Optional[str], Optional[str]]]
    """Name -> (first, second), of the attributes that the two profiles use and that differ."""
    text: str
    """The kickstarts as a unified diff; each changed line ends with its file and line."""


def compare(first: Side, second: Side) -> Difference:
    """Compare two nodes, or two generations for one node."""
    nodes = [{node.name for node in side.profile.nodes} for side in (first, second)]
    packages = [{package.name for package in side.profile.packages} for side in (first, second)]
    used = (
        set(first.profile.shape)
        | set(second.profile.shape)
        | _referenced_names(first.profile)
        | _referenced_names(second.profile)
    )
    pairs = {name: (first.values.get(name), second.values.get(name)) for name in sorted(used)}
    return Difference(
        nodes_added=tuple(sorted(nodes[1] - nodes[0])),
        nodes_removed=tuple(sorted(nodes[0] - nodes[1])),
        packages_added=tuple(sorted(packages[1] - packages[0])),
        packages_removed=tuple(sorted(packages[0] - packages[1])),
        attributes={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        text=_unified_diff(first, second),
    )


def _referenced_names(profile: Profile) -> set[str]:
    return {
        piece.name for line in profile.lines for piece in line.pieces if not isinstance(piece, str)
    }


def _unified_diff(first: Side, second: Side) -> str:
    sides = [render_with_origins(side.profile, side.values) for side in (first, second)]
    texts = [[line.text for line in side] for side in sides]
    lines = [f"--- {first.name}", f"+++ {second.name}"]
    for group in difflib.SequenceMatcher(
        None, texts[0], texts[1], autojunk=False
    ).get_grouped_opcodes(CONTEXT_LINES):
        start = sides[1][min(group[0][3], len(sides[1]) - 1)]
        lines.append(
            f"@@ -{group[0][1] + 1} +{group[0][3] + 1} @@"
            + (f" {start.origin}" if start.origin else "")
        )
        for tag, start_1, end_1, start_2, end_2 in group:
            if tag == "equal":
                lines += [f" {line.text}" for line in sides[0][start_1:end_1]]
                continue
            lines += [_diff_line("-", line) for line in sides[0][start_1:end_1]]
            lines += [_diff_line("+", line) for line in sides[1][start_2:end_2]]
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def _diff_line(sign: str, line: RenderedLine) -> str:
    return f"{sign}{line.text}" + (f"    # {line.origin}" if line.origin and line.text else "")
