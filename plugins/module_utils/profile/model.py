# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of this room: what the XML says (elements, edges), and what it compiles to (a profile).

No behaviour beyond what the fields themselves answer.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Literal, Mapping, NamedTuple, Optional, Union

from ..errors import RocksError


class Origin(NamedTuple):
    """Where something was written."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Remark(NamedTuple):
    """One finding about the XML.  An ``error`` stops a compile, a ``warning`` does not."""

    severity: str
    rule: str
    origin: Origin
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}" + (f"; {self.hint}" if self.hint else "")


ERROR, WARNING = "error", "warning"
COMPILE_RULE = (
    "description"  # the rule of everything that ends a compile and has no rule of its own
)


def remark_from_error(error: RocksError, fallback: Origin) -> Remark:
    """An error as a remark; its place is taken from the message where it has one."""
    file, _colon, line = error.where.rpartition(":")
    origin = Origin(file, int(line)) if file and line.isdigit() else fallback
    return Remark(ERROR, COMPILE_RULE, origin, error.what, error.hint)


class Text(NamedTuple):
    """Characters of a file; a reference to an attribute is a placeholder in them (see escaping.py)."""

    text: str
    origin: Origin
    literal: bool = False
    """A CDATA section: ``&name;`` in it is not a reference."""


class Element(NamedTuple):
    """One XML element, comments gone, with the line of its start tag."""

    tag: str
    attributes: Mapping[str, str]
    children: list[Union[Element, Text]]
    origin: Origin


class Edge(NamedTuple):
    """``source`` includes ``target``, where every one of the conditions holds."""

    source: str
    target: str
    conditions: tuple[Condition, ...]
    origin: Origin
    roll: str


class OrderEdge(NamedTuple):
    """``head`` comes before ``tail``; it includes neither."""

    head: str
    tail: str
    origin: Origin


AttributeType = Literal["str", "bool", "int", "address", "network", "host", "path", "url"]


class AttributeDeclaration(NamedTuple):
    """An attribute that a graph file declares."""

    name: str
    default: Optional[str]
    """The value for nodes that have none. None: the attribute must be set where it is used."""
    meaning: str
    origin: Origin
    type: AttributeType = "str"
    values: tuple[str, ...] = ()
    """The allowed values; empty: every value of the type."""


class Graph(NamedTuple):
    """All graph files of one graph, as one."""

    name: str
    edges: tuple[Edge, ...]
    orders: tuple[OrderEdge, ...]
    attributes: tuple[AttributeDeclaration, ...]


class Condition(NamedTuple):
    """What ``arch``, ``os``, ``release`` (lists of names) and ``cond`` (an expression) of one element ask for."""

    lists: tuple[tuple[str, tuple[str, ...]], ...]
    expression: str
    origin: Origin

    def __str__(self) -> str:
        return " and ".join(
            [f"{name} in {', '.join(values)}" for name, values in self.lists]
            + ([self.expression] if self.expression else [])
        )


class Reference(NamedTuple):
    """The place of an attribute's value, and how the value is written there (a name of context.RULES)."""

    name: str
    context: str


Piece = Union[str, Reference]


class Line(NamedTuple):
    """One line of a kickstart before substitution, and where it was written."""

    pieces: tuple[Piece, ...]
    origin: Optional[Origin]


class Package(NamedTuple):
    """One line of %packages: a name, ``@group`` or ``-name``, and the elements that ask for it."""

    name: str
    origins: tuple[Origin, ...]


class ProfileNode(NamedTuple):
    """One node of the graph as a root reached it: its files, and the edge it was reached by (none for the root)."""

    name: str
    files: tuple[str, ...]
    parent: str
    edge: Optional[Origin]


@dataclasses.dataclass(frozen=True)
class Profile:
    """A compiled root: everything of a kickstart but the values of the nodes' own attributes.

    shape     the attributes that decided what the profile holds, with the values (None: undefined) that they had;
              nodes that agree on all of them share the profile
    defaults  what an attribute is where a node has none of its own
    lines     the whole kickstart, line by line
    packages  what %packages asks for, sorted
    """

    root: str
    graph: str
    release: str
    nodes: tuple[ProfileNode, ...]
    shape: Mapping[str, Optional[str]]
    defaults: Mapping[str, str]
    packages: tuple[Package, ...]
    lines: tuple[Line, ...]
    remarks: tuple[Remark, ...]


# script, interpreter -> what it prints.  Raises CommandError.
Evaluate = Callable[[str, str], str]
