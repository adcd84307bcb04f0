# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The types of this package: what the XML contains, and what it compiles to.

They are named tuples because a compile creates thousands of them. They have no behaviour beyond
showing themselves.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Final, Literal, Mapping, NamedTuple, Optional, Union

from ..errors import RocksError


class Origin(NamedTuple):
    """A place in a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


Severity = Literal["error", "warning"]
ERROR: Final = "error"
WARNING: Final = "warning"


class Remark(NamedTuple):
    """A finding about the XML. An error stops a compile, a warning does not."""

    severity: Severity
    rule: str
    origin: Origin
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}" + (f"; {self.hint}" if self.hint else "")


COMPILE_RULE = "description"
"""The rule of errors that end a compile and have no rule of their own."""


def remark_from_error(error: RocksError, fallback: Origin) -> Remark:
    """Convert an error; its place is read from ``error.where`` if that is FILE:LINE."""
    file, _colon, line = error.where.rpartition(":")
    origin = Origin(file, int(line)) if file and line.isdigit() else fallback
    return Remark(
        severity=ERROR, rule=COMPILE_RULE, origin=origin, text=error.what, hint=error.hint
    )


class Text(NamedTuple):
    """Characters of a file, with placeholders for references to attributes (see escaping.py)."""

    text: str
    origin: Origin
    literal: bool = False
    """A CDATA section: ``&name;`` in it is not a reference."""


class Element(NamedTuple):
    """An XML element without its comments, with the line of its start tag."""

    tag: str
    attributes: Mapping[str, str]
    children: list[Union[Element, Text]]
    origin: Origin


class Edge(NamedTuple):
    """``source`` includes ``target`` if all conditions hold."""

    source: str
    target: str
    conditions: tuple[Condition, ...]
    origin: Origin
    roll: str


class OrderEdge(NamedTuple):
    """``head`` comes before ``tail``. Neither includes the other."""

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
    """All graph files of a graph, merged."""

    name: str
    edges: tuple[Edge, ...]
    orders: tuple[OrderEdge, ...]
    attributes: tuple[AttributeDeclaration, ...]


class Condition(NamedTuple):
    """The conditions of an element: lists (``arch``, ``os``, ``release``) and ``cond``."""

    lists: tuple[tuple[str, tuple[str, ...]], ...]
    expression: str
    origin: Origin

    def __str__(self) -> str:
        return " and ".join(
            [f"{name} in {', '.join(values)}" for name, values in self.lists]
            + ([self.expression] if self.expression else [])
        )


class Reference(NamedTuple):
    """A reference to an attribute, and the context that decides how its value is quoted."""

    name: str
    context: str
    """A key of ``escaping.ESCAPERS``."""


Piece = Union[str, Reference]


class Line(NamedTuple):
    """A line of a kickstart before substitution, and its place in the XML."""

    pieces: tuple[Piece, ...]
    origin: Optional[Origin]


class Package(NamedTuple):
    """A line of %packages (a name, ``@group`` or ``-name``), and the elements that request it."""

    name: str
    origins: tuple[Origin, ...]


class ProfileNode(NamedTuple):
    """A node of the graph that a root reaches: its files, and the edge that leads to it."""

    name: str
    files: tuple[str, ...]
    parent: str
    edge: Optional[Origin]
    """None for the root."""


@dataclasses.dataclass(frozen=True)
class Profile:
    """A compiled root: a whole kickstart except the values of attributes in its texts."""

    root: str
    graph: str
    release: str
    nodes: tuple[ProfileNode, ...]
    shape: Mapping[str, Optional[str]]
    """The attributes that decided what the profile contains, with their values (None: not set).

    Nodes with equal values of all these attributes share the profile.
    """
    defaults: Mapping[str, str]
    """The values of attributes that a node does not have."""
    packages: tuple[Package, ...]
    """The entries of %packages, in their order in the kickstart."""
    lines: tuple[Line, ...]
    remarks: tuple[Remark, ...]


Evaluate = Callable[[str, str], str]
"""Run a script (the text of an ``<eval>``) with an interpreter and return its output.

Raises CommandError.
"""
