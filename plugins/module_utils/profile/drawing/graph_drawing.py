# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The graph as a picture (the paper's Figure 4): SVG drawn here, and DOT for other tools.

Roots are filled, a colour shows the roll that an edge comes from, an edge with a condition is
dashed and labelled with it, and a node without a file is red.
"""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple
from xml.sax.saxutils import escape

from ..escaping import unmark
from ..model import Edge
from ..xml.layers import XmlLayers
from .graph_layout import GraphLayout, Point, layout_graph

# Dark enough on white, and distinguishable with the usual forms of colour blindness.
COLOURS = ("#0b62a4", "#b35900", "#1b7f3b", "#7a3e9d", "#9c2c2c", "#5c5c00", "#00757a", "#6b4a2b")
# Sizes in pixels. The character widths suffice for the widest of the fonts in STYLE.
ROW = 20
COLUMN_GAP = 150
MARGIN_X = 24
MARGIN_Y = 40
NODE_HEIGHT = 16
PADDING = 6
CHARACTER = 7.0
BOLD_CHARACTER = 8.2
LONGEST_LABEL = 40

STYLE = """
  text { font-family: "DejaVu Sans", Verdana, sans-serif; font-size: 11px; fill: #222 }
  .node rect { fill: #fff; stroke: #888 }
  .root rect { fill: #333; stroke: #333 }
  .root text { fill: #fff; font-weight: bold }
  .absent rect { stroke: #c00; stroke-dasharray: 3 2 }
  .edge path { fill: none; stroke-width: 1; opacity: 0.75 }
  .when path { stroke-dasharray: 5 3 }
  .edge:hover path { stroke-width: 3; opacity: 1 }
  .edge text { font-size: 9px; font-style: italic }
  .edge text { paint-order: stroke; stroke: #fff; stroke-width: 3px }
  .title { font-size: 14px; font-weight: bold }
"""


class Drawing(NamedTuple):
    """The content of a picture."""

    title: str
    nodes: tuple[str, ...]
    roots: frozenset[str]
    absent: frozenset[str]
    edges: tuple[Edge, ...]
    colours: Mapping[str, str]


class Geometry(NamedTuple):
    """Where the nodes of a drawing are: the left border of each column, the width of each node."""

    layout: GraphLayout
    lefts: list[float]
    widths: Mapping[str, float]


def make_drawing(
    layers: XmlLayers, edges: Iterable[Edge], root: str = "", roots: Iterable[str] = ()
) -> Drawing:
    """Return the drawing of these edges.

    edges  all edges of a graph, or those that a root follows (traversal.followed_edges)
    roots  nodes to mark as roots, in addition to the nodes that nothing includes
    """
    drawn = tuple(edge._replace(origin=layers.relative_origin(edge.origin)) for edge in edges)
    names = {name for edge in drawn for name in (edge.source, edge.target)} | (
        {root} if root else set()
    )
    rolls = sorted({edge.roll for edge in layers.graph.edges})
    return Drawing(
        title=f"graph {layers.graph.name}" + (f", root {root}" if root else ""),
        nodes=tuple(sorted(names)),
        roots=frozenset(names - {edge.target for edge in drawn}) | (names & frozenset(roots)),
        absent=frozenset(names - layers.node_names()),
        edges=drawn,
        colours={roll: COLOURS[number % len(COLOURS)] for number, roll in enumerate(rolls)},
    )


def edges_below(edges: Iterable[Edge], root: str) -> tuple[Edge, ...]:
    """Return the edges that a root may follow, whatever their conditions."""
    all_edges = tuple(edges)
    reached = {root}
    queue = [root]
    for node in queue:
        fresh = {edge.target for edge in all_edges if edge.source == node} - reached
        reached |= fresh
        queue.extend(sorted(fresh))
    return tuple(edge for edge in all_edges if edge.source in reached)


def to_dot(drawing: Drawing) -> str:
    """Return the drawing in the language of Graphviz."""
    lines = [
        f"digraph {_dot_quoted(drawing.title)} {{",
        '  rankdir=LR; node [shape=box, fontname="sans", fontsize=10];'
        ' edge [fontname="sans", fontsize=8];',
    ]
    for name in drawing.nodes:
        marks = (
            ['style=filled, fillcolor="#333333", fontcolor=white'] if name in drawing.roots else []
        )
        marks += ['color="#cc0000", style=dashed'] if name in drawing.absent else []
        lines.append(f"  {_dot_quoted(name)} [{', '.join(marks)}];")
    for edge in drawing.edges:
        condition = _condition(edge)
        marks = [
            f'color="{drawing.colours[edge.roll]}"',
            f"tooltip={_dot_quoted(f'{edge.roll}: {edge.origin}')}",
        ]
        marks += [f"style=dashed, label={_dot_quoted(condition)}"] if condition else []
        lines.append(
            f"  {_dot_quoted(edge.source)} -> {_dot_quoted(edge.target)} [{', '.join(marks)}];"
        )
    return "\n".join([*lines, "}", ""])


def to_svg(drawing: Drawing) -> str:
    """Return the drawing as SVG that every browser can show."""
    layout = layout_graph(drawing.nodes, [(edge.source, edge.target) for edge in drawing.edges])
    widths = {name: _width(name, drawing) for name in drawing.nodes}
    lefts = _columns(layout, widths)
    geometry = Geometry(layout, lefts, widths)
    width = lefts[-1] + MARGIN_X if lefts else 400
    height = (
        max((point.height for point in layout.nodes.values()), default=0) * ROW + 2 * MARGIN_Y + ROW
    )
    body = [_edge(edge, drawing, geometry) for edge in drawing.edges]
    body += [_node(name, drawing, geometry) for name in drawing.nodes]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<style>{STYLE}</style>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
            *_legend(drawing),
            *body,
            "</svg>",
            "",
        ]
    )


def _width(name: str, drawing: Drawing) -> float:
    return (
        len(unmark(name)) * (BOLD_CHARACTER if name in drawing.roots else CHARACTER) + 2 * PADDING
    )


def _condition(edge: Edge) -> str:
    return unmark(" and ".join(map(str, edge.conditions)))


def _dot_quoted(text: str) -> str:
    return '"' + unmark(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _columns(layout: GraphLayout, widths: Mapping[str, float]) -> list[float]:
    """Return the left border of each column, and the right border of the last."""
    lefts = [float(MARGIN_X)]
    for column in range(layout.columns):
        widest = max(
            (widths[name] for name, point in layout.nodes.items() if point.column == column),
            default=0.0,
        )
        lefts.append(lefts[-1] + widest + COLUMN_GAP)
    if layout.columns:
        lefts[-1] -= COLUMN_GAP
    return lefts


def _height(point: Point) -> float:
    return MARGIN_Y + ROW + point.height * ROW


def _node(name: str, drawing: Drawing, geometry: Geometry) -> str:
    kinds = [
        "node",
        *(["root"] if name in drawing.roots else []),
        *(["absent"] if name in drawing.absent else []),
    ]
    point = geometry.layout.nodes[name]
    x = geometry.lefts[point.column]
    y = _height(point)
    return (
        f'<g class="{" ".join(kinds)}"><rect x="{x:.1f}" y="{y - NODE_HEIGHT / 2:.1f}"'
        f' width="{geometry.widths[name]:.1f}" height="{NODE_HEIGHT}" rx="3"/>'
        f'<text x="{x + PADDING:.1f}" y="{y + 4:.1f}">{escape(unmark(name))}</text></g>'
    )


def _edge(edge: Edge, drawing: Drawing, geometry: Geometry) -> str:
    layout = geometry.layout
    lefts = geometry.lefts
    source = layout.nodes[edge.source]
    target = layout.nodes[edge.target]
    points = [(lefts[source.column] + geometry.widths[edge.source], _height(source))]
    for bend in layout.bends.get((edge.source, edge.target), ()):
        points += [
            (lefts[bend.column], _height(bend)),
            (lefts[bend.column + 1] - COLUMN_GAP, _height(bend)),
        ]
    points.append((lefts[target.column], _height(target)))
    condition = _condition(edge)
    title = escape(
        f"{unmark(edge.source)} → {unmark(edge.target)}  [{edge.roll}]  {condition}  {edge.origin}"
    )
    label = ""
    if condition:
        shown = (
            condition if len(condition) <= LONGEST_LABEL else condition[: LONGEST_LABEL - 1] + "…"
        )
        x, y = points[-1]
        label = f'<text x="{x - 5:.1f}" y="{y - 3:.1f}" text-anchor="end">{escape(shown)}</text>'
    return (
        f'<g class="edge{" when" if condition else ""}"><title>{title}</title>'
        f'<path d="{_curve(points)}" stroke="{drawing.colours[edge.roll]}"/>{label}</g>'
    )


def _curve(points: list[tuple[float, float]]) -> str:
    """Return a path that is horizontal at each point."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (next_x, next_y) in zip(points, points[1:]):
        if y == next_y:
            parts.append(f"L{next_x:.1f} {next_y:.1f}")
            continue
        reach = max(abs(next_x - x) / 2, 30)
        parts.append(
            f"C{x + reach:.1f} {y:.1f} {next_x - reach:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}"
        )
    return " ".join(parts)


def _legend(drawing: Drawing) -> list[str]:
    used = {edge.roll for edge in drawing.edges}
    items = [f'<text class="title" x="{MARGIN_X}" y="22">{escape(drawing.title)}</text>']
    x = MARGIN_X + len(drawing.title) * 9 + 30
    for roll, colour in drawing.colours.items():
        if roll in used:
            items.append(
                f'<line x1="{x}" y1="18" x2="{x + 22}" y2="18" stroke="{colour}" stroke-width="3"/>'
            )
            items.append(f'<text x="{x + 27}" y="22">{escape(roll)}</text>')
            x += 45 + int(len(roll) * CHARACTER)
    return items
