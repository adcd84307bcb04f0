# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the author of a file that is not well-formed XML has to change, and where.

The usual cause is a shell script with ``&&``, ``<<`` or ``2>&1``, which expat calls "invalid token"
or, some lines later, "mismatched tag".
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Sequence
from xml.parsers.expat import ErrorString, ExpatError, errors

from ...errors import DescriptionError
from ..model import Element
from .vocabulary import GRAPH_ELEMENTS, NODE_ELEMENTS

CDATA = "put the script into <![CDATA[ … ]]>"
# A & that begins no reference, or a < that begins no tag, comment, CDATA section or declaration.
UNESCAPED = re.compile(
    r"&+(?![A-Za-z_][\w.-]*;|#[0-9]+;|#x[0-9A-Fa-f]+;)|<+(?![A-Za-z_/!?])|<+(?=[<&])"
)
TAG_START = re.compile(r"<(?=[A-Za-z_])")
OPEN_TAG = re.compile(r"<[A-Za-z_][^<>]*\Z")
UNQUOTED = re.compile(r"\s([A-Za-z_][\w.:-]*)\s*=\s*[^\s\"'<>]*\Z")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
TEXTS = {
    errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT: (
        "text after the end of the outermost element",
        "move it inside",
    ),
    errors.XML_ERROR_DUPLICATE_ATTRIBUTE: ("an attribute occurs twice in a tag", "remove one"),
    errors.XML_ERROR_NO_ELEMENTS: ("the file contains no element", ""),
}


class Position(NamedTuple):
    """Where the parser stopped."""

    file: str
    line: int
    before: str
    """The text before the position."""
    start_of_line: str
    rest_of_line: str
    """From the position on."""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def current_line(self) -> str:
        return self.start_of_line + self.rest_of_line


def well_formedness_error(
    error: ExpatError, text: str, file: str, unclosed: Sequence[Element]
) -> DescriptionError:
    """Return the error for a text that expat rejects.

    unclosed  the elements that are open at the place of the error, the outermost first
    """
    position = _position(error, text, file)
    code = ErrorString(error.code)
    if position.rest_of_line.startswith("<!--") and code == errors.XML_ERROR_UNCLOSED_TOKEN:
        return DescriptionError("a comment is not closed", position.where, "add -->")
    if code == errors.XML_ERROR_UNCLOSED_CDATA_SECTION:
        line = text.count("\n", 0, text.rfind("<![CDATA[")) + 1
        return DescriptionError("a CDATA section is not closed", f"{file}:{line}", "add ]]>")
    if code == errors.XML_ERROR_TAG_MISMATCH and unclosed:
        return _not_closed(unclosed[-1], f"line {position.line}")
    if code in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN) and unclosed:
        token = _invalid_token(position) if position.rest_of_line else None
        return token or _not_closed(unclosed[-1], "the end of the file")
    if code in TEXTS:
        what, hint = TEXTS[code]
        return DescriptionError(what, position.where, hint)
    return _invalid_token(position) or DescriptionError(
        f"not well-formed XML ({code}) in column {len(position.start_of_line) + 1}", position.where
    )


def _position(error: ExpatError, text: str, file: str) -> Position:
    lines = text.split("\n")
    number = min(max(error.lineno, 1), len(lines))
    current = lines[number - 1]
    column = min(max(error.offset, 0), len(current))
    return Position(
        file=file,
        line=number,
        before="\n".join([*lines[: number - 1], current[:column]]),
        start_of_line=current[:column],
        rest_of_line=current[column:],
    )


def _not_closed(element: Element, end: str) -> DescriptionError:
    hint = f"add </{element.tag}>"
    if element.tag not in NODE_ELEMENTS and element.tag not in GRAPH_ELEMENTS:
        hint += f"; for a < of a script, write &lt;, or {CDATA}"
    return DescriptionError(
        f"<{element.tag}> is not closed before {end}", str(element.origin), hint
    )


def _invalid_token(position: Position) -> Optional[DescriptionError]:
    """Find the characters that XML does not permit, at the position or shortly before it."""
    comment = position.before.rfind("<!--")
    if comment >= 0 and "-->" not in position.before[comment:]:
        return DescriptionError('"--" is not permitted in a comment', position.where, 'write "- -"')
    control = CONTROL.match(position.rest_of_line)
    if control:
        return DescriptionError(
            f"U+{ord(control.group()):04X} is not permitted in XML", position.where, "remove it"
        )
    column = position.current_line.find("]]>", max(0, len(position.start_of_line) - 2))
    if 0 <= column <= len(position.start_of_line):
        return _unescaped("]]>", column, position.where, f"write ]]&gt;, or {CDATA}")
    tag = OPEN_TAG.search(position.before)
    if tag:
        return _in_tag(position, tag)
    match = _nearest(UNESCAPED, position) or _nearest(TAG_START, position)
    if match is None:
        return None
    word = _word(position.current_line, match)
    hint = f"write {_escape(word)}, or {CDATA}"
    return _unescaped(word, match.start(), position.where, hint)


def _in_tag(position: Position, tag: re.Match[str]) -> DescriptionError:
    """The parser stopped in a start tag: in a value, at a bare value, or at the < of a script."""
    opened = tag.group()
    if opened.count('"') % 2 or re.sub(r'"[^"]*"', "", opened).count("'") % 2:
        match = _nearest(UNESCAPED, position)
        token = match.group() if match else position.rest_of_line[:1]
        column = match.start() if match else len(position.start_of_line)
        hint = f"write {_escape(token)}" + ("; a condition uses and" if "&&" in token else "")
        return _unescaped(token, column, position.where, hint)
    unquoted = UNQUOTED.search(opened)
    if unquoted:
        return DescriptionError(
            f"the value of {unquoted.group(1)}= is not in quotes",
            position.where,
            'write name="value"',
        )
    line = position.before.count("\n", 0, tag.start()) + 1
    column = tag.start() - (position.before.rfind("\n", 0, tag.start()) + 1)
    word = opened.split()[0]
    return _unescaped(word, column, f"{position.file}:{line}", f"write &lt;{word[1:]}, or {CDATA}")


def _nearest(pattern: re.Pattern[str], position: Position) -> Optional[re.Match[str]]:
    """Return the match closest to the column; the parser stops at it or some characters later."""
    column = len(position.start_of_line)
    return min(
        pattern.finditer(position.current_line),
        key=lambda match: (match.start() > column, abs(column - match.start())),
        default=None,
    )


def _word(line: str, match: re.Match[str]) -> str:
    """Return the characters with a few of their neighbours, such as ``2>&1``."""
    before = re.search(r"[^\s\"'<&]{0,40}\Z", line[: match.start()])
    after = re.match(r"[^\s\"'<&]{0,40}", line[match.end() :])
    return (before.group() if before else "") + match.group() + (after.group() if after else "")


def _unescaped(token: str, column: int, where: str, hint: str) -> DescriptionError:
    return DescriptionError(f"{token} in column {column + 1} must be escaped in XML", where, hint)


def _escape(token: str) -> str:
    return token.replace("&", "&amp;").replace("<", "&lt;")
