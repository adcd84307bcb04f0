# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why something is in a profile, and what differs between two kickstarts."""

from __future__ import annotations

import difflib
from typing import Mapping, NamedTuple, Optional

from ...errors import NotFound
from ...suggestions import did_you_mean
from ..model import Origin, Profile, ProfileNode
from .render import RenderedLine, render_with_origins

CONTEXT_LINES = 2


class Hop(NamedTuple):
    """One node on the way from the root, and the edge that led to it (none for the root)."""

    node: str
    edge: Optional[Origin]


class Reason(NamedTuple):
    """One place that asks for something: what it says, where, and the way of edges from the root to it."""

    text: str
    origin: Origin
    path: tuple[Hop, ...]


def explain(profile: Profile, values: Mapping[str, str], wanted: str) -> tuple[Reason, ...]:
    """Every reason for a package, a node, or any line that holds ``wanted``; the first kind that matches counts.

    Raises NotFound, with similar names, when the kickstart holds nothing of the sort.
    """
    for package in profile.packages:
        if package.name in (wanted, f"@{wanted}", f"-{wanted}"):
            return tuple(
                Reason(package.name, origin, path_to_origin(profile, origin))
                for origin in package.origins
            )
    for node in profile.nodes:
        if node.name == wanted:
            return (
                Reason(
                    node.name, node.edge or Origin(node.files[0], 1), path_to_node(profile, node)
                ),
            )
    found = [
        line for line in render_with_origins(profile, values) if wanted in line.text and line.origin
    ]
    if not found:
        known = [package.name for package in profile.packages] + [
            node.name for node in profile.nodes
        ]
        raise NotFound(
            f'nothing in the kickstart of "{profile.root}" says "{wanted}"',
            "",
            did_you_mean(wanted, known),
        )
    return tuple(
        Reason(text, origin, path_to_origin(profile, origin)) for text, origin in found if origin
    )


def path_to_origin(profile: Profile, origin: Origin) -> tuple[Hop, ...]:
    """The way of edges from the root to the node whose file holds a line; empty for an included file."""
    for node in profile.nodes:
        if origin.file in node.files:
            return path_to_node(profile, node)
    return ()


def path_to_node(profile: Profile, node: ProfileNode) -> tuple[Hop, ...]:
    """A shortest way of edges from the root to a node, the root first."""
    nodes = {one.name: one for one in profile.nodes}
    hops = [Hop(node.name, node.edge)]
    while node.parent:
        node = nodes[node.parent]
        hops.append(Hop(node.name, node.edge))
    return tuple(reversed(hops))


class Side(NamedTuple):
    """One of two kickstarts that are compared."""

    name: str
    profile: Profile
    values: Mapping[str, str]


class Difference(NamedTuple):
    """What the second kickstart has and the first has not, and the reverse.

    attributes  name -> (first, second), of those that the two profiles use and that differ
    text        the kickstarts as a unified diff, each changed line with the file and line behind it
    """

    nodes_added: tuple[str, ...]
    nodes_removed: tuple[str, ...]
    packages_added: tuple[str, ...]
    packages_removed: tuple[str, ...]
    attributes: Mapping[str, tuple[Optional[str], Optional[str]]]
    text: str


def compare(first: Side, second: Side) -> Difference:
    """Compare two nodes, or two generations for one node."""
    nodes = [{node.name for node in side.profile.nodes} for side in (first, second)]
    packages = [{package.name for package in side.profile.packages} for side in (first, second)]
    used = (
        set(first.profile.shape)
        | set(second.profile.shape)
        | _named(first.profile)
        | _named(second.profile)
    )
    pairs = {name: (first.values.get(name), second.values.get(name)) for name in sorted(used)}
    return Difference(
        tuple(sorted(nodes[1] - nodes[0])),
        tuple(sorted(nodes[0] - nodes[1])),
        tuple(sorted(packages[1] - packages[0])),
        tuple(sorted(packages[0] - packages[1])),
        {name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        _unified(first, second),
    )


def _named(profile: Profile) -> set[str]:
    return {
        piece.name for line in profile.lines for piece in line.pieces if not isinstance(piece, str)
    }


def _unified(first: Side, second: Side) -> str:
    sides = [render_with_origins(side.profile, side.values) for side in (first, second)]
    texts = [[line.text for line in side] for side in sides]
    out = [f"--- {first.name}", f"+++ {second.name}"]
    for group in difflib.SequenceMatcher(
        None, texts[0], texts[1], autojunk=False
    ).get_grouped_opcodes(CONTEXT_LINES):
        start = sides[1][min(group[0][3], len(sides[1]) - 1)]
        out.append(
            f"@@ -{group[0][1] + 1} +{group[0][3] + 1} @@"
            + (f" {start.origin}" if start.origin else "")
        )
        for tag, one, one_end, other, other_end in group:
            if tag == "equal":
                out += [f" {line.text}" for line in sides[0][one:one_end]]
                continue
            out += [_shown("-", line) for line in sides[0][one:one_end]]
            out += [_shown("+", line) for line in sides[1][other:other_end]]
    return "\n".join(out) + "\n" if len(out) > 2 else ""


def _shown(sign: str, line: RenderedLine) -> str:
    return f"{sign}{line.text}" + (f"    # {line.origin}" if line.origin and line.text else "")
