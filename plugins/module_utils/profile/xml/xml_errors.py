# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Explain why a file is not well-formed XML.

The usual reason is a shell script with ``&&``, ``<<`` or the URL of a query, and the messages of an
XML parser ("invalid token") do not help its author.
"""

from __future__ import annotations

import re
from typing import Optional
from xml.parsers import expat

from ...errors import DescriptionError
from ..model import Element

CDATA = "put the script into <![CDATA[ … ]]>"
SHOWN = 60
_TOKEN_ERRORS = (4, 5)  # XML_ERROR_INVALID_TOKEN and XML_ERROR_UNCLOSED_TOKEN of expat.h
# A reference that the parser could not read, up to the place of the error.
_AMPERSAND = re.compile(r"&[\w.#-]*$")
_END_TAG = re.compile(r"</\s*([^\s>]+)")
# The beginning of an element with an attribute, which is no part of a script.
_ATTRIBUTE = re.compile(r"<[\w:.-]+\s+(?:[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*')\s*)*[\w:.-]+\s*=")


def explain_xml_error(
    text: str, error: expat.ExpatError, file: str, open_element: Optional[Element]
) -> DescriptionError:
    """Return the error for a file that is not well-formed.

    open_element  the innermost element that was open at the place of the error
    """
    position = _position(text, error)
    ampersand = _AMPERSAND.search(text, text.rfind("\n", 0, position) + 1, position)
    if ampersand or text.startswith("&", position):
        return _mark_error(text, ampersand.start() if ampersand else position, file)
    bracket = text.rfind("<", 0, position + 1)
    tag = text[bracket:position] if bracket >= 0 else ">"
    if tag.startswith("</"):
        return _tag_error(text[bracket:], error, file, open_element)
    is_script = error.code in _TOKEN_ERRORS and not tag.startswith(("<!", "<?"))
    if is_script and ">" not in tag and not _ATTRIBUTE.match(tag):
        first = bracket - 1 if text[bracket - 1 : bracket] == "<" else bracket
        return _mark_error(text, first, file)
    return _tag_error("", error, file, open_element)


def _position(text: str, error: expat.ExpatError) -> int:
    start = 0
    for _number in range(error.lineno - 1):
        start = text.find("\n", start) + 1
    return start + error.offset


def _mark_error(text: str, position: int, file: str) -> DescriptionError:
    """Return the error for a "&" or "<" that is a part of a script."""
    line_start = text.rfind("\n", 0, position) + 1
    line = text[line_start:].partition("\n")[0]
    column = position - line_start + 1
    mark = text[position]
    token = mark * 2 if text.startswith(mark * 2, position) else mark
    reference = "&amp;" if mark == "&" else "&lt;"
    return DescriptionError(
        f'not well-formed XML: "{token}" in column {column} ({_shorten(line, column)})',
        f"{file}:{text.count(chr(10), 0, position) + 1}",
        f"write {reference * len(token)}, or {CDATA}",
    )


def _tag_error(
    after: str, error: expat.ExpatError, file: str, open_element: Optional[Element]
) -> DescriptionError:
    """Return the error for an element that is not closed, which a script can seem to open.

    after  the text from the end tag on; empty if the error is not about one
    """
    reason = expat.ErrorString(error.code)
    where = f"{file}:{error.lineno}"
    end_tag = _END_TAG.match(after)
    if open_element and (end_tag or reason == "no element found"):
        tag = open_element.tag
        what = f"<{tag}> of line {open_element.origin.line} is not closed"
        if end_tag:
            what += f" before </{end_tag.group(1)}>"
        hint = f'add </{tag}>; or, if its "<" is part of a script, write &lt;, or {CDATA}'
        return DescriptionError(f"not well-formed XML: {what}", where, hint)
    return DescriptionError(
        f"not well-formed XML ({reason}, in column {error.offset + 1})",
        where,
        "correct that place: values of attributes need quotes, and comments cannot contain --",
    )


def _shorten(line: str, column: int) -> str:
    """Return the part of a line around a column."""
    start = max(0, min(column - SHOWN // 2, len(line) - SHOWN))
    return line[start : start + SHOWN].strip()
