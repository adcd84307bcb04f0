# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands inside an element: text line by line, with <eval>, <include> and <var> replaced by what they give."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Optional, Union

from ...errors import CommandError, DescriptionError, NotFound
from ...files import read_text
from ..escaping import PLACEHOLDER, escape, placeholder, unmark
from ..model import Element, Evaluate, Origin, Text
from ..xml import reader
from ..xml.conditions import TrackedAttributes, condition_of, holds, undefined_attribute_error
from ..xml.layers import XmlLayers
from ..xml.vocabulary import NAME_PATTERN
from .shell_quoting import annotate

EVAL_SHELL = "/bin/sh"


class Chunk(NamedTuple):
    """A run of characters; ``moving``: each line of it has a line of its own in the file."""

    text: str
    origin: Origin
    tracks_lines: bool


class SourceLine(NamedTuple):
    """One line of a script or file, and where it was written."""

    text: str
    origin: Origin


class Expander:
    """What the contents of elements need: the attributes, the include directories, the evaluator, local variables."""

    def __init__(
        self, sources: XmlLayers, attributes: TrackedAttributes, evaluate: Optional[Evaluate]
    ) -> None:
        self.sources, self.attributes, self.evaluate = sources, attributes, evaluate
        self.variables: dict[str, str] = {}

    def chunks(
        self, element: Element, fixed: Optional[Origin] = None
    ) -> Iterator[Union[Chunk, Element]]:
        """The text inside an element, and the elements that are not text (<file>), in order.

        fixed  the origin of everything, where the element itself was printed by a program
        """
        for child in element.children:
            if isinstance(child, Text):
                yield Chunk(child.text, fixed or child.origin, fixed is None)
            elif holds(condition_of(child), self.attributes):
                maker = EXPANDERS.get(child.tag)
                if maker is None:
                    yield child if fixed is None else child._replace(origin=fixed)
                else:
                    yield from maker(self, child, fixed or child.origin)

    def lines(self, element: Element) -> list[SourceLine]:
        """The text inside an element that holds nothing else, line by line."""
        chunks: list[Chunk] = []
        for chunk in self.chunks(element):
            if isinstance(chunk, Element):
                raise DescriptionError(
                    f"<{chunk.tag}> cannot stand in <{element.tag}>", str(chunk.origin)
                )
            chunks.append(chunk)
        return split_lines(chunks)

    def define(self, element: Element) -> None:
        """Take the variables that a <var name= val=> sets, for all that is compiled after it."""
        name = _variable(element)
        if "val" in element.attributes:
            self.variables[name] = element.attributes["val"]

    def _var(self, element: Element, origin: Origin) -> Iterator[Chunk]:
        name = _variable(element)
        if "val" in element.attributes:
            self.define(element)
        elif name in self.variables:
            yield Chunk(self.variables[name], origin, False)
        else:
            yield Chunk(placeholder(name), origin, False)

    def _eval(self, element: Element, origin: Origin) -> Iterator[Union[Chunk, Element]]:
        if self.evaluate is None:
            raise DescriptionError(
                "<eval> runs a program, and none may run here",
                str(origin),
                "allow it, or use attributes instead",
            )
        interpreter = element.attributes.get("shell") or EVAL_SHELL
        lines = self.lines(element._replace(attributes={}))
        script = "".join(
            self._valued(text, line.origin) + "\n"
            for line, text in zip(lines, annotate([line.text for line in lines], interpreter))
        )
        try:
            printed = self.evaluate(script, interpreter)
        except CommandError as error:
            raise DescriptionError(
                f"<eval> failed: {error}", str(origin), "repair it, or use attributes"
            ) from error
        yield from self._foreign(printed, element, origin, str(origin))

    def _include(self, element: Element, origin: Origin) -> Iterator[Union[Chunk, Element]]:
        name = self.attributes.resolve(element.attributes.get("file", ""), origin)
        try:
            path = self.sources.find_include(name, str(origin))
        except NotFound:
            if element.tag == "sinclude":
                return
            raise
        yield from self._foreign(read_text(path), element, Origin(path, 1), path)

    def _foreign(
        self, text: str, element: Element, origin: Origin, name: str
    ) -> Iterator[Union[Chunk, Element]]:
        moving = element.tag != "eval"
        if element.attributes.get("mode") == "xml":
            inner = reader.parse_xml(f"<fragment>{text}</fragment>".encode(), name)
            yield from self.chunks(inner, None if moving else origin)
        else:
            yield Chunk(reader.reject_reserved(text, name), origin, moving)

    def _valued(self, text: str, origin: Origin) -> str:
        """A line of a program with the values in it: they become part of the shape."""
        parts: list[str] = []
        end = 0
        for found in PLACEHOLDER.finditer(text):
            value = self.attributes.get(found.group(1))
            if value is None:
                raise undefined_attribute_error(found.group(1), origin)
            try:
                parts += [text[end : found.start()], escape(value, found.group(2) or "plain")]
            except ValueError as error:
                raise DescriptionError(
                    f'attribute "{found.group(1)}": {error}', str(origin)
                ) from None
            end = found.end()
        return "".join(parts) + text[end:]


def _variable(element: Element) -> str:
    name = element.attributes.get("name", "")
    if not re.fullmatch(NAME_PATTERN, name):
        raise DescriptionError(
            f'<var name="{unmark(name)}"> names no attribute', str(element.origin)
        )
    return name


EXPANDERS = {
    "var": Expander._var,
    "eval": Expander._eval,
    "include": Expander._include,
    "sinclude": Expander._include,
}


def split_lines(chunks: list[Chunk]) -> list[SourceLine]:
    """Runs of characters as lines; a line belongs where its first visible character was written."""
    lines: list[SourceLine] = []
    text, origin = "", None
    for chunk in chunks:
        for number, part in enumerate(chunk.text.split("\n")):
            if number:
                lines.append(SourceLine(text, origin or chunk.origin))
                text, origin = "", None
            if origin is None or not text.strip():
                file, line = chunk.origin
                origin = Origin(file, line + number) if chunk.tracks_lines else chunk.origin
            text += part
    if text.strip():  # else only what indents the end tag
        lines.append(SourceLine(text, origin or chunks[-1].origin))
    return lines
