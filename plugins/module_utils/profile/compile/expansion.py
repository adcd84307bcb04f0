# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The content of an element, with <eval>, <include> and <var> replaced by their results."""

from __future__ import annotations

import re
from typing import Collection, Iterator, NamedTuple, Optional, Sequence, Union

from ...errors import CommandError, DescriptionError, NotFound
from ...files import read_text
from ..escaping import PLACEHOLDER, escape, placeholder, unmark
from ..model import Element, Evaluate, Origin, Text
from ..xml import reader
from ..xml.conditions import TrackedAttributes, condition_of, holds, undefined_attribute_error
from ..xml.layers import XmlLayers
from ..xml.vocabulary import NAME_PATTERN, has_no_effect
from .programs import Programs
from .shell_quoting import UnsafeLine, annotate

EVAL_SHELL = "/bin/sh"


class Chunk(NamedTuple):
    """Consecutive characters."""

    text: str
    origin: Origin
    tracks_lines: bool
    """Whether each line of the text has its own line in the file."""


class SourceLine(NamedTuple):
    """A line of a script or file, and its place in the XML."""

    text: str
    origin: Origin


class Expander:
    """Expands elements with attributes, include files, the evaluator and local variables."""

    def __init__(
        self, layers: XmlLayers, attributes: TrackedAttributes, evaluate: Optional[Evaluate]
    ) -> None:
        self.layers = layers
        self.attributes = attributes
        self.evaluate = evaluate
        self.variables: dict[str, str] = {}
        self.programs = Programs()

    def chunks(
        self, element: Element, fixed: Optional[Origin] = None
    ) -> Iterator[Union[Chunk, Element]]:
        """Yield the text in an element, and the elements that are not text (<file>), in order.

        fixed  the origin of everything, if a program printed the element
        """
        for child in element.children:
            if isinstance(child, Text):
                yield Chunk(child.text, fixed or child.origin, tracks_lines=fixed is None)
            elif holds(condition_of(child), self.attributes):
                expand = EXPANDERS.get(child.tag)
                if has_no_effect(child.tag, element.tag):
                    continue
                if expand is None:
                    yield child if fixed is None else child._replace(origin=fixed)
                else:
                    yield from expand(self, child, fixed or child.origin)

    def lines(self, element: Element) -> list[SourceLine]:
        """Return the lines of an element that contains only text."""
        chunks: list[Chunk] = []
        for chunk in self.chunks(element):
            if isinstance(chunk, Element):
                raise DescriptionError(
                    f"<{chunk.tag}> is not permitted in <{element.tag}>", str(chunk.origin)
                )
            chunks.append(chunk)
        return split_lines(chunks)

    def define(self, element: Element) -> None:
        """Set the variable of a <var name= val=> for everything that is compiled after it."""
        name = _variable_name(element)
        if "val" in element.attributes:
            self.variables[name] = element.attributes["val"]

    def _expand_var(self, element: Element, origin: Origin) -> Iterator[Chunk]:
        name = _variable_name(element)
        if "val" in element.attributes:
            self.define(element)
        elif name in self.variables:
            yield Chunk(self.variables[name], origin, tracks_lines=False)
        else:
            yield Chunk(placeholder(name), origin, tracks_lines=False)

    def _expand_eval(self, element: Element, origin: Origin) -> Iterator[Union[Chunk, Element]]:
        if self.evaluate is None:
            raise DescriptionError(
                "<eval> runs a program, which is not permitted here",
                str(origin),
                "permit it, or use attributes instead",
            )
        interpreter = element.attributes.get("shell") or EVAL_SHELL
        lines = self.lines(element._replace(attributes={}))
        script = "".join(
            self._substitute(line.text, line.origin) + "\n"
            for line in annotate_lines(lines, interpreter)
        )
        try:
            output = self.evaluate(script, interpreter)
        except CommandError as error:
            raise DescriptionError(
                f"<eval> failed: {error.what}",
                str(origin),
                "correct the program, or use attributes",
            ) from error
        yield from self._insert(output, element, origin, str(origin))

    def _expand_sha256sums(self, _element: Element, origin: Origin) -> Iterator[Chunk]:
        self.programs.are_used = True
        yield Chunk(self.programs.listing(), origin, tracks_lines=False)

    def _expand_include(self, element: Element, origin: Origin) -> Iterator[Union[Chunk, Element]]:
        name = self.attributes.resolve(element.attributes.get("file", ""), origin)
        try:
            path = self.layers.find_include(name, str(origin))
        except NotFound:
            if element.tag == "sinclude":
                return
            raise
        yield from self._insert(read_text(path), element, Origin(path, 1), path)

    def _insert(
        self, text: str, element: Element, origin: Origin, name: str
    ) -> Iterator[Union[Chunk, Element]]:
        tracks_lines = element.tag != "eval"
        if element.attributes.get("mode") == "xml":
            inner = reader.parse_xml(f"<fragment>{text}</fragment>".encode(), name)
            yield from self.chunks(inner, None if tracks_lines else origin)
        else:
            yield Chunk(reader.reject_reserved(text, name), origin, tracks_lines=tracks_lines)

    def _substitute(self, text: str, origin: Origin) -> str:
        """Replace references in a program by values, which become part of the shape."""
        parts: list[str] = []
        end = 0
        for match in PLACEHOLDER.finditer(text):
            value = self.attributes.get(match.group(1))
            if value is None:
                raise undefined_attribute_error(match.group(1), origin)
            try:
                parts += [text[end : match.start()], escape(value, match.group(2) or "plain")]
            except ValueError as error:
                raise DescriptionError(
                    f'attribute "{match.group(1)}": {error}', str(origin)
                ) from None
            end = match.end()
        return "".join(parts) + text[end:]


def annotate_lines(
    lines: Sequence[SourceLine], interpreter: str, closed_at: Collection[int] = ()
) -> list[SourceLine]:
    """Assign a context to every reference in the lines of a script (see shell_quoting.annotate).

    Raises DescriptionError for a reference that no quoting makes safe.
    """
    try:
        texts = annotate([line.text for line in lines], interpreter, closed_at)
    except UnsafeLine as error:
        raise DescriptionError(error.what, str(lines[error.number].origin), error.hint) from None
    return [SourceLine(text, line.origin) for text, line in zip(texts, lines)]


def _variable_name(element: Element) -> str:
    name = element.attributes.get("name", "")
    if not re.fullmatch(NAME_PATTERN, name):
        raise DescriptionError(
            f'<var name="{unmark(name)}"> is not a valid name of an attribute', str(element.origin)
        )
    return name


EXPANDERS = {
    "var": Expander._expand_var,
    "eval": Expander._expand_eval,
    "include": Expander._expand_include,
    "sinclude": Expander._expand_include,
    "sha256sums": Expander._expand_sha256sums,
}


def split_lines(chunks: list[Chunk]) -> list[SourceLine]:
    """Split chunks into lines. A line's place is that of its first visible character."""
    lines: list[SourceLine] = []
    text = ""
    origin: Optional[Origin] = None
    for chunk in chunks:
        for number, part in enumerate(chunk.text.split("\n")):
            if number:
                lines.append(SourceLine(text, origin or chunk.origin))
                text = ""
                origin = None
            if origin is None or not text.strip():
                file, line = chunk.origin
                origin = Origin(file, line + number) if chunk.tracks_lines else chunk.origin
            text += part
    if text.strip():  # otherwise it is the indentation of the end tag
        lines.append(SourceLine(text, origin or chunks[-1].origin))
    return lines
