# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The graph as a picture (the paper's Figure 4), of the generation that a distribution publishes now."""

from __future__ import annotations

import functools
import os
from html import escape
from typing import Iterable, NamedTuple
from urllib.parse import urlencode

from ...profile.drawing import graph_drawing
from ...profile.xml.layers import XmlLayers
from .. import published_trees
from ..access_control import demand_viewer
from ..model import Answer, Request
from ..published_trees import Published
from ..request_context import Service
from .base_page import frame

PLACE = "/rocks/graph"
GRAPH = "default"


class Drawn(NamedTuple):
    """A picture, and the roots that another one can be drawn of."""

    svg: str
    roots: tuple[str, ...]


def graph_page(service: Service, request: Request) -> Answer:
    """The picture: of a whole graph, or of what ``?root=`` reaches.  Raises Denied (403) or NotFound."""
    demand_viewer(service.settings, request.address)
    root = service.settings.distributions
    found = [one for one in published_trees.published(root) if one.current]
    if not found:
        return frame(
            "Graph",
            PLACE,
            ["<p>No distribution was published yet, so there is no graph to draw.</p>"],
        )
    asked = request.query
    one = (
        published_trees.find(root, asked["distribution"], asked.get("arch", ""))
        if "distribution" in asked
        else found[0]
    )
    drawn = draw(
        os.path.join(published_trees.path(root, one, one.current), "build"), asked.get("root", "")
    )
    return frame(
        "Graph",
        PLACE,
        _body(found, one, asked.get("root", ""), drawn),
        styles=(graph_drawing.STYLE,),
    )


@functools.lru_cache(maxsize=16)
def draw(build: str, root: str) -> Drawn:
    """The picture of a generation's graph, which never changes."""
    sources = XmlLayers(build, GRAPH)
    edges = sources.graph.edges
    roots = graph_drawing.make_drawing(sources, edges).roots
    chosen = graph_drawing.edges_below(edges, root) if root in roots else edges
    drawing = graph_drawing.make_drawing(sources, chosen, root if root in roots else "")
    return Drawn(graph_drawing.to_svg(drawing), tuple(sorted(roots)))


def _body(found: list[Published], one: Published, root: str, drawn: Drawn) -> Iterable[str]:
    distributions = " ".join(
        _link(f"{other.distribution} {other.arch}", other == one, other, "") for other in found
    )
    roots = " ".join(
        _link(name or "everything", name == root, one, name) for name in ("", *drawn.roots)
    )
    yield f'<p class="quiet">{distributions}, generation <code>{escape(one.current)}</code></p><p>Below: {roots}</p>'
    yield f'<div class="picture" tabindex="0">{drawn.svg}</div>'


def _link(text: str, here: bool, one: Published, root: str) -> str:
    if here:
        return f"<b>{escape(text)}</b>"
    query = {"distribution": one.distribution, "arch": one.arch, **({"root": root} if root else {})}
    return f'<a href="{PLACE}?{escape(urlencode(query))}">{escape(text)}</a>'
