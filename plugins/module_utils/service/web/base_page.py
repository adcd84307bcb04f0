# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frame of every page for people: one style, one script, no asset from elsewhere, nothing that a policy forbids.

The Content-Security-Policy names the style and the script by their hashes; no other code runs, whatever a node's
message holds.
"""

from __future__ import annotations

import base64
import hashlib
import pathlib
from html import escape
from typing import Iterable

from ..model import HTML, Answer

STATIC = pathlib.Path(__file__).parent / "static"
STYLE = (STATIC / "page.css").read_text(encoding="utf-8")
SCRIPT = (STATIC / "page.js").read_text(encoding="utf-8")
PLACES = (("/", "Nodes"), ("/rocks/graph", "Graph"), ("/rocks/generations", "Generations"))


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy(styles: Iterable[str]) -> str:
    """What the browser lets happen: our own style and script, and nothing else."""
    allowed = " ".join(map(_hash, (STYLE, *styles)))
    return (
        f"default-src 'none'; style-src {allowed}; script-src {_hash(SCRIPT)}; connect-src 'self'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def frame(title: str, here: str, body: Iterable[str], styles: Iterable[str] = ()) -> Answer:
    """A whole page.

    here    the path of the place that is marked in the head
    styles  further style elements that the body holds
    """
    places = "".join(
        f'<a href="{path}"{" aria-current=page" if path == here else ""}>{name}</a>'
        for path, name in PLACES
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f'<body><header><h1>{escape(title)}</h1><nav aria-label="Places">{places}</nav></header>'
        f"<main>{''.join(body)}</main><script>{SCRIPT}</script></body></html>\n"
    )
    headers = (("Content-Security-Policy", policy(styles)), ("Cache-Control", "no-store"))
    return Answer(200, text.encode("utf-8", "replace"), HTML, headers)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """A table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def duration(seconds: int) -> str:
    """Seconds as people say them: ``3 h 07 min``, ``9 min 41 s``, ``12 s``."""
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"
