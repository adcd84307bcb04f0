# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""References in scripts of other languages than the shell's, read line by line."""

from __future__ import annotations

import re

from ..escaping import PLACEHOLDER, placeholder
from .shell_commands import PLAIN

# Such a call runs the text in its quotes.
CALLS = re.compile(r"\b(?:system|popen|exec\w*|eval|qx|getoutput|shell)\b", re.IGNORECASE)


def annotate_line(line: str) -> str:
    """Annotate a line of another language; only references in simple quotes get a context."""
    calls = CALLS.search(line)
    return PLACEHOLDER.sub(
        lambda match: placeholder(
            match.group(1), PLAIN if calls else _context_in_quotes(line[: match.start()])
        ),
        line,
    )


def _context_in_quotes(before: str) -> str:
    quote = ""
    inside = ""
    for character in PLACEHOLDER.sub("", before):
        if character == "\\" or (character == "#" and not quote):
            return PLAIN
        if quote:
            inside += character
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
            inside = ""
    interpolated = set(inside) & set("$@`{#")
    return "quoted" if quote and not interpolated else PLAIN
