# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A drawing of the graph (the paper's Figure 4) in a distribution's published generation."""

from __future__ import annotations

import functools
import os
from html import escape
from typing import Iterable, NamedTuple, Sequence
from urllib.parse import urlencode

from ...profile.drawing import graph_drawing
from ...profile.xml.layers import XmlLayers
from .. import published_trees
from ..access_control import require_viewer
from ..model import Request, Response
from ..published_trees import PublishedDistribution
from ..request_context import Context
from .base_page import render_page

PATH = "/rocks/graph"
GRAPH = "default"


class RenderedGraph(NamedTuple):
    """A drawing, and the roots for which a drawing can be requested."""

    svg: str
    roots: tuple[str, ...]


def graph_page(context: Context, request: Request) -> Response:
    """Return the page, with the whole graph or the part below ``?root=``.

    Raises Denied (403) or NotFound.
    """
    require_viewer(context.settings, request.address)
    tree = context.settings.distributions
    distributions = [
        distribution
        for distribution in published_trees.list_distributions(tree)
        if distribution.current
    ]
    if not distributions:
        text = "<p>No distribution has been published yet, so there is no graph.</p>"
        return render_page("Graph", PATH, [text])
    query = request.query
    if "distribution" in query:
        name = query["distribution"]
        selected = published_trees.find_distribution(tree, name, query.get("arch", ""))
    else:
        selected = distributions[0]
    generation = published_trees.generation_path(tree, selected, selected.current)
    root = query.get("root", "")
    graph = render_graph(os.path.join(generation, "build"), root)
    body = _body(distributions, selected, root, graph)
    return render_page("Graph", PATH, body, styles=(graph_drawing.STYLE,))


@functools.lru_cache(maxsize=16)
def render_graph(build: str, root: str) -> RenderedGraph:
    """Draw the graph in a generation's folder ``build/``, which never changes."""
    layers = XmlLayers(build, GRAPH)
    edges = layers.graph.edges
    roots = graph_drawing.make_drawing(layers, edges).roots
    root = root if root in roots else ""
    drawn_edges = graph_drawing.edges_below(edges, root) if root else edges
    drawing = graph_drawing.make_drawing(layers, drawn_edges, root)
    return RenderedGraph(graph_drawing.to_svg(drawing), tuple(sorted(roots)))


def _body(
    distributions: Sequence[PublishedDistribution],
    selected: PublishedDistribution,
    root: str,
    graph: RenderedGraph,
) -> Iterable[str]:
    distribution_links = " ".join(
        _link(
            f"{distribution.distribution} {distribution.arch}",
            distribution,
            "",
            active=distribution == selected,
        )
        for distribution in distributions
    )
    root_links = " ".join(
        _link(name or "everything", selected, name, active=name == root)
        for name in ("", *graph.roots)
    )
    yield f'<p class="quiet">{distribution_links}, generation'
    yield f" <code>{escape(selected.current)}</code></p><p>Below: {root_links}</p>"
    yield f'<div class="picture" tabindex="0">{graph.svg}</div>'


def _link(text: str, distribution: PublishedDistribution, root: str, *, active: bool) -> str:
    if active:
        return f"<b>{escape(text)}</b>"
    query = {"distribution": distribution.distribution, "arch": distribution.arch}
    if root:
        query["root"] = root
    return f'<a href="{PATH}?{escape(urlencode(query))}">{escape(text)}</a>'
