# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse boolean dependencies such as ``(a and b)`` (rpm.org, "Boolean Dependencies")."""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional, Union

from ...errors import DescriptionError
from ..evr import parse_evr
from .capabilities import FLAGS, Capability

OPERATORS = ("and", "or", "if", "unless", "with", "without", "else")
# A name can contain brackets: perl(Foo), libc.so.6(GLIBC_2.34)(64bit).
_TOKEN = re.compile(r"\s*(\((?=\s)|\(|\)|[^\s()]+(?:\([^\s()]*\))*)")


class RichDependency(NamedTuple):
    """An operator with two operands; ``if`` and ``unless`` can have a third one (``else``)."""

    operator: str
    left: Dependency
    right: Dependency
    otherwise: Optional[Dependency] = None


Dependency = Union[Capability, RichDependency]


def parse_rich(text: str) -> Dependency:
    """Parse a dependency in brackets.  Raises DescriptionError for any other text."""
    tokens = _Tokens(text)
    dependency = _bracket(tokens)
    if tokens.peek():
        raise tokens.error()
    return dependency


def is_satisfiable(dependency: Dependency, is_met: Callable[[Capability], bool]) -> bool:
    """Return whether some choice of packages satisfies the dependency.

    is_met  returns whether a package provides a capability

    The choice may leave out the condition of a conditional dependency.
    """
    if isinstance(dependency, Capability):
        return is_met(dependency)
    left = is_satisfiable(dependency.left, is_met)
    right = is_satisfiable(dependency.right, is_met)
    otherwise = dependency.otherwise is None or is_satisfiable(dependency.otherwise, is_met)
    if dependency.operator == "or":
        return left or right
    if dependency.operator == "if":
        return (left and right) or otherwise
    if dependency.operator == "unless":
        return left or (right and dependency.otherwise is not None and otherwise)
    return left if dependency.operator == "without" else left and right


class _Tokens:
    """The tokens of a dependency, consumed in order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = [match.group(1) for match in _TOKEN.finditer(text)]
        self._next = 0

    def peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._next += 1
        return token

    def error(self) -> DescriptionError:
        return DescriptionError(f'"{self.text}" is not a valid boolean dependency')


def _bracket(tokens: _Tokens) -> Dependency:
    if tokens.take() != "(":
        raise tokens.error()
    dependency = _operand(tokens)
    while tokens.peek() in OPERATORS:
        operator = tokens.take()
        operand = _operand(tokens)
        if operator != "else":
            dependency = RichDependency(operator, dependency, operand)
        elif isinstance(dependency, RichDependency) and dependency.operator in ("if", "unless"):
            dependency = dependency._replace(otherwise=operand)
        else:
            raise tokens.error()
    if tokens.take() != ")":
        raise tokens.error()
    return dependency


def _operand(tokens: _Tokens) -> Dependency:
    if tokens.peek() == "(":
        return _bracket(tokens)
    name = tokens.take()
    if not name or name == ")" or name in OPERATORS:
        raise tokens.error()
    flags = FLAGS.get(tokens.peek())
    if flags is None:
        return Capability(name)
    tokens.take()
    evr = parse_evr(tokens.take())
    return Capability(name, flags, *evr)
