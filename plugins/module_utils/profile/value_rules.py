# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which characters a value can have: rules that the escaping of several languages uses."""

from __future__ import annotations

import re

# The installer splits its input as Python's str.splitlines does: at each of these characters.
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
LINE_END = re.compile(f"[{LINE_ENDS}]")
ODD_LINE_END = re.compile(f"[{LINE_ENDS[1:]}]")

# No language gives these characters a meaning inside a word, so such a value needs no escaping.
PLAIN = re.compile(r"[A-Za-z0-9_.,:/@+-]+\Z")
ANYWHERE = "alone on a line of a <file> it can be any text"


def one_line(value: str) -> str:
    """Return a value of one line. Raises ValueError for another one."""
    if LINE_END.search(value):
        raise ValueError(f"a line break cannot be written here; {ANYWHERE}")
    return value


def only_newlines(value: str) -> str:
    """Return a value without unusual line ends. Raises ValueError for another one."""
    match = ODD_LINE_END.search(value)
    if match:
        raise ValueError(
            f"U+{ord(match.group()):04X} ends a line for the installer, and cannot be written here"
        )
    return value


def require(allowed: re.Pattern[str], value: str) -> str:
    """Return a value of permitted characters. Raises ValueError that names another one."""
    for character in value:
        if not allowed.match(character):
            raise ValueError(f"{character!r} cannot be written safely here; {ANYWHERE}")
    return value
