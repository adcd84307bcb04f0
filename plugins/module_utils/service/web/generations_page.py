# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages about generations: all of them, which is published, which nodes run it, and differences."""

from __future__ import annotations

import collections

from flask import Blueprint, Response

from ...cluster.database import Database
from .. import published_trees
from ..access_control import require_viewer
from ..generation_facts import read_facts
from ..package_diff import compare_packages, read_packages
from ..profile_changes import changed_profiles
from ..request_context import current_context
from .page_layout import render_page

blueprint = Blueprint("generations_page", __name__)
RUNNING = (
    "select distribution, arch, generation, count(*) from installs"
    " where state in ('up', 'installed')"
    " and id in (select max(id) from installs where state in ('up', 'installed') group by node)"
    " group by distribution, arch, generation"
)
NODES = (
    "select n.name from installs i join nodes n on n.id = i.node"
    " where i.state in ('up', 'installed') and i.id in"
    " (select max(id) from installs where state in ('up', 'installed') group by node)"
    " and i.distribution = ? and i.arch = ? and i.generation = ? order by n.rack, n.`rank`, n.name"
)
IN_PROGRESS = (
    "select distribution, arch, generation, count(*) from installs"
    " where live = 1 and state <> 'installed'"
    " group by distribution, arch, generation"
)


@blueprint.get("/rocks/generations")
def show_generations() -> Response:
    """Return the page with all generations. Raises Denied (403)."""
    context = current_context()
    require_viewer(context)
    return render_page(
        "generations.html",
        distributions=published_trees.list_distributions(context.settings.distributions),
        running=_count_nodes(context.db, RUNNING),
        in_progress=_count_nodes(context.db, IN_PROGRESS),
    )


@blueprint.get("/rocks/generation/<distribution>/<arch>/<generation>")
def show_generation(distribution: str, arch: str, generation: str) -> Response:
    """Return what a generation consists of, and who runs it. Raises Denied (403) or NotFound."""
    context = current_context()
    require_viewer(context)
    root = context.settings.distributions
    published = published_trees.find_distribution(root, distribution, arch)
    tree = published_trees.generation_path(root, published, generation)
    position = published.generations.index(generation)
    return render_page(
        "generation.html",
        distribution=published,
        generation=generation,
        before=published.generations[position - 1] if position else "",
        facts=read_facts(tree),
        nodes=[name for (name,) in context.db.rows(NODES, (distribution, arch, generation))],
    )


@blueprint.get("/rocks/generations/<distribution>/<arch>/<before>...<after>")
def show_difference(distribution: str, arch: str, before: str, after: str) -> Response:
    """Return the differences between two generations. Raises Denied (403) or NotFound."""
    context = current_context()
    require_viewer(context)
    root = context.settings.distributions
    published = published_trees.find_distribution(root, distribution, arch)
    trees = [published_trees.generation_path(root, published, name) for name in (before, after)]
    difference = compare_packages(*map(read_packages, trees))
    return render_page(
        "difference.html",
        distribution=distribution,
        arch=arch,
        before=before,
        after=after,
        difference=difference,
        profiles=changed_profiles(*trees),
    )


def _count_nodes(db: Database, query: str) -> collections.Counter[tuple[str, str, str]]:
    """Return the number of nodes by distribution, architecture and generation."""
    return collections.Counter({tuple(row[:3]): row[3] for row in db.rows(query)})
