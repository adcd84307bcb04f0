# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Graph files: which node includes which, and which comes before which."""

from __future__ import annotations

import os
from typing import Iterable, Iterator, Optional

from ..errors import DescriptionError
from .gate import condition
from .model import Condition, Declared, Edge, Element, Graph, OrderEdge, Text

# The order edges of other generators than the one for kickstarts are not ours.
GENERATOR = "kgen"


def read_graph(name: str, files: Iterable[Element]) -> Graph:
    """One graph from the outermost elements of its files.

    An edge may name both ends in its attributes, or one there and the others as elements inside; conditions of the
    edge and of the inner element are both asked.  Raises DescriptionError with file:line for an edge without an end.
    """
    edges: list[Edge] = []
    orders: list[OrderEdge] = []
    declared: dict[str, Declared] = {}
    for root in files:
        if root.tag != "graph":
            raise DescriptionError(f"<{root.tag}> is not a graph file", str(root.origin), "its element is <graph>")
        roll = root.attributes.get("roll") or os.path.splitext(os.path.basename(root.origin.file))[0]
        for child in root.children:
            if isinstance(child, Text):
                continue
            if child.tag == "attribute":
                declared[child.attributes.get("name", "")] = _declared(child)
            elif child.tag == "edge":
                edges.extend(_edges(child, roll))
            elif child.tag == "order" and child.attributes.get("gen", GENERATOR) == GENERATOR:
                orders.extend(OrderEdge(head, tail, end.origin) for head, tail, end in _ends(child, "head", "tail"))
    return Graph(name, tuple(edges), tuple(orders), tuple(declared[key] for key in sorted(declared)))


def _declared(element: Element) -> Declared:
    if not element.attributes.get("name"):
        raise DescriptionError("<attribute> has no name=", str(element.origin))
    meaning = " ".join("".join(text.text for text in element.children if isinstance(text, Text)).split())
    return Declared(element.attributes["name"], element.attributes.get("default"), meaning, element.origin)


def _edges(element: Element, roll: str) -> Iterator[Edge]:
    outer = condition(element)
    for source, target, end in _ends(element, "from", "to"):
        inner = condition(end) if end is not element else None
        yield Edge(source, target, _both(outer, inner), end.origin, roll)


def _ends(element: Element, first: str, second: str) -> Iterator[tuple[str, str, Element]]:
    """Every pair of ends, with the element that a reader would look for."""
    firsts, seconds = _named(element, first), _named(element, second)
    if not firsts or not seconds:
        missing = second if firsts else first
        raise DescriptionError(
            f"<{element.tag}> has no {missing}", str(element.origin), f"give {missing}= or <{missing}> inside"
        )
    for one, one_end in firsts:
        for other, other_end in seconds:
            yield one, other, one_end if other_end is element else other_end


def _named(element: Element, end: str) -> list[tuple[str, Element]]:
    named = [(element.attributes[end], element)] if element.attributes.get(end) else []
    for child in element.children:
        if isinstance(child, Element) and child.tag == end:
            name = "".join(text.text for text in child.children if isinstance(text, Text)).strip()
            if not name:
                raise DescriptionError(f"<{end}> names no node", str(child.origin))
            named.append((name, child))
    return named


def _both(outer: Optional[Condition], inner: Optional[Condition]) -> tuple[Condition, ...]:
    return tuple(asked for asked in (outer, inner) if asked is not None)
