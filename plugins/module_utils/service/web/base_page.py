# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layout of every page: one style sheet, one script, nothing from other sites.

Both are inlined, and the Content-Security-Policy allows them by their hashes; no other code runs,
whatever a node's message contains.
"""

from __future__ import annotations

import base64
import hashlib
import pathlib
from html import escape
from typing import Iterable

from ..model import HTML, Response

STATIC = pathlib.Path(__file__).parent / "static"
STYLE = (STATIC / "page.css").read_text(encoding="utf-8")
SCRIPT = (STATIC / "page.js").read_text(encoding="utf-8")
NAVIGATION = (("/", "Nodes"), ("/rocks/graph", "Graph"), ("/rocks/generations", "Generations"))


def _source_hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def content_security_policy(styles: Iterable[str]) -> str:
    """Return a policy that allows this page's style sheets and script, and nothing else."""
    style_sources = " ".join(map(_source_hash, (STYLE, *styles)))
    return (
        f"default-src 'none'; style-src {style_sources}; script-src {_source_hash(SCRIPT)};"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


def render_page(
    title: str, active_path: str, body: Iterable[str], styles: Iterable[str] = ()
) -> Response:
    """Return a complete page.

    active_path  the entry of NAVIGATION that is marked as current; empty: none
    body         HTML
    styles       the style sheets that the body contains
    """
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if path == active_path else ""}>{name}</a>'
        for path, name in NAVIGATION
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f'<body><header><h1>{escape(title)}</h1><nav aria-label="Pages">{links}</nav></header>'
        f"<main>{''.join(body)}</main><script>{SCRIPT}</script></body></html>\n"
    )
    headers = (
        ("Content-Security-Policy", content_security_policy(styles)),
        ("Cache-Control", "no-store"),
    )
    return Response(200, text.encode("utf-8", "replace"), HTML, headers)


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], css_class: str = "") -> str:
    """Return a table; the cells of ``rows`` are HTML."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="{css_class}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def format_duration(seconds: int) -> str:
    """Return seconds in a form for people: ``3 h 07 min``, ``9 min 41 s``, ``12 s``."""
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"
