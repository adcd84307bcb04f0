# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Graph files: which node includes which, and which comes before which."""

from __future__ import annotations

import os
from typing import Iterable, Iterator

from ...errors import DescriptionError
from ...suggestions import did_you_mean
from ..model import AttributeDeclaration, AttributeType, Edge, Element, Graph, OrderEdge, Text
from .attribute_types import TYPES, value_error
from .conditions import condition_of

# The order edges of other generators than the one for kickstarts are not ours.
GENERATOR = "kgen"


def read_graph(root: Element) -> Graph:
    """What one graph file says, from its outermost element; the graph has no name yet.

    An edge may name both ends in its attributes, or one there and the others as elements inside; conditions of the
    edge and of the inner element are both asked.  Raises DescriptionError with file:line for an edge without an end.
    """
    if root.tag != "graph":
        raise DescriptionError(
            f"<{root.tag}> is not a graph file", str(root.origin), "its element is <graph>"
        )
    roll = root.attributes.get("roll") or os.path.splitext(os.path.basename(root.origin.file))[0]
    children = [child for child in root.children if isinstance(child, Element)]
    return Graph(
        "",
        tuple(edge for child in children if child.tag == "edge" for edge in _edges(child, roll)),
        tuple(order for child in children if child.tag == "order" for order in _orders(child)),
        tuple(_declared(child) for child in children if child.tag == "attribute"),
    )


def merge_graphs(name: str, parts: Iterable[Graph]) -> Graph:
    """Several graph files as one graph; of an attribute that two of them declare, the later one counts."""
    whole = list(parts)
    declared = {one.name: one for part in whole for one in part.attributes}
    return Graph(
        name,
        tuple(edge for part in whole for edge in part.edges),
        tuple(order for part in whole for order in part.orders),
        tuple(declared[key] for key in sorted(declared)),
    )


def _declared(element: Element) -> AttributeDeclaration:
    if not element.attributes.get("name"):
        raise DescriptionError("<attribute> has no name=", str(element.origin))
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
        if value_error(declaration._replace(values=()), value):
            raise DescriptionError(
                f'values="{value}" of the attribute "{declaration.name}" is not a valid {declaration.type}',
                str(element.origin),
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
    for known in TYPES:
        if name == known:
            return known
    raise DescriptionError(
        f'type="{name}" on <attribute> is not a type',
        str(element.origin),
        did_you_mean(name, TYPES) or f"types: {', '.join(TYPES)}",
    )


def _edges(element: Element, roll: str) -> Iterator[Edge]:
    for (source, one), (target, other) in _ends(element, "from", "to"):
        holders = [element, *(end for end in (one, other) if end is not element)]
        conditions = tuple(asked for asked in map(condition_of, holders) if asked)
        yield Edge(source, target, conditions, (one if other is element else other).origin, roll)


def _orders(element: Element) -> Iterator[OrderEdge]:
    if element.attributes.get("gen", GENERATOR) == GENERATOR:
        for (head, one), (tail, other) in _ends(element, "head", "tail"):
            yield OrderEdge(head, tail, (one if other is element else other).origin)


End = tuple[str, Element]


def _ends(element: Element, first: str, second: str) -> Iterator[tuple[End, End]]:
    """Every pair of ends; each is a name, and the element that holds it."""
    firsts, seconds = _named(element, first), _named(element, second)
    if not firsts or not seconds:
        missing = second if firsts else first
        raise DescriptionError(
            f"<{element.tag}> has no {missing}",
            str(element.origin),
            f"give {missing}= or <{missing}> inside",
        )
    yield from ((one, other) for one in firsts for other in seconds)


def _named(element: Element, end: str) -> list[End]:
    named = [(element.attributes[end], element)] if element.attributes.get(end) else []
    for child in element.children:
        if isinstance(child, Element) and child.tag == end:
            name = "".join(text.text for text in child.children if isinstance(text, Text)).strip()
            if not name:
                raise DescriptionError(f"<{end}> names no node", str(child.origin))
            named.append((name, child))
    return named
