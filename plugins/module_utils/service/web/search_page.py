# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Search over nodes, interfaces, hardware, attributes, orders, packages and node files."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, Response, request, url_for

from ...cluster.database import Database
from .. import published_trees
from ..access_control import require_viewer
from ..request_context import current_context
from .page_layout import render_page
from .tree_search import find_lines, find_packages

blueprint = Blueprint("search_page", __name__)
MAX_RESULTS = 100  # of each kind
MAX_CHARACTERS = 100
ESCAPE = "!"  # a backslash has a meaning of its own in the texts of MariaDB


class Search(NamedTuple):
    """A kind of result: a query whose rows are a node's name and a text."""

    title: str
    query: str
    """Each {like} compares the column before it with the text."""


SEARCHES = (
    Search(
        "Nodes",
        "select n.name, m.name from nodes n join memberships m on m.id = n.membership"
        " where n.name {like} or n.ip {like} or n.mac {like} or n.comment {like}"
        " or m.name {like} order by n.rack, n.`rank`, n.name",
    ),
    Search(
        "Interfaces",
        "select n.name, f.name from interfaces f join nodes n on n.id = f.node"
        " where f.ip {like} or f.mac {like} order by n.name, f.name",
    ),
    Search(
        "Hardware",
        "select n.name, h.vendor || ' ' || h.product || ' ' || h.serial from hardware h"
        " join nodes n on n.id = h.node"
        " where h.vendor {like} or h.product {like} or h.serial {like} order by n.name",
    ),
    Search(
        "Attributes",
        "select coalesce(n.name, ''), t.name || ' = ' || t.value from attributes t"
        " left join nodes n on n.id = t.node"
        " where t.name {like} or t.value {like} order by t.name, n.name",
    ),
    Search(
        "Installations",
        "select n.name, i.state || ' ' || i.ordered || ' ' || i.reason from installs i"
        " join nodes n on n.id = i.node"
        " where i.reason {like} or i.generation {like} or i.uuid {like} or i.ordered_by {like}"
        " order by i.id desc",
    ),
)


class Result(NamedTuple):
    """A row of the page."""

    url: str
    """Where it leads; may be empty."""
    name: str
    text: str


@blueprint.get("/rocks/search")
def show_search() -> Response:
    """Return what contains the text ``?q=``. Raises Denied (403)."""
    context = current_context()
    require_viewer(context)
    text = request.args.get("q", "").strip()[:MAX_CHARACTERS]
    results: dict[str, list[Result]] = {}
    if text:
        results = {search.title: _find_rows(context.db, search, text) for search in SEARCHES}
        results.update(_find_in_trees(context.settings.distributions, text))
    return render_page("search.html", text=text, results=results, limit=MAX_RESULTS)


def _find_rows(db: Database, search: Search, text: str) -> list[Result]:
    """Return the rows of a search that contain a text, with its special characters as such."""
    query = search.query.format(like=f"like ? escape '{ESCAPE}'")
    for character in (ESCAPE, "%", "_"):
        text = text.replace(character, ESCAPE + character)
    parameters = [f"%{text}%"] * search.query.count("{like}")
    rows = db.rows(f"{query} limit {MAX_RESULTS}", parameters)
    return [
        Result(url_for("node_page.show_node", name=node) if node else "", str(node), str(content))
        for node, content in rows
    ]


def _find_in_trees(root: str, text: str) -> dict[str, list[Result]]:
    """Return the packages and the lines of XML in each published generation."""
    packages: list[Result] = []
    lines: list[Result] = []
    for published in published_trees.list_distributions(root):
        if not published.current:
            continue
        tree = published_trees.generation_path(root, published, published.current)
        name, arch = published.distribution, published.arch
        generation = url_for(
            "generations_page.show_generation",
            distribution=name,
            arch=arch,
            generation=published.current,
        )
        packages += (
            Result(generation, f"{name} {arch}", package) for package in find_packages(tree, text)
        )
        graph = url_for("graph_page.show_graph", distribution=name, arch=arch)
        lines += (
            Result(graph, f"{name} {arch} {line.path}:{line.number}", line.text)
            for line in find_lines(tree, text)
        )
    return {"Packages": packages[:MAX_RESULTS], "Graph and node files": lines[:MAX_RESULTS]}
