# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove characters from other machines' texts that change how a page or a terminal shows them.

Control characters move the cursor of a terminal.  Format characters, such as U+202E, which reverses
the text after it, let one name look like another one.
"""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode categories: control, format and surrogate characters, line and paragraph separators."""


def visible_text(text: str, kept: str = "\n\t") -> str:
    """Return the text without hidden characters, except those in ``kept``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        for character in text
        if character in kept or unicodedata.category(character) not in HIDDEN
    )
