# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render the templates of the pages: nothing from other sites, and no code but our own.

Each response has a nonce, which its Content-Security-Policy requires of the style sheet and of the
script; no other code runs, whatever a node's message contains.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Iterable

from flask import Flask, Response, render_template

from .static_files import static_url

NAVIGATION = (
    ("/", "Nodes"),
    ("/rocks/racks", "Racks"),
    ("/rocks/graph", "Graph"),
    ("/rocks/generations", "Generations"),
)


def register_template_tools(app: Flask) -> None:
    """Add the functions, filters and constants that the templates use."""
    app.add_template_global(static_url)
    app.jinja_env.globals["navigation"] = NAVIGATION
    app.add_template_filter(format_duration, "duration")


def render_page(template: str, *, styles: Iterable[str] = (), **values: object) -> Response:
    """Return a page.

    styles  the style sheets of pictures in the page, which cannot have the nonce
    values  for the template, which must set ``title``
    """
    nonce = secrets.token_urlsafe(16)
    response = Response(render_template(template, csp_nonce=nonce, **values))
    response.headers["Content-Security-Policy"] = content_security_policy(nonce, styles)
    response.headers["Cache-Control"] = "no-store"
    return response


def content_security_policy(nonce: str, styles: Iterable[str]) -> str:
    """Return a policy that allows the page's style sheets and script, and nothing else."""
    style_sources = " ".join((f"'nonce-{nonce}'", *map(_source_hash, styles)))
    return (
        f"default-src 'none'; style-src {style_sources}; script-src 'nonce-{nonce}';"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    )


def _source_hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def format_duration(seconds: int) -> str:
    """Return seconds in a form for people: ``3 h 07 min``, ``9 min 41 s``, ``12 s``."""
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"
