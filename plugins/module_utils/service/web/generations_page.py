# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The generations for people: which there are, which one is published, who runs it, and what differs between two."""

from __future__ import annotations

from html import escape
from typing import Iterable, Mapping
from urllib.parse import quote

from .. import published_trees
from ..access_control import demand_viewer
from ..model import Answer, Request
from ..package_diff import Difference, difference, packages
from ..published_trees import Published
from ..request_context import Service
from .base_page import frame, table

PREFIX = "/rocks/generations"
RUNNING = (
    "select distribution, arch, generation, count(*) from installs where state in ('up', 'installed')"
    " and id in (select max(id) from installs where state in ('up', 'installed') group by node)"
    " group by distribution, arch, generation"
)
UNDER_WAY = (
    "select distribution, arch, generation, count(*) from installs where live = 1 and state <> 'installed'"
    " group by distribution, arch, generation"
)

Counts = Mapping[tuple[str, str, str], int]


def generations_page(service: Service, request: Request) -> Answer:
    """All of them.  Raises Denied (403)."""
    demand_viewer(service.settings, request.address)
    running = {tuple(row[:3]): row[3] for row in service.db.rows(RUNNING)}
    under_way = {tuple(row[:3]): row[3] for row in service.db.rows(UNDER_WAY)}
    found = published_trees.published(service.settings.distributions)
    body = [_distribution(one, running, under_way) for one in found]
    return frame("Generations", PREFIX, body or ["<p>No distribution was built yet.</p>"])


def difference_page(service: Service, request: Request) -> Answer:
    """What differs between two generations of one distribution.  Raises Denied (403) or NotFound."""
    demand_viewer(service.settings, request.address)
    _empty, _rocks, _generations, distribution, arch, pair = request.path.split("/")
    before, _dots, after = pair.partition("...")
    root = service.settings.distributions
    one = published_trees.find(root, distribution, arch)
    found = difference(
        *(packages(published_trees.path(root, one, name)) for name in (before, after))
    )
    title = f"{distribution} {arch}: {before[:12]} to {after[:12]}"
    return frame(title, "", _difference(found))


def _distribution(one: Published, running: Counts, under_way: Counts) -> str:
    rows = []
    for number, name in reversed(list(enumerate(one.generations))):
        key = (one.distribution, one.arch, name)
        before = one.generations[number - 1] if number else ""
        rows.append(
            (
                f"<code>{escape(name)}</code>{'<br><b>published</b>' if name == one.current else ''}",
                str(running.get(key, "")),
                str(under_way.get(key, "")),
                f'<a href="{PREFIX}/{_segments(one, f"{before}...{name}")}">from {escape(before[:12])}</a>'
                if before
                else "",
            )
        )
    heads = ("generation", "nodes that run it", "installing it", "difference")
    return f"<h2>{escape(one.distribution)} <small>{escape(one.arch)}</small></h2>" + table(
        heads, rows
    )


def _segments(one: Published, pair: str) -> str:
    return "/".join(quote(part, safe="") for part in (one.distribution, one.arch, pair))


def _difference(found: Difference) -> Iterable[str]:
    if not any(found):
        yield "<p>The same packages.</p>"
    for title, heads, rows in (
        ("Changed", ("package", "before", "after"), found.changed),
        ("Added", ("package", "version"), found.added),
        ("Removed", ("package", "version"), found.removed),
    ):
        if rows:
            yield f"<h2>{title} <small>{len(rows)}</small></h2>"
            yield table(heads, ([escape(cell) for cell in row] for row in rows))
