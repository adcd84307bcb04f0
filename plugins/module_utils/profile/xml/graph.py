# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Graph files: which node includes which, and which comes before which."""

from __future__ import annotations

import itertools
import os
from typing import Iterable, Iterator

from ...errors import DescriptionError
from ...suggestions import did_you_mean
from ..model import AttributeDeclaration, AttributeType, Edge, Element, Graph, OrderEdge, Text
from .attribute_types import TYPES, value_error
from .conditions import condition_of

# Rocks has order edges for several generators; this one is for kickstarts.
GENERATOR = "kgen"


def read_graph(root: Element) -> Graph:
    """Read a graph file from its outermost element; the graph has no name yet.

    An edge can name both ends in its attributes, or one end there and the others as child elements.
    The conditions of the edge and of the child elements must all hold. Raises DescriptionError with
    file:line for an edge without an end and for a wrong declaration of an attribute.
    """
    if root.tag != "graph":
        raise DescriptionError(
            f"<{root.tag}> is not a graph file", str(root.origin), "its element is <graph>"
        )
    roll = root.attributes.get("roll") or os.path.splitext(os.path.basename(root.origin.file))[0]
    children = [child for child in root.children if isinstance(child, Element)]
    return Graph(
        name="",
        edges=tuple(
            edge for child in children if child.tag == "edge" for edge in _edges(child, roll)
        ),
        orders=tuple(
            order for child in children if child.tag == "order" for order in _orders(child)
        ),
        attributes=tuple(
            _read_declaration(child) for child in children if child.tag == "attribute"
        ),
    )


def merge_graphs(name: str, parts: Iterable[Graph]) -> Graph:
    """Merge graph files. If two of them declare an attribute, the later declaration counts."""
    graphs = list(parts)
    declared = {declaration.name: declaration for part in graphs for declaration in part.attributes}
    return Graph(
        name=name,
        edges=tuple(edge for part in graphs for edge in part.edges),
        orders=tuple(order for part in graphs for order in part.orders),
        attributes=tuple(declared[key] for key in sorted(declared)),
    )


def _read_declaration(element: Element) -> AttributeDeclaration:
    if not element.attributes.get("name"):
        raise DescriptionError("<attribute> needs name=", str(element.origin))
    meaning = " ".join(
        "".join(text.text for text in element.children if isinstance(text, Text)).split()
    )
    declaration = AttributeDeclaration(
        name=element.attributes["name"],
        default=element.attributes.get("default"),
        meaning=meaning,
        origin=element.origin,
        type=_attribute_type(element),
        values=tuple(element.attributes.get("values", "").split()),
    )
    for value in declaration.values:
        error = value_error(declaration._replace(values=()), value)
        if error:
            raise DescriptionError(
                f'values= of the attribute "{declaration.name}": {error}', str(element.origin)
            )
    error = value_error(declaration, declaration.default) if declaration.default else ""
    if error:
        raise DescriptionError(
            f'the default of the attribute "{declaration.name}": {error}',
            str(element.origin),
            "separate values with blanks" if "," in element.attributes.get("values", "") else "",
        )
    return declaration


def _attribute_type(element: Element) -> AttributeType:
    name = element.attributes.get("type", "str")
    for candidate in TYPES:
        if name == candidate:
            return candidate
    raise DescriptionError(
        f'type="{name}" on <attribute> is not a type',
        str(element.origin),
        did_you_mean(name, TYPES) or f"types: {', '.join(TYPES)}",
    )


def _edges(element: Element, roll: str) -> Iterator[Edge]:
    for (source, source_holder), (target, target_holder) in _ends(element, "from", "to"):
        holders = [element, *(end for end in (source_holder, target_holder) if end is not element)]
        conditions = tuple(condition for condition in map(condition_of, holders) if condition)
        yield Edge(
            source=source,
            target=target,
            conditions=conditions,
            origin=(source_holder if target_holder is element else target_holder).origin,
            roll=roll,
        )


def _orders(element: Element) -> Iterator[OrderEdge]:
    if element.attributes.get("gen", GENERATOR) == GENERATOR:
        for (head, head_holder), (tail, tail_holder) in _ends(element, "head", "tail"):
            yield OrderEdge(
                head, tail, (head_holder if tail_holder is element else tail_holder).origin
            )


End = tuple[str, Element]


def _ends(element: Element, first: str, second: str) -> Iterator[tuple[End, End]]:
    """Return every pair of ends, each with its name and the element that contains it."""
    firsts = _end_names(element, first)
    seconds = _end_names(element, second)
    if not firsts or not seconds:
        missing = second if firsts else first
        raise DescriptionError(
            f"<{element.tag}> has no {missing}",
            str(element.origin),
            f"add {missing}= or a <{missing}> element",
        )
    yield from itertools.product(firsts, seconds)


def _end_names(element: Element, end: str) -> list[End]:
    ends = [(element.attributes[end], element)] if element.attributes.get(end) else []
    for child in element.children:
        if isinstance(child, Element) and child.tag == end:
            name = "".join(text.text for text in child.children if isinstance(text, Text)).strip()
            if not name:
                raise DescriptionError(
                    f"<{end}> is empty; it should name a node", str(child.origin)
                )
            ends.append((name, child))
    return ends
