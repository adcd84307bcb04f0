# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages about generations: all of them, which is published, which nodes run it, and differences."""

from __future__ import annotations

from html import escape
from typing import Iterable, Mapping
from urllib.parse import quote

from .. import published_trees
from ..access_control import require_viewer
from ..model import Request, Response
from ..package_diff import Difference, compare_packages, read_packages
from ..published_trees import PublishedDistribution
from ..request_context import Context
from .base_page import render_page, table

PREFIX = "/rocks/generations"
RUNNING = (
    "select distribution, arch, generation, count(*) from installs"
    " where state in ('up', 'installed')"
    " and id in (select max(id) from installs where state in ('up', 'installed') group by node)"
    " group by distribution, arch, generation"
)
IN_PROGRESS = (
    "select distribution, arch, generation, count(*) from installs"
    " where live = 1 and state <> 'installed'"
    " group by distribution, arch, generation"
)

Counts = Mapping[tuple[str, str, str], int]


def generations_page(context: Context, request: Request) -> Response:
    """Return the page with all generations. Raises Denied (403)."""
    require_viewer(context.settings, request.address)
    running = {tuple(row[:3]): row[3] for row in context.db.rows(RUNNING)}
    in_progress = {tuple(row[:3]): row[3] for row in context.db.rows(IN_PROGRESS)}
    body = [
        _distribution_section(distribution, running, in_progress)
        for distribution in published_trees.list_distributions(context.settings.distributions)
    ]
    return render_page(
        "Generations", PREFIX, body or ["<p>No distribution has been built yet.</p>"]
    )


def difference_page(context: Context, request: Request) -> Response:
    """Return the differences between two generations. Raises Denied (403) or NotFound."""
    require_viewer(context.settings, request.address)
    name, arch, pair = request.path.split("/")[-3:]
    before, _dots, after = pair.partition("...")
    root = context.settings.distributions
    distribution = published_trees.find_distribution(root, name, arch)
    difference = compare_packages(
        read_packages(published_trees.generation_path(root, distribution, before)),
        read_packages(published_trees.generation_path(root, distribution, after)),
    )
    title = f"{name} {arch}: {before[:12]} to {after[:12]}"
    return render_page(title, "", _difference_sections(difference))


def _distribution_section(
    distribution: PublishedDistribution, running: Counts, in_progress: Counts
) -> str:
    rows = []
    for number, name in reversed(list(enumerate(distribution.generations))):
        key = (distribution.distribution, distribution.arch, name)
        before = distribution.generations[number - 1] if number else ""
        published = "<br><b>published</b>" if name == distribution.current else ""
        rows.append(
            (
                f"<code>{escape(name)}</code>{published}",
                str(running.get(key, "")),
                str(in_progress.get(key, "")),
                _difference_link(distribution, before, name) if before else "",
            )
        )
    headings = ("generation", "nodes that run it", "installing it", "difference")
    title = f"{escape(distribution.distribution)} <small>{escape(distribution.arch)}</small>"
    return f"<h2>{title}</h2>" + table(headings, rows)


def _difference_link(distribution: PublishedDistribution, before: str, after: str) -> str:
    parts = (distribution.distribution, distribution.arch, f"{before}...{after}")
    path = "/".join(quote(part, safe="") for part in parts)
    return f'<a href="{PREFIX}/{path}">from {escape(before[:12])}</a>'


def _difference_sections(difference: Difference) -> Iterable[str]:
    if not any(difference):
        yield "<p>Both generations have the same packages.</p>"
    for title, headings, rows in (
        ("Changed", ("package", "before", "after"), difference.changed),
        ("Added", ("package", "version"), difference.added),
        ("Removed", ("package", "version"), difference.removed),
    ):
        if rows:
            yield f"<h2>{title} <small>{len(rows)}</small></h2>"
            yield table(headings, ([escape(cell) for cell in row] for row in rows))
