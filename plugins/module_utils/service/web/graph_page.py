# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A drawing of the graph (the paper's Figure 4) in a distribution's published generation."""

from __future__ import annotations

import functools
import os
from typing import NamedTuple

from flask import Blueprint, Response, request
from markupsafe import Markup

from ...profile.drawing import graph_drawing
from ...profile.xml.layers import XmlLayers
from .. import published_trees
from ..access_control import require_viewer
from ..request_context import current_context
from .page_layout import render_page

blueprint = Blueprint("graph_page", __name__)
GRAPH = "default"


class RenderedGraph(NamedTuple):
    """A drawing, and the roots for which a drawing can be requested."""

    svg: Markup
    roots: tuple[str, ...]


@blueprint.get("/rocks/graph")
def show_graph() -> Response:
    """Return the page, with the whole graph or the part below ``?root=``.

    Raises Denied (403) or NotFound.
    """
    context = current_context()
    require_viewer(context)
    tree = context.settings.distributions
    distributions = [
        distribution
        for distribution in published_trees.list_distributions(tree)
        if distribution.current
    ]
    if not distributions:
        return render_page("graph.html", distributions=[])
    if "distribution" in request.args:
        name = request.args["distribution"]
        selected = published_trees.find_distribution(tree, name, request.args.get("arch", ""))
    else:
        selected = distributions[0]
    generation = published_trees.generation_path(tree, selected, selected.current)
    root = request.args.get("root", "")
    return render_page(
        "graph.html",
        styles=(graph_drawing.STYLE,),
        distributions=distributions,
        selected=selected,
        root=root,
        graph=render_graph(os.path.join(generation, "build"), root),
    )


@functools.lru_cache(maxsize=16)
def render_graph(build: str, root: str) -> RenderedGraph:
    """Draw the graph in a generation's folder ``build/``, which never changes."""
    layers = XmlLayers(build, GRAPH)
    edges = layers.graph.edges
    roots = graph_drawing.make_drawing(layers, edges).roots
    root = root if root in roots else ""
    drawn_edges = graph_drawing.edges_below(edges, root) if root else edges
    drawing = graph_drawing.make_drawing(layers, drawn_edges, root)
    svg = Markup(graph_drawing.to_svg(drawing))  # to_svg escapes all texts
    return RenderedGraph(svg, tuple(sorted(roots)))
