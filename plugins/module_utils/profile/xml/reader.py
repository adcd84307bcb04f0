# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read XML text into elements, with the line of each, and nothing from outside the text.

This uses expat rather than lxml: its line numbers have no upper limit, and a handler can supply the
declarations that the Rocks dialect omits (one entity for each attribute). An entity remains a
placeholder in the text, so that the XML parser never sees an attribute's value. A document type in
the file is rejected: this rules out external entities and expansion bombs.
"""

from __future__ import annotations

import re
from typing import Optional
from xml.parsers import expat

from ...errors import DescriptionError
from ...xml_folders import decode_xml
from ..escaping import CLOSE, OPEN, RESERVED
from ..model import Element, Origin, Text
from .diagnosis import well_formedness_error

MAXIMUM_SIZE = 8 * 1024 * 1024
MAXIMUM_DEPTH = 64
# Notes for people, which are not compiled.
PROSE_ELEMENTS = frozenset(
    ("description", "changelog", "copyright", "log", "stack:stacki", "stack:rocks")
)

DECLARATION = re.compile(r"<\?xml\s[^?]*\?>")
ENTITY = re.compile(r"&([A-Za-z_][\w.-]*);")
PREDEFINED = frozenset(("amp", "lt", "gt", "quot", "apos"))


def parse_xml(data: bytes, file: str) -> Element:
    """Return the root element of an XML file; ``file`` is its name in errors and origins.

    Raises DescriptionError with the line if the text is not well-formed, too large, nested too
    deep, has a document type, or contains a character that is reserved for placeholders.
    """
    return _Reader(file).read(_decode(data, file))


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAXIMUM_SIZE:
        raise DescriptionError(
            f"the XML file is too large: {len(data):,} bytes",
            file,
            f"the limit is {MAXIMUM_SIZE:,}",
        )
    text = decode_xml(data, file)
    reject_reserved(text, file)
    # Rocks dropped every line with a declaration, wherever it was; in some files it is not the
    # first line.
    return DECLARATION.sub(lambda match: "\n" * match.group().count("\n"), text, count=1)


def reject_reserved(text: str, file: str) -> str:
    """Return the text if it has no character that is reserved for placeholders."""
    reserved = RESERVED.search(text)
    if reserved:
        line = text.count("\n", 0, reserved.start()) + 1
        raise DescriptionError(
            f"U+{ord(reserved.group()):04X} is not permitted in node files",
            f"{file}:{line}",
            "remove it",
        )
    return text


class _Reader:
    """The handlers of one parse: a stack of open elements, and the text since the last tag."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.stack: list[Element] = []
        self.root: Optional[Element] = None
        self.prose = 0
        self.cdata = False
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.buffer_size = 1 << 20
        self.parser.UseForeignDTD(True)
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_ALWAYS)
        self.parser.StartDoctypeDeclHandler = self.refuse_doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        # Makes expat report the text before a comment separately from the text after it, so that
        # each has its own line.
        self.parser.CommentHandler = lambda _comment: None
        self.parser.StartCdataSectionHandler = self.start_cdata
        self.parser.EndCdataSectionHandler = self.end_cdata

    def read(self, text: str) -> Element:
        names = sorted(set(ENTITY.findall(text)) - PREDEFINED)
        declarations = "".join(f'<!ENTITY {name} "{OPEN}{name}{CLOSE}">' for name in names)

        def declare(
            context: str, _base: Optional[str], _system: Optional[str], _public: Optional[str]
        ) -> int:
            self.parser.ExternalEntityParserCreate(context).Parse(declarations, True)
            return 1

        self.parser.ExternalEntityRefHandler = declare
        try:
            self.parser.Parse(text, True)
        except expat.ExpatError as error:
            raise well_formedness_error(error, text, self.file, self.stack) from None
        if self.root is None:
            raise DescriptionError("the file contains no element", f"{self.file}:1")
        return self.root

    def current_origin(self) -> Origin:
        return Origin(self.file, self.parser.CurrentLineNumber)

    def refuse_doctype(
        self, _name: str, _system: Optional[str], _public: Optional[str], _internal: bool
    ) -> None:
        raise DescriptionError(
            "a document type is not permitted",
            str(self.current_origin()),
            "remove it: attributes need no declaration",
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.stack) >= MAXIMUM_DEPTH:
            raise DescriptionError(
                f"nested deeper than {MAXIMUM_DEPTH} elements", str(self.current_origin())
            )
        element = Element(tag=tag, attributes=attributes, children=[], origin=self.current_origin())
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)
        self.prose += _is_prose(tag)

    def end(self, tag: str) -> None:
        self.stack.pop()
        self.prose -= _is_prose(tag)

    def start_cdata(self) -> None:
        self.cdata = True

    def end_cdata(self) -> None:
        self.cdata = False

    def characters(self, text: str) -> None:
        if not self.prose:
            # expat calls this when the next markup begins, and the parser is at that line.
            line = self.parser.CurrentLineNumber - text.count("\n")
            self.stack[-1].children.append(Text(text, Origin(self.file, line), literal=self.cdata))


def _is_prose(tag: str) -> bool:
    return tag in PROSE_ELEMENTS or tag.removeprefix("stack:") in PROSE_ELEMENTS
