# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read XML text into elements, with the line of each, and nothing from anywhere else.

expat rather than lxml: its lines have no upper limit, and it takes the declarations that Rocks' dialect leaves out
(one entity for each attribute) from a handler instead of from edited text.  An entity stays a mark in the text, so
that no value of an attribute ever meets the XML parser.  A document type of the file's own is refused: no external
entity, no expansion bomb.
"""

from __future__ import annotations

import re
from typing import Optional
from xml.parsers import expat

from ...errors import DescriptionError
from ..escaping import CLOSE, OPEN, RESERVED
from ..model import Element, Origin, Text

MAXIMUM_SIZE = 8 * 1024 * 1024
MAXIMUM_DEPTH = 64
# What people tell each other; nothing of it is compiled.
PROSE_ELEMENTS = frozenset(
    ("description", "changelog", "copyright", "log", "stack:stacki", "stack:rocks")
)

DECLARATION = re.compile(r"<\?xml\s[^?]*\?>")
ENCODING = re.compile(rb"<\?xml\s[^?]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
ENTITY = re.compile(r"&([A-Za-z_][\w.-]*);")
PREDEFINED = frozenset(("amp", "lt", "gt", "quot", "apos"))


def parse_xml(data: bytes, file: str) -> Element:
    """The root element of an XML file; ``file`` is what errors and origins call it.

    Raises DescriptionError with the line when the text is not well-formed, too large, nested too deep, has a
    document type, or holds a character that stands for a reference here.
    """
    return _Reader(file).read(_text(data, file))


def _text(data: bytes, file: str) -> str:
    if len(data) > MAXIMUM_SIZE:
        raise DescriptionError(
            f"{len(data):,} bytes are too many for one XML file", file, f"at most {MAXIMUM_SIZE:,}"
        )
    declared = ENCODING.match(data[:200].lstrip())
    encoding = declared.group(1).decode("ascii") if declared else "utf-8"
    try:
        text = data.decode(encoding).lstrip("\ufeff")
    except LookupError:
        raise DescriptionError(
            f'encoding "{encoding}" is not known', f"{file}:1", "save the file as UTF-8"
        ) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DescriptionError(
            f"byte 0x{data[error.start]:02x} is not {encoding}",
            f"{file}:{line}",
            "save the file as UTF-8",
        ) from None
    reject_reserved(text, file)
    # Rocks dropped every line with a declaration, wherever it stood; so files exist where it is not the first thing.
    return DECLARATION.sub(lambda found: "\n" * found.group().count("\n"), text, count=1)


def reject_reserved(text: str, file: str) -> str:
    """The text, if it holds no character that stands for a reference here."""
    reserved = RESERVED.search(text)
    if reserved:
        line = text.count("\n", 0, reserved.start()) + 1
        raise DescriptionError(
            f"U+{ord(reserved.group()):04X} is not for node files", f"{file}:{line}", "remove it"
        )
    return text


class _Reader:
    """The handlers of one parse: a stack of open elements, and the text since the last of them."""

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
        # Set only so that the text before a comment is handed over apart from the text behind it, with its own line.
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
            said = expat.ErrorString(error.code)
            raise DescriptionError(
                f"not well-formed XML ({said})", f"{self.file}:{error.lineno}"
            ) from None
        if self.root is None:
            raise DescriptionError("no element in the file", f"{self.file}:1")
        return self.root

    def here(self) -> Origin:
        return Origin(self.file, self.parser.CurrentLineNumber)

    def refuse_doctype(
        self, _name: str, _system: Optional[str], _public: Optional[str], _internal: bool
    ) -> None:
        raise DescriptionError(
            "a document type is not read",
            str(self.here()),
            "remove it: every attribute is an entity without one",
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.stack) >= MAXIMUM_DEPTH:
            raise DescriptionError(f"nested deeper than {MAXIMUM_DEPTH} elements", str(self.here()))
        element = Element(tag, attributes, [], self.here())
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
            # Called when the next markup begins, and that is the line the parser is at.
            line = self.parser.CurrentLineNumber - text.count("\n")
            self.stack[-1].children.append(Text(text, Origin(self.file, line), literal=self.cdata))


def _is_prose(tag: str) -> bool:
    return tag in PROSE_ELEMENTS or tag.removeprefix("stack:") in PROSE_ELEMENTS
